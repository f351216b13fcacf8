"""The engine against the model itself: whole prompts, one at a time, through `forward` and `generate`."""

from __future__ import annotations

import asyncio
import ctypes
import functools
import gc
from collections.abc import AsyncGenerator, Sequence

import psutil
import pytest
from scipy.stats import theilslopes
from support import tiny_model
from support.tiny_model import DIRECT, DRAFT, INVERTED, LONGER, PREAMBLE, REPORT, card, lamp
from support.vlm_answers import answers, same
from support.whole_prompt import WholePrompt

from inspector.adapters.vlm.stub import StubEngine
from inspector.adapters.vlm.transformers.checkpoint import load_checkpoint
from inspector.adapters.vlm.transformers.engine import TransformersEngine
from inspector.domain.declared import Reasoning, ViewName
from inspector.domain.prompts import NO, VERDICT_CUE, YES, Question
from inspector.errors import ModelError, PictureError
from inspector.ports.engine import Picture

QUESTIONS = (
    Question(ViewName.DIRECT, DIRECT),
    Question(ViewName.PARAPHRASE, LONGER),
    Question(ViewName.INVERTED, INVERTED, NO, YES),
    Question(ViewName.CHECKLIST, "Glare? Answer Yes or No."),
)
TOKEN_BYTES = 2 * 2 * 2 * 16 * 4  # keys and values of two layers of two heads 16 wide, float32
BLOCK, WARM = 10, 12
ONE = (lamp(0.55),)
TWO = (lamp(0.1, (96, 64)), lamp(0.9))


def draft(seed: int, *, temperature: float = 1.0, max_tokens: int = 16) -> Question:
    return Question(
        ViewName.DIRECT, DRAFT, reasoning=Reasoning.DRAFT, temperature=temperature, seed=seed, max_tokens=max_tokens
    )


@functools.cache
def reference() -> WholePrompt:
    return WholePrompt(load_checkpoint(card(), tiny_model.folder() / "tiny"), card())


@pytest.mark.parametrize("pictures", [ONE, TWO], ids=["one picture", "two pictures"])
async def test_batched_questions_get_the_probability_of_a_whole_forward(pictures: Sequence[Picture]) -> None:
    batched = await answers(tiny_model.engine(), pictures, QUESTIONS)
    for question, answer in zip(QUESTIONS, batched, strict=True):
        assert answer.p_ng == pytest.approx(reference().share_of_ng(pictures, PREAMBLE, question), abs=1e-4)


async def test_a_question_asked_alone_gets_the_same_probability() -> None:
    batched = await answers(tiny_model.engine(), TWO, QUESTIONS)
    alone = [(await answers(tiny_model.engine(), TWO, [question]))[0] for question in QUESTIONS]
    assert [answer.p_ng for answer in alone] == pytest.approx([answer.p_ng for answer in batched], abs=1e-6)


async def test_asking_twice_on_one_prefix_gives_the_same() -> None:
    engine = tiny_model.engine()
    prefix = await engine.open(ONE, PREAMBLE)
    questions = [*QUESTIONS, draft(1), draft(2)]
    first = [answer async for answer in engine.ask(prefix, questions)]
    assert same([answer async for answer in engine.ask(prefix, questions)], first)


async def test_direct_answers_come_before_drafts() -> None:
    engine = tiny_model.engine()
    prefix = await engine.open(ONE, PREAMBLE)
    order = [answer.index async for answer in engine.ask(prefix, [draft(1), QUESTIONS[0], draft(2), QUESTIONS[1]])]
    assert set(order[:2]) == {1, 3}
    assert set(order) == {0, 1, 2, 3}


async def test_asking_nothing_answers_nothing() -> None:
    assert await answers(tiny_model.engine(), ONE, []) == []


@pytest.mark.parametrize("brightness", [0.05, 0.95])
@pytest.mark.parametrize(
    ("request_text", "start"),
    [(REPORT, '{"defect": "'), (REPORT, ""), (DRAFT, ""), (DRAFT, "It"), ("Say something else.", "")],
)
async def test_greedy_words_are_those_of_generate(brightness: float, request_text: str, start: str) -> None:
    pictures, engine = (lamp(brightness),), tiny_model.engine()
    prefix = await engine.open(pictures, PREAMBLE)
    written = await engine.write(prefix, request_text, start=start, max_tokens=24)
    assert written == reference().generate(pictures, PREAMBLE + request_text, start, 24)


