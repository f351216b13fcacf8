"""What separates an NG claim from a good part, judged by a tiny checkpoint of the real architecture."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import pytest
from support import tiny_model
from support.fakes import MemoryEvidence
from support.line_fakes import pipeline

from inspector.domain.declared import ViewName
from inspector.domain.frame import FrameKey
from inspector.domain.prompts import Question
from inspector.domain.report import JsonSchema
from inspector.domain.vote import StoppedBy
from inspector.judging.judge import Judge
from inspector.judging.report_writer import REPORT_START
from inspector.judging.separation import claimed_defect, separating_vote
from inspector.ports.engine import Answer, Engine, GeneratedText, PatchMap, Picture, Prefix
from inspector.ports.pool import Job, Judgement

LINE = pipeline(
    ladder=[{"views": ["direct", "inverted"], "samples": 2}, {"views": ["separate"]}],
    golden_samples=["good.png"],
    settle={"confidence": 0.9999, "shadow": 0.0},
)
DEFECT = next(iter(LINE.defects))


class ClaimingModel:
    """The tiny model, which sees and answers itself, but whose reports are written: its own name no region."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.shown: list[int] = []

    @property
    def fingerprint(self) -> str:
        return self._engine.fingerprint

    async def open(self, pictures: Sequence[Picture], preamble: str) -> Prefix:
        self.shown.append(len(pictures))
        return await self._engine.open(pictures, preamble)

    async def ask(self, prefix: Prefix, questions: Sequence[Question]) -> AsyncGenerator[Answer, None]:
        async with aclosing(self._engine.ask(prefix, questions)) as answers:
            async for answer in answers:
                yield answer

    async def write(
        self,
        prefix: Prefix,
        request: str,
        *,
        start: str,
        max_tokens: int,
        schema: JsonSchema | None = None,
        urgent: bool = False,
    ) -> GeneratedText:
        if start != REPORT_START:
            return await self._engine.write(
                prefix, request, start=start, max_tokens=max_tokens, schema=schema, urgent=urgent
            )
        return GeneratedText(f'{start}{DEFECT}", "severity": "major", "bbox_2d": [250, 250, 750, 750]}}', 20)

    async def features(self, prefix: Prefix) -> PatchMap:
        return await self._engine.features(prefix)

    async def close(self, prefix: Prefix) -> None:
        await self._engine.close(prefix)


async def test_a_real_engine_decides_a_disagreement_and_keeps_no_picture() -> None:
    evidence, engine = MemoryEvidence(), tiny_model.engine()
    golden = evidence.put(tiny_model.lamp(0.05).data, "image/png").sha256
    model = ClaimingModel(engine)
    job = Job(FrameKey("pcb", "cam1", "t-1"), tiny_model.lamp(0.55).data, LINE, (golden,), 600_000.0)
    judgement, *_ = [each async for each in Judge(model, evidence).judge(job)]
    assert isinstance(judgement, Judgement)
    *voters, vote = judgement.votes
    assert judgement.stopped_by is StoppedBy.LADDER_END
    assert {each.view for each in voters} == {ViewName.DIRECT, ViewName.INVERTED}
    assert len({each.ng for each in voters}) == 2, "the tiny model no longer disagrees with itself on this lamp"
    assert (vote.view, vote.tokens) == (ViewName.SEPARATE, 20)
    assert vote.p_ng is not None
    assert vote.ms > 0.0
    assert claimed_defect(vote.text) == DEFECT
    assert model.shown[:3] == [1, 2, 2]
    assert engine.open_prefixes == 0


@pytest.mark.parametrize(
    ("orders", "p_ng", "readable"),
    [
        ([[(0.9, 1.0), (0.9, 0.8)], [(0.9, 0.9), (0.9, 1.0)]], 0.9, 0.8),
        ([[(0.9, 1.0), (0.2, 0.1)], [(0.9, 0.9), (0.9, 1.0)]], 0.9, 0.9),
        ([[(0.8, 1.0)], [(0.2, 1.0)]], 0.5, 1.0),
        ([[(0.9, 1.0)], [(0.9, 0.2)]], None, 0.2),
        ([[(0.9, 1.0)], [(None, 0.0)]], None, 0.0),
    ],
    ids=["all agree", "noise is left out", "preference for a place", "one order is noise", "one order says nothing"],
)
def test_both_orders_weigh_the_same(
    orders: list[list[tuple[float | None, float]]], p_ng: float | None, readable: float
) -> None:
    answers = [[Answer(k, each, 0, "", readable=share) for k, (each, share) in enumerate(order)] for order in orders]
    vote = separating_vote(answers, "short in [1, 2, 3, 4]", 1, 7, 0.5)
    assert vote.p_ng == (None if p_ng is None else pytest.approx(p_ng))
    assert vote.readable == pytest.approx(readable)
    assert vote.tokens == 7
