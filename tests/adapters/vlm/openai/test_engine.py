"""The openai engine against llama.cpp's own server, which runs the very model that the transformers engine runs: both
must say the same."""

from __future__ import annotations

import asyncio
import io
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image
from support import tiny_model
from support.tiny_model import DIRECT, DRAFT, INVERTED, LONGER, PREAMBLE, REPORT, lamp

from inspector.adapters.serving.replica import VisionModel
from inspector.adapters.vlm import load
from inspector.bootstrap.from_settings import card_at
from inspector.domain.declared import Reasoning, Severity, ViewName
from inspector.domain.frame import FrameKey
from inspector.domain.model_card import ModelCard
from inspector.domain.pipeline import Pipeline
from inspector.domain.prompts import ANSWER, NO, VERDICT_CUE, WAIT, YES, Question
from inspector.domain.report import Box, JsonSchema, Words, report_schema
from inspector.errors import ModelError
from inspector.ports.engine import Answer, Engine, Picture
from inspector.ports.pool import Job, Judgement

if find_spec("xllamacpp") is None or find_spec("gguf") is None:
    pytest.skip("llama.cpp's server is not installed: pip install xllamacpp gguf", allow_module_level=True)

from support.fakes import MemoryEvidence
from support.gguf_model import write_gguf
from support.llama_server import MODEL, SLOTS, llama_server