async def test_a_bright_lamp_is_reported_and_the_text_ends_with_its_object() -> None:
    engine = tiny_model.engine()
    prefix = await engine.open([lamp(0.95)], PREAMBLE)
    written = await engine.write(prefix, REPORT, start='{"defect": "', max_tokens=60)
    assert written.text == '{"defect": "glare", "description": "a {bright} lamp"}'


async def test_words_end_at_the_cap() -> None:
    engine = tiny_model.engine()
    prefix = await engine.open([lamp(0.95)], PREAMBLE)
    assert (await engine.write(prefix, REPORT, start="", max_tokens=3)).tokens == 3
    assert await engine.write(prefix, REPORT, start="{", max_tokens=0) == ("{", 0)


async def test_a_draft_at_temperature_zero_is_the_greedy_text() -> None:
    engine = tiny_model.engine()
    prefix = await engine.open(ONE, PREAMBLE)
    written = await engine.write(prefix, DRAFT, start="", max_tokens=24)
    (answer,) = [answer async for answer in engine.ask(prefix, [draft(0, temperature=0.0)])]
    assert written.text.startswith(answer.text)
    assert answer.text.endswith(VERDICT_CUE)


async def test_the_verdict_of_a_draft_is_read_after_its_text() -> None:
    greedy = draft(0, temperature=0.0)
    (answer,) = await answers(tiny_model.engine(), ONE, [greedy])
    assert answer.p_ng == pytest.approx(reference().share_of_ng(ONE, PREAMBLE, greedy, answer.text), abs=1e-4)


async def test_a_sample_follows_its_seed_in_any_company() -> None:
    engine = tiny_model.engine()
    drafts = [draft(seed) for seed in range(8)]
    together = await answers(engine, ONE, drafts)
    reversed_ = await answers(engine, ONE, [QUESTIONS[1], *reversed(drafts)])
    alone = [(await answers(engine, ONE, [question]))[0] for question in drafts]
    texts = [answer.text for answer in together]
    assert [answer.text for answer in alone] == texts
    assert [answer.text for answer in reversed_[:0:-1]] == texts
    assert len(set(texts)) > 2


async def test_a_draft_that_finds_no_end_is_made_to_give_its_verdict() -> None:
    (capped,) = await answers(tiny_model.engine(), ONE, [draft(0, max_tokens=2)])
    assert capped.text.endswith(f" {VERDICT_CUE}")
    assert capped.tokens > 2
    assert capped.p_ng is not None
    (ended,) = await answers(
        tiny_model.engine(), ONE, [Question(ViewName.DIRECT, DIRECT, reasoning=Reasoning.DRAFT, max_tokens=20)]
    )
    assert ended.text in (f"Yes {VERDICT_CUE}", f"No {VERDICT_CUE}")


async def test_many_parts_at_once_get_the_answers_they_get_alone() -> None:
    engine = tiny_model.engine()
    parts = [[lamp(step / 11)] for step in range(12)]
    questions = [*QUESTIONS, draft(1), draft(2)]
    alone = [await answers(engine, part, questions) for part in parts]
    together = await asyncio.gather(*(answers(engine, part, questions) for part in parts))
    assert all(same(*pair) for pair in zip(together, alone, strict=True))


async def test_cancelling_one_part_never_changes_another() -> None:
    engine = tiny_model.engine()
    drafts = [draft(seed) for seed in range(6)]
    alone = await answers(engine, TWO, drafts)
    begun = asyncio.Event()

    async def ask() -> None:
        prefix = await engine.open(ONE, PREAMBLE)
        async for _ in engine.ask(prefix, [QUESTIONS[0], *drafts * 3]):
            begun.set()  # the direct question is answered first; the drafts still have many forwards to go

    cancelled = asyncio.create_task(ask())
    other = asyncio.create_task(answers(engine, TWO, drafts))
    await begun.wait()
    cancelled.cancel()
    assert same(await other, alone)
    with pytest.raises(asyncio.CancelledError):
        await cancelled


async def test_closing_the_answers_cancels_the_rest() -> None:
    engine = tiny_model.engine()
    prefix = await engine.open(ONE, PREAMBLE)
    asked = engine.ask(prefix, [QUESTIONS[0], draft(1)])
    assert isinstance(asked, AsyncGenerator)
    assert (await anext(asked)).index == 0
    await asked.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(asked)
    assert len([answer async for answer in engine.ask(prefix, QUESTIONS)]) == len(QUESTIONS)


