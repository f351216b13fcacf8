"""Ask through the engine's port: only wanted answers, and once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path

import pytest
from support.mmad_parts import LetterEngine, LetterPrefix, an_item

from inspector.domain.declared import Reasoning
from inspector.domain.prompts import Question
from inspector.errors import InspectorError, ModelError, PictureError
from inspector.lab.evaluation.mmad.answer_collector import AnswerCollector, shares
from inspector.lab.evaluation.mmad.items import Item
from inspector.lab.evaluation.mmad.letter_strategy import LetterStrategy, letter_strategy
from inspector.lab.evaluation.mmad.letter_votes import VoteFile
from inspector.lab.evaluation.mmad.prompt import direct
from inspector.ports.engine import Answer, Picture, Prefix

ITEMS = (an_item(), an_item(number=1, question="Where?", options=("Left", "Right", "Top", "Rim"), answer="D"))
SURE = {"A": 0.1, "B": 0.8, "D": 0.05}


class Unreadable(LetterEngine):
    """An engine that cannot read any picture."""

    async def open(self, pictures: Sequence[Picture], preamble: str) -> LetterPrefix:
        raise PictureError("the picture can't be read")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path in (ITEMS[0].picture, *ITEMS[0].templates):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(path.encode())
    return tmp_path


async def collect(
    root: Path, engine: LetterEngine, *names: str, items: Sequence[Item] = ITEMS
) -> tuple[AnswerCollector, list[LetterStrategy], list[int]]:
    chosen, told = [letter_strategy(name) for name in names], list[int]()
    with VoteFile(root / "votes.jsonl") as votes:
        collector = AnswerCollector(engine, root, chosen, votes)
        await collector.run(items, told.append)
    return collector, chosen, told


async def test_the_letters_logits_are_read_and_add_up_to_one(root: Path) -> None:
    collector, (single,), _ = await collect(root, LetterEngine(lambda text: SURE), "single")
    (vote,) = collector.votes(ITEMS[1], single)
    assert vote.shares == pytest.approx({"A": 0.1 / 0.95, "B": 0.8 / 0.95, "C": 0.0, "D": 0.05 / 0.95})
    assert single.answer([vote]) == "B"


async def test_a_model_that_says_no_letter_gives_no_answer(root: Path) -> None:
    collector, (single,), _ = await collect(root, LetterEngine(lambda text: {"Yes": 1.0}), "single")
    (vote,) = collector.votes(ITEMS[0], single)
    assert (vote.shares, single.answer([vote])) == (None, None)


def test_one_letter_that_can_not_be_read_spoils_the_reading() -> None:
    answers = [Answer(0, 0.6, 0, ""), Answer(1, None, 0, "")]
    assert shares(answers, "AB") is None
    assert shares([Answer(0, 0.0, 0, ""), Answer(1, 0.0, 0, "")], "AB") is None


async def test_template_and_picture_are_opened_once_for_all_questions(root: Path) -> None:
    engine = LetterEngine(lambda text: SURE)
    _, _, told = await collect(root, engine, "single", "majority-3", "text")
    assert engine.opened == [(ITEMS[0].templates[0].encode(), ITEMS[0].picture.encode())]
    assert engine.closed == 1
    assert told == [2]


class Waiting(LetterEngine):
    """An engine that answers once the questions of both items were asked."""

    waiting = 0

    async def ask(self, prefix: Prefix, questions: Sequence[Question]) -> AsyncGenerator[Answer, None]:
        self.waiting += 1
        async with asyncio.timeout(10.0):
            while self.waiting < len(ITEMS):
                await asyncio.sleep(0.0)
        async with aclosing(super().ask(prefix, questions)) as answers:
            async for answer in answers:
                yield answer


async def test_questions_about_one_picture_are_asked_side_by_side(root: Path) -> None:
    collector, (single,), _ = await collect(root, Waiting(lambda text: SURE), "single")
    assert [single.answer(collector.votes(item, single)) for item in ITEMS] == ["B", "B"]


class HalfAway(LetterEngine):
    """An engine that fails at the second question."""

    async def ask(self, prefix: Prefix, questions: Sequence[Question]) -> AsyncGenerator[Answer, None]:
        if questions[0].text == direct(ITEMS[1]):
            raise ModelError("the model is away")
        async with aclosing(super().ask(prefix, questions)) as answers:
            async for answer in answers:
                yield answer


async def test_a_fault_at_one_question_keeps_the_answers_to_the_others(root: Path) -> None:
    engine = HalfAway(lambda text: SURE)
    with pytest.raises(ModelError, match="the model is away"):
        await collect(root, engine, "single")
    assert engine.closed == 1
    again = LetterEngine(lambda text: SURE)
    await collect(root, again, "single")
    assert {question.text for question in again.asked} == {direct(ITEMS[1])}


async def test_strategies_share_drafts(root: Path) -> None:
    engine = LetterEngine(lambda text: SURE)
    collector, chosen, _ = await collect(root, engine, "majority-5", "majority-3", "weighted-3", "adaptive-9")
    drafted = [question for question in engine.asked if question.reasoning is Reasoning.DRAFT]
    most = max(len(collector.votes(item, each)) for item in ITEMS for each in chosen)
    assert 5 * len(ITEMS) <= len(drafted) <= most * len(ITEMS)
    assert len({question.seed for question in drafted}) == len(drafted)
    assert collector.votes(ITEMS[0], chosen[1]) == collector.votes(ITEMS[0], chosen[0])[:3]


async def test_a_draft_and_its_letter_are_separate_fields(root: Path) -> None:
    collector, (majority,), _ = await collect(root, LetterEngine(lambda text: SURE), "majority-1")
    (vote,) = collector.votes(ITEMS[0], majority)
    assert vote.draft.endswith("Verdict:")
    assert vote.text in (" A.", " B.", " D.")
    assert vote.tokens == 9


async def test_adaptive_stops_where_four_agree(root: Path) -> None:
    collector, (adaptive,), _ = await collect(root, LetterEngine(lambda text: {"B": 1.0}), "adaptive-9")
    assert [len(collector.votes(item, adaptive)) for item in ITEMS] == [4, 4]


@pytest.mark.parametrize(("told", "kept"), [(0.3, 0.3), (None, 0.5)])
async def test_trust_is_asked_of_each_draft_and_silence_is_doubt(root: Path, told: float | None, kept: float) -> None:
    engine = LetterEngine(lambda text: SURE, p_true=lambda text: told)
    collector, (weighted,), _ = await collect(root, engine, "weighted-3")
    assert [vote.p_true for vote in collector.votes(ITEMS[0], weighted)] == pytest.approx([kept] * 3)
    assert weighted.distrusted(collector.votes(ITEMS[0], weighted)) == []


async def test_a_written_answer_is_read_as_the_benchmark_reads_it(root: Path) -> None:
    engine = LetterEngine(lambda text: SURE, says="The answer is D")
    collector, (text,), _ = await collect(root, engine, "text")
    assert [text.answer(collector.votes(item, text)) for item in ITEMS] == ["D", "D"]


async def test_answered_questions_are_not_asked_again(root: Path) -> None:
    first = LetterEngine(lambda text: SURE)
    before, chosen, _ = await collect(root, first, "single", "weighted-3", items=ITEMS[:1])
    again = LetterEngine(lambda text: {"A": 1.0})
    after, _, told = await collect(root, again, "single", "weighted-3", "majority-2", items=ITEMS[:1])
    assert (again.opened, again.asked, told) == ([], [], [1])
    assert [after.votes(ITEMS[0], each) for each in chosen] == [before.votes(ITEMS[0], each) for each in chosen]


async def test_another_strategy_asks_only_what_it_lacks(root: Path) -> None:
    await collect(root, LetterEngine(lambda text: SURE), "majority-3")
    more = LetterEngine(lambda text: SURE)
    await collect(root, more, "majority-5")
    assert len(more.asked) == 2 * len(ITEMS)


async def test_another_model_is_asked_anew(root: Path) -> None:
    await collect(root, LetterEngine(lambda text: SURE), "single")
    other = LetterEngine(lambda text: SURE, fingerprint="f" * 16)
    await collect(root, other, "single")
    assert len(other.asked) == 6


async def test_an_interrupted_run_gives_the_same_result_as_an_uninterrupted_one(root: Path, tmp_path: Path) -> None:
    names = ("single", "weighted-3", "adaptive-9")
    whole, chosen, _ = await collect(root, LetterEngine(lambda text: SURE), *names)
    expected = [[vote.letter for vote in whole.votes(item, each)] for item in ITEMS for each in chosen]
    lines = (root / "votes.jsonl").read_bytes().splitlines(keepends=True)
    for cut in range(len(lines)):
        (root / "votes.jsonl").write_bytes(b"".join(lines[:cut]) + lines[cut][:9])
        resumed, _, _ = await collect(root, LetterEngine(lambda text: SURE), *names)
        result = [[vote.letter for vote in resumed.votes(item, each)] for item in ITEMS for each in chosen]
        assert result == expected


async def test_an_unreadable_picture_is_named_and_earlier_answers_stay(root: Path) -> None:
    await collect(root, LetterEngine(lambda text: SURE), "single", items=ITEMS[:1])
    with pytest.raises(PictureError, match=r"good/007\.JPG, .*bad/000\.JPG: .*unpack that data set again"):
        await collect(root, Unreadable(lambda text: SURE), "single")
    (root / ITEMS[0].picture).unlink()
    with pytest.raises(InspectorError, match=r"000\.JPG can't be read"):
        await collect(root, Unreadable(lambda text: SURE), "single")
    assert len((root / "votes.jsonl").read_text().splitlines()) == 1


async def test_sampled_answers_are_asked_without_a_draft_and_differ_by_their_seed(root: Path) -> None:
    engine = LetterEngine(lambda text: SURE)
    collector, (sampled,), _ = await collect(root, engine, "sampled-4", items=ITEMS[:1])
    assert {question.text for question in engine.asked} == {direct(ITEMS[0])}
    assert len({question.seed for question in engine.asked}) == 4
    assert [vote.text for vote in collector.votes(ITEMS[0], sampled)] == [
        f"thought {question.seed}. " for question in engine.asked
    ]
