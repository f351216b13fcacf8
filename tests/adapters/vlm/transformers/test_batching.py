"""Whoever is in the batch: texts, samples and probabilities are those of the model asked alone, on the checkpoint that
is shipped, with and without references."""

from __future__ import annotations

import asyncio
import functools
import io
import json
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support.demo_model import CARD, engine, fresh_checkpoint, reference

from inspector.adapters.vlm.transformers.engine import TransformersEngine
from inspector.adapters.vlm.transformers.kv_cache import KeptPrefix
from inspector.adapters.vlm.transformers.model_forward import VisionLanguageModel
from inspector.adapters.vlm.transformers.shared_prefix_attention import copied_prefix
from inspector.domain.declared import Reasoning, ViewName
from inspector.domain.pipeline import CountMethod, Pipeline, SettlePolicy, TokenLimits, WeightSource
from inspector.domain.prompts import Pictures, Question, preamble, questions, report_request
from inspector.domain.report import report_schema
from inspector.errors import ModelError
from inspector.ports.engine import Answer, Picture

PIPELINE = Pipeline.model_validate(
    {
        "line": "caps",
        "cameras": ["*"],
        "product": "cap",
        "question": "Is there any defect on this cap?",
        "defects": {"scratch": "minor", "dent": "major"},
        "ladder": [{"views": ["direct", "paraphrase", "inverted", "checklist"]}],
    }
)
PREAMBLE = preamble(PIPELINE, Pictures.FRAME)
PARTS = 3
VIEWS = (ViewName.DIRECT, ViewName.PARAPHRASE, ViewName.INVERTED, ViewName.OPTIONS, ViewName.CHECKLIST)
DOUBTING = PIPELINE.model_copy(
    update={"count": CountMethod.WEIGHTED, "settle": SettlePolicy(weight_by=WeightSource.P_TRUE)}
)
KINDS = (
    *(
        question
        for view in VIEWS
        for question in questions(PIPELINE, view, samples=2, reasoning=Reasoning.NONE, temperature=0.0, seed=1)
    ),
    *questions(PIPELINE, ViewName.DIRECT, samples=4, reasoning=Reasoning.DRAFT, temperature=1.0, seed=5),
    *questions(DOUBTING, ViewName.PARAPHRASE, samples=3, reasoning=Reasoning.NONE, temperature=0.0, seed=2),
    *questions(
        DOUBTING,
        ViewName.INVERTED,
        samples=3,
        reasoning=Reasoning.BUDGET,
        temperature=1.0,
        seed=9,
        limits=TokenLimits(least=12, most=24),
    ),
)
COMPANY = st.lists(
    st.tuples(
        st.integers(0, PARTS - 1), st.lists(st.integers(0, len(KINDS) - 1), min_size=1, max_size=8), st.booleans()
    ),
    min_size=1,
    max_size=5,
)


@functools.cache
def pictures(part: int) -> tuple[Picture, ...]:
    """A light disc with dark strokes; every other part has a golden sample before it."""
    return tuple(_drawn(seed) for seed in ((part,) if part % 2 else (100 + part, part)))


def _drawn(seed: int) -> Picture:
    pixels = np.full((400, 400, 3), 210, dtype=np.uint8)
    for x, y in np.random.default_rng(seed).integers(20, 340, (8, 2)):
        pixels[y : y + 5, x : x + 50] = 40
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    return Picture(data.getvalue())


async def answers(chosen: TransformersEngine, part: int, asked: Sequence[Question]) -> list[Answer]:
    prefix = await chosen.open(pictures(part), PREAMBLE)
    found = [answer async for answer in chosen.ask(prefix, asked)]
    await chosen.close(prefix)
    return sorted(found, key=lambda answer: answer.index)


@functools.cache
def alone(part: int, kind: int) -> Answer:
    return asyncio.run(answers(engine(), part, [KINDS[kind]]))[0]


def is_alike(answer: Answer, other: Answer) -> bool:
    return (
        (answer.tokens, answer.text) == (other.tokens, other.text)
        and answer.readable == pytest.approx(other.readable, abs=1e-4)
        and answer.p_ng == pytest.approx(other.p_ng, abs=1e-4)
        and answer.p_true == pytest.approx(other.p_true, abs=1e-4)
    )


@settings(deadline=None, max_examples=12)
@given(COMPANY)
def test_answers_are_those_given_alone_in_any_company(company: list[tuple[int, list[int], bool]]) -> None:
    asyncio.run(_in_company(company))


async def _in_company(company: list[tuple[int, list[int], bool]]) -> None:
    """All ask at once; those that leave do so after their first answer."""

    async def ask(part: int, kinds: list[int], leaves: bool) -> list[Answer]:
        asked = [KINDS[kind] for kind in kinds]
        if not leaves:
            return await answers(engine(), part, asked)
        prefix = await engine().open(pictures(part), PREAMBLE)
        stream = engine().ask(prefix, asked)
        first = await anext(stream)
        await stream.aclose()
        await engine().close(prefix)
        return [first]

    told = await asyncio.gather(*(ask(*each) for each in company))
    expected = await asyncio.to_thread(lambda: [[alone(part, kind) for kind in kinds] for part, kinds, _ in company])
    for answered, each in zip(told, expected, strict=True):
        assert all(is_alike(answer, each[answer.index]) for answer in answered)