QUESTIONS = (
    Question(ViewName.DIRECT, DIRECT),
    Question(ViewName.PARAPHRASE, LONGER),
    Question(ViewName.INVERTED, INVERTED, NO, YES),
)
ONE = (lamp(0.55),)
TWO = (lamp(0.1), lamp(0.9))
GREEDY = Question(ViewName.DIRECT, DRAFT, reasoning=Reasoning.DRAFT, temperature=0.0, max_tokens=16)
START = '{"defect": "'
LAMPS = Pipeline.model_validate(
    {
        "line": "lamps",
        "cameras": ["*"],
        "product": "lamp",
        "question": DIRECT.removesuffix(ANSWER),
        "defects": {"glare": "minor"},
        "ladder": [{"views": ["direct"]}],
    }
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    model = write_gguf(tiny_model.folder() / "tiny", tmp_path_factory.mktemp("gguf"))
    with llama_server(model) as address:
        yield address


def card(address: str, **server: object) -> ModelCard:
    return tiny_model.card(engine="openai", server={"base_url": address, "model": MODEL, "max_n": SLOTS, **server})


@pytest.fixture
def engine(address: str) -> Engine:
    return load(card(address), Path())


def sample(seed: int, *, max_tokens: int = 16) -> Question:
    return replace(GREEDY, temperature=1.0, seed=seed, max_tokens=max_tokens)


async def answers(engine: Engine, pictures: Sequence[Picture], questions: Sequence[Question]) -> list[Answer]:
    """All answers about these pictures, in the order of the questions."""
    prefix = await engine.open(pictures, PREAMBLE)
    found = [answer async for answer in engine.ask(prefix, questions)]
    await engine.close(prefix)
    return sorted(found, key=lambda answer: answer.index)


async def written(engine: Engine, request: str, start: str, schema: JsonSchema | None = None) -> str:
    prefix = await engine.open([lamp(0.95)], PREAMBLE)
    return (await engine.write(prefix, request, start=start, max_tokens=80, schema=schema)).text


@pytest.mark.parametrize("pictures", [ONE, TWO], ids=["one picture", "two pictures"])
async def test_both_engines_give_the_same_probabilities(engine: Engine, pictures: Sequence[Picture]) -> None:
    far, near = await answers(engine, pictures, QUESTIONS), await answers(tiny_model.engine(), pictures, QUESTIONS)
    assert [answer.p_ng for answer in far] == pytest.approx([answer.p_ng for answer in near], abs=0.01)


async def test_both_engines_see_the_same_part_of_a_picture(engine: Engine) -> None:
    half = Image.new("L", (256, 256), 20)
    half.paste(230, (128, 0, 256, 256))
    data = io.BytesIO()
    half.save(data, "PNG")
    for crop in (Box(0.1, 0.3, 0.2, 0.5), Box(0.8, 0.8, 0.9, 1.0), Box(0.2, 0.1, 0.9, 0.8)):
        cut = [Picture(data.getvalue(), crop)]
        far, near = await answers(engine, cut, QUESTIONS), await answers(tiny_model.engine(), cut, QUESTIONS)
        assert [answer.p_ng for answer in far] == pytest.approx([answer.p_ng for answer in near], abs=0.01)


async def test_both_engines_draft_the_same_at_temperature_zero(engine: Engine) -> None:
    (far,), (near,) = await answers(engine, ONE, [GREEDY]), await answers(tiny_model.engine(), ONE, [GREEDY])
    assert (far.text, far.tokens) == (near.text, near.tokens)
    assert far.p_ng == pytest.approx(near.p_ng, abs=0.01)


async def test_both_engines_continue_a_draft_that_found_no_verdict(engine: Engine) -> None:
    short = replace(GREEDY, max_tokens=1)
    (far,), (near,) = await answers(engine, ONE, [short]), await answers(tiny_model.engine(), ONE, [short])
    assert far.text.endswith(f" {VERDICT_CUE}")
    assert far.p_ng is not None
    assert near.p_ng is not None


async def test_both_engines_keep_a_thought_going_alike(engine: Engine) -> None:
    """As far as two tokenizations of the same words let them: a server puts its tokens together anew."""
    forced = replace(GREEDY, reasoning=Reasoning.BUDGET, min_tokens=8, max_tokens=24)
    (far,), (near,) = await answers(engine, ONE, [forced]), await answers(tiny_model.engine(), ONE, [forced])
    first, _, _ = near.text.partition(WAIT)
    assert first
    assert far.text.startswith(f"{first}{WAIT}")
    assert far.text.endswith(VERDICT_CUE)
    assert far.text.count(VERDICT_CUE) == 1
    assert forced.min_tokens <= far.tokens <= forced.max_tokens + 2
    assert far.p_ng is not None


async def test_both_engines_think_step_by_step_up_to_the_same_cap(engine: Engine) -> None:
    thought = replace(GREEDY, reasoning=Reasoning.COT, max_tokens=256)
    (far,), (near,) = await answers(engine, ONE, [thought]), await answers(tiny_model.engine(), ONE, [thought])
    assert (far.text, far.tokens) == (near.text, near.tokens)


async def test_both_engines_hold_their_verdicts_alike_to_be_right(engine: Engine) -> None:
    asked = [replace(question, asks_p_true=True) for question in (*QUESTIONS, GREEDY)]
    far, near = await answers(engine, TWO, asked), await answers(tiny_model.engine(), TWO, asked)
    assert all(answer.p_true is not None for answer in near)
    assert [answer.p_true for answer in far] == pytest.approx([answer.p_true for answer in near], abs=0.01)
    assert [answer.text for answer in far[3:]] == [answer.text for answer in near[3:]]


@pytest.mark.parametrize(("request_text", "start"), [(REPORT, ""), (DRAFT, ""), (DRAFT, "It")])
async def test_both_engines_write_the_same_words(engine: Engine, request_text: str, start: str) -> None:
    assert await written(engine, request_text, start) == await written(tiny_model.engine(), request_text, start)


async def test_a_report_goes_on_from_its_start(engine: Engine) -> None:
    """Free, unlike our own engine's: the server knows no grammar where it is made to continue a text."""
    assert await written(engine, REPORT, START) == '{"defect": "glare", "description": "a {bright} lamp"}'


async def test_words_begin_as_told_where_the_server_can_do_neither(address: str) -> None:
    assert (await written(load(card(address, answers_begin="plain"), Path()), REPORT, START)).startswith(START)


async def test_a_server_that_keeps_to_schemas_names_a_class_of_the_line(address: str) -> None:
    line = LAMPS.model_copy(update={"defects": {"dent": Severity.MINOR}})
    engine = load(card(address, answers_begin="schema"), Path())
    named = re.search(r'"defect": ?"(\w+)"', await written(engine, REPORT, START, report_schema(line)))
    assert named is not None
    assert named[1] in ("dent", "other", "none")  # it would say glare


async def test_a_sample_follows_its_seed(engine: Engine) -> None:
    samples = [sample(seed) for seed in range(8)]
    texts = [answer.text for answer in await answers(engine, ONE, samples)]
    assert [answer.text for answer in await answers(engine, ONE, samples)] == texts
    assert len(set(texts)) > 2
    assert all(text.endswith(VERDICT_CUE) for text in texts)


async def test_many_parts_at_once_get_the_answers_they_get_alone(engine: Engine) -> None:
    parts = [[lamp(step / 11)] for step in range(12)]
    alone = [await answers(engine, part, QUESTIONS) for part in parts]
    together = await asyncio.gather(*(answers(engine, part, QUESTIONS) for part in parts))
    for one, other in zip(alone, together, strict=True):
        assert [answer.p_ng for answer in one] == pytest.approx([answer.p_ng for answer in other], abs=1e-3)
    assert alone[0][0].p_ng != pytest.approx(alone[-1][0].p_ng, abs=0.5)


async def test_cancelling_one_part_never_changes_another(engine: Engine) -> None:
    alone = await answers(engine, TWO, QUESTIONS)
    cancelled = asyncio.create_task(answers(engine, ONE, [sample(seed, max_tokens=400) for seed in range(6)]))
    other = asyncio.create_task(answers(engine, TWO, QUESTIONS))
    await asyncio.sleep(0.02)
    cancelled.cancel()
    assert [answer.p_ng for answer in await other] == pytest.approx([answer.p_ng for answer in alone], abs=1e-3)
    with pytest.raises(asyncio.CancelledError):
        await cancelled


async def test_more_samples_than_slots_are_told_to_be_too_many(address: str) -> None:
    with pytest.raises(ModelError, match=r"Field 'n'.*lower server\.max_n in the model card"):
        await answers(load(card(address, max_n=16), Path()), ONE, [sample(seed) for seed in range(SLOTS + 1)])


async def test_a_prompt_beyond_the_servers_context_is_told_with_what_to_raise(engine: Engine) -> None:
    long = Question(ViewName.DIRECT, "Is there any defect on this lamp? " * 400)
    with pytest.raises(ModelError, match=r"exceeds the available context size.*give the server a longer context"):
        await answers(engine, ONE, [long])


def test_a_model_that_the_server_does_not_have_is_named(address: str) -> None:
    with pytest.raises(ModelError, match=f"serves no 'huge' but {MODEL}"):
        load(card(address, model="huge"), Path())


async def test_a_replica_on_a_server_is_healthy(engine: Engine) -> None:
    await VisionModel(engine, MemoryEvidence(), lamp(0.5).data).check_health()


async def test_both_engines_judge_and_report_a_part_alike(engine: Engine) -> None:
    far, near = await judged(engine), await judged(tiny_model.engine())
    assert (far.rungs, far.stopped_by, far.detail) == (near.rungs, near.stopped_by, "")
    assert [vote.p_ng for vote in far.votes] == pytest.approx([vote.p_ng for vote in near.votes], abs=0.01)
    assert far.model_fingerprint != near.model_fingerprint


async def judged(engine: Engine) -> Judgement:
    """A bright lamp, judged and reported."""
    job = Job(FrameKey("lamps", "cam1", "t1"), lamp(0.95).data, LAMPS, (), remaining_ms=60_000)
    judgement, words = [outcome async for outcome in VisionModel(engine, MemoryEvidence(), b"").judge(job)]
    assert isinstance(judgement, Judgement)
    assert isinstance(words, Words)
    assert words.raw.startswith(START)
    return judgement


# ------------------------------------------------------------------ any other server

CARD = os.environ.get("INSPECTOR_TEST_CARD", "")


@pytest.mark.skipif(not CARD, reason="INSPECTOR_TEST_CARD names no model card of a running server")
async def test_a_running_server_answers_in_every_way() -> None:
    """Its model may be any: what it says is not looked at."""
    engine = load(card_at(Path(CARD)), Path())
    pictures = [lamp(0.2, (256, 256)), lamp(0.8, (256, 256))]
    asked = [*QUESTIONS, GREEDY, sample(1), sample(2)]
    first, again = await answers(engine, pictures, asked), await answers(engine, pictures, asked)
    assert [answer.index for answer in first] == list(range(6))
    assert all(answer.text.endswith(VERDICT_CUE) and answer.tokens for answer in first[3:])
    assert [answer.text for answer in first[3:]] == [answer.text for answer in again[3:]]
    prefix = await engine.open(pictures, PREAMBLE)
    assert (await engine.write(prefix, REPORT, start=START, max_tokens=8)).text.startswith(START)
    assert prefix.tokens > 0