async def test_an_unreadable_picture_is_refused_and_the_engine_goes_on() -> None:
    before = await answers(tiny_model.engine(), ONE, QUESTIONS)
    with pytest.raises(PictureError, match="not a picture"):
        await tiny_model.engine().open([ONE[0], Picture(b"not a picture")], PREAMBLE)
    assert same(await answers(tiny_model.engine(), ONE, QUESTIONS), before)


async def test_a_closed_prefix_is_not_answered_from_and_may_be_closed_twice() -> None:
    engine = tiny_model.engine()
    prefix = await engine.open(ONE, PREAMBLE)
    await engine.close(prefix)
    await engine.close(prefix)
    with pytest.raises(ModelError, match="prefix is closed"):
        [answer async for answer in engine.ask(prefix, QUESTIONS)]
    with pytest.raises(ModelError, match="prefix is closed"):
        await engine.write(prefix, REPORT, start="{", max_tokens=4)


async def test_a_prefix_of_another_engine_is_refused() -> None:
    with pytest.raises(ModelError, match="StubPrefix was opened by another engine"):
        await tiny_model.engine().write(await StubEngine().open(ONE, PREAMBLE), REPORT, start="", max_tokens=4)


async def test_a_question_in_words_the_tokenizer_lacks_fails_alone() -> None:
    engine = tiny_model.engine()
    odd = Question(ViewName.DIRECT, DIRECT, ng_words=("Incontrovertibly",))
    spoiled, fine = await asyncio.gather(
        answers(engine, ONE, [odd]), answers(engine, ONE, QUESTIONS), return_exceptions=True
    )
    assert isinstance(spoiled, ModelError)
    assert "no single token" in str(spoiled)
    assert isinstance(fine, list)


@pytest.mark.parametrize("parts", [400, pytest.param(2000, marks=pytest.mark.soak)])
async def test_parts_that_end_in_every_way_leave_memory_flat(parts: int) -> None:
    """Proven at 99 %: not even a tenth of what one part's prefix takes stays behind of each."""
    budget = {"min": 320 * 224, "max": 320 * 224}
    engine = TransformersEngine.load(card(pixels=budget), tiny_model.folder())
    part_bytes = (await engine.open(ONE, PREAMBLE)).tokens * TOKEN_BYTES
    resident = [await resident_after(engine, BLOCK) for _ in range(parts // BLOCK)]
    flat = resident[WARM:]  # the allocator's tables, and a kernel for every new shape, grow at first
    growth = theilslopes(flat, [BLOCK * block for block in range(len(flat))], alpha=0.99)
    assert growth.low_slope < part_bytes / 10
    assert (flat[-1] - flat[0]) / BLOCK / len(flat) < part_bytes
    async with asyncio.timeout(30):
        while engine.open_prefixes:  # the worker frees what was cancelled last between two steps
            await asyncio.sleep(0.05)


async def resident_after(engine: TransformersEngine, parts: int) -> int:
    """Memory in use once so many more parts are gone."""
    for part in range(parts):
        await ENDINGS[part % len(ENDINGS)](engine, [lamp(part % 10 / 10)])
    gc.collect()
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)
    return psutil.Process().memory_info().rss


async def is_closed(engine: TransformersEngine, pictures: Sequence[Picture]) -> None:
    await answers(engine, pictures, [QUESTIONS[0], draft(1, max_tokens=4)])


async def is_dropped(engine: TransformersEngine, pictures: Sequence[Picture]) -> None:
    """Nobody closes it, and its answers are not waited for."""
    asked = engine.ask(await engine.open(pictures, PREAMBLE), [QUESTIONS[0], draft(1), draft(2)])
    await anext(asked)
    await asked.aclose()


async def is_cancelled(engine: TransformersEngine, pictures: Sequence[Picture]) -> None:
    opening = asyncio.create_task(answers(engine, pictures, [draft(1), draft(2)]))
    await asyncio.sleep(0.005)
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)


async def is_refused(engine: TransformersEngine, pictures: Sequence[Picture]) -> None:
    with pytest.raises(PictureError):
        await engine.open([*pictures, Picture(b"not a picture")], PREAMBLE)


ENDINGS = (is_closed, is_dropped, is_closed, is_cancelled, is_refused)