@pytest.mark.parametrize("part", range(2))
async def test_probabilities_are_those_of_a_whole_forward(part: int) -> None:
    asked = [kind for kind in KINDS if kind.ng_words[0] in ("Yes", "No") and kind.reasoning is Reasoning.NONE]
    for question, answer in zip(asked, await answers(engine(), part, asked), strict=True):
        if answer.p_ng is not None:
            expected = reference().share_of_ng(pictures(part), PREAMBLE, question)
            assert answer.p_ng == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("count", [1, 2, 5])
async def test_greedy_text_is_that_of_generate_in_batches_of_any_size(count: int) -> None:
    requests = ["Describe it.", report_request(PIPELINE), "Is it good?", "Where is it?", "What is it?"][:count]

    async def write(part: int, request: str) -> tuple[str, int]:
        prefix = await engine().open(pictures(part), PREAMBLE)
        return await engine().write(prefix, request, start="", max_tokens=16)

    parts = [index % PARTS for index in range(count)]
    told = await asyncio.gather(*map(write, parts, requests))
    for part, request, (text, tokens) in zip(parts, requests, told, strict=True):
        spoken, count_of_tokens = reference().generate(pictures(part), PREAMBLE + request, "", 16)
        assert spoken.startswith(text)
        assert (text, tokens) == (spoken, count_of_tokens) or text.endswith("}")


async def test_reports_of_many_parts_at_once_are_those_written_alone_and_can_be_parsed() -> None:
    async def report(part: int) -> str:
        prefix = await engine().open(pictures(part), PREAMBLE)
        request, schema = report_request(PIPELINE), report_schema(PIPELINE)
        return (await engine().write(prefix, request, start='{"defect": "', max_tokens=60, schema=schema)).text

    one_by_one = [await report(part) for part in range(PARTS)]
    assert await asyncio.gather(*map(report, range(PARTS))) == one_by_one
    assert all(isinstance(json.loads(text), dict) for text in one_by_one)


async def test_the_prefix_need_not_be_copied_to_every_row() -> None:
    loaded = fresh_checkpoint()
    plain = TransformersEngine(CARD, loaded, "plain", VisionLanguageModel(loaded.model, attend=copied_prefix))
    for part in range(2):
        merged, with_copies = [await answers(each, part, KINDS) for each in (engine(), plain)]
        assert all(is_alike(*pair) for pair in zip(merged, with_copies, strict=True))


class Tight(VisionLanguageModel):
    """A device whose memory ends where a forward has more than `tokens` new tokens."""

    tokens = 60

    def advance(self, batch):  # type: ignore[no-untyped-def]
        if sum(len(row) for _, rows in batch for row in rows) > self.tokens:
            torch.empty(2**52, dtype=torch.uint8)  # no machine has as much: torch raises what it raises then
        return super().advance(batch)


async def test_a_device_that_runs_out_of_memory_answers_the_same_in_smaller_batches() -> None:
    loaded = fresh_checkpoint()
    tight = TransformersEngine(CARD, loaded, "tight", Tight(loaded.model))
    told = await asyncio.gather(*(answers(tight, part, KINDS) for part in range(PARTS)))
    for part, answered in enumerate(told):
        assert all(is_alike(*pair) for pair in zip(answered, await answers(engine(), part, KINDS), strict=True))


class Faulty(VisionLanguageModel):
    """A device that can compute nothing for one part once its rows hold more than `tokens` tokens."""

    part: KeptPrefix | None = None
    tokens = 40

    def advance(self, batch):  # type: ignore[no-untyped-def]
        if any(rows.prefix is self.part and rows.filled > self.tokens for rows, _ in batch):
            raise RuntimeError("a row that can't be computed")
        return super().advance(batch)


async def test_a_part_that_fails_halfway_changes_no_other() -> None:
    loaded = fresh_checkpoint()
    network = Faulty(loaded.model)
    faulty = TransformersEngine(CARD, loaded, "faulty", network)
    broken = network.part = await faulty.open(pictures(0), PREAMBLE)

    async def fail() -> None:
        async for _ in faulty.ask(broken, KINDS):
            pass

    failing = asyncio.create_task(fail())
    told = await asyncio.gather(*(answers(faulty, part, KINDS) for part in range(PARTS)))
    with pytest.raises(ModelError, match="a row that can't be computed"):
        await failing
    for part, answered in enumerate(told):
        assert all(is_alike(*pair) for pair in zip(answered, await answers(engine(), part, KINDS), strict=True))
