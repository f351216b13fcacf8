"""What separates an NG claim from a good part, judged by a tiny checkpoint of the real architecture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from support import tiny_model
from support.fakes import MemoryEvidence
from support.line_fakes import pipeline

from inspector.domain.declared import ViewName
from inspector.domain.frame import FrameKey
from inspector.domain.vote import StoppedBy
from inspector.judging.judge import Judge
from inspector.judging.report_writer import REPORT_START
from inspector.judging.separation import claimed_defect, separating_vote
from inspector.judging.yielding_engine import LiveParts, YieldingEngine
from inspector.ports.engine import Answer, Engine, GeneratedText, Picture, Prefix
from inspector.ports.pool import Job, Judgement

LINE = pipeline(
    ladder=[{"views": ["direct", "inverted"], "samples": 2}, {"views": ["separate"]}],
    golden_samples=["good.png"],
    settle={"confidence": 0.9999, "shadow": 0.0},
)
DEFECT = next(iter(LINE.defects))


class ClaimingModel(YieldingEngine):
    """The tiny model, which sees and answers itself, but whose reports are written: its own name no region."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, LiveParts())
        self.shown: list[int] = []

    async def open(self, pictures: Sequence[Picture], preamble: str) -> Prefix:
        self.shown.append(len(pictures))
        return await super().open(pictures, preamble)

    async def write(self, prefix: Prefix, request: str, *, start: str, **limits: Any) -> GeneratedText:
        if start != REPORT_START:
            return await super().write(prefix, request, start=start, **limits)
        return GeneratedText(f'{start}{DEFECT}", "severity": "major", "bbox_2d": [250, 250, 750, 750]}}', 20)


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
