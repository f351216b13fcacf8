"""The second opinion in the judge, with a scripted engine whose patches encode how good a picture is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from support.line_fakes import GoldenShelf, KeptPrefix, ScriptedEngine, pipeline

from inspector.domain.decision import decide
from inspector.domain.declared import Disposition, ViewName
from inspector.domain.frame import FrameKey
from inspector.domain.learned import Fusion, LearnedSettings
from inspector.domain.pipeline import Pipeline, line_fingerprint
from inspector.domain.report import Box
from inspector.domain.vote import StoppedBy, Tally, counting
from inspector.errors import ModelError
from inspector.judging.judge import Judge
from inspector.ports.engine import PatchMap, Picture, Prefix
from inspector.ports.pool import Job, Judgement

GOOD, BAD, STRANGE = b"good part", b"bad part", b"a hand"
GOLDEN = ("gold-1", "gold-2")
SHELF = GoldenShelf({name: name.encode() for name in GOLDEN})
LADDER = [{"views": ["direct"]}, {"views": ["paraphrase", "inverted"], "samples": 2}]


def patches(picture: Picture) -> PatchMap:
    """Good parts differ a little; a bad one has a patch unlike all others at the lower right; a strange one has none
    that is like theirs."""
    rng = np.random.default_rng(list(picture.data))
    seen = np.ones((4, 4, 8)) + 0.1 * rng.standard_normal((4, 4, 8))
    if picture.data == BAD:
        seen[3, 3, :4] *= -1.0
    return -seen if picture.data == STRANGE else seen


def an_engine(p_ng: float = 0.01, text: str = "") -> ScriptedEngine:
    engine = ScriptedEngine(lambda _: p_ng, text=text)
    engine.patches = patches
    return engine


def a_line(points: bool = False, **settings: object) -> Pipeline:
    opinion = {"by": "patches", "doubt_above": 0.8, "points": points}
    golden = [f"{name}.png" for name in GOLDEN]
    return pipeline(**{"ladder": LADDER, "second_opinion": opinion, "golden_samples": golden, **settings})


def a_job(declared: Pipeline, picture: bytes = GOOD, remaining_ms: float = 5000.0) -> Job:
    return Job(FrameKey("pcb", "cam1", "t-1"), picture, declared, GOLDEN, remaining_ms)


async def judged(judge: Judge, job: Job) -> Judgement:
    found, *_ = [outcome async for outcome in judge.judge(job)]
    assert isinstance(found, Judgement)
    return found


def disposition(declared: Pipeline, found: Judgement) -> Disposition:
    fingerprint = line_fingerprint(declared.settings_fingerprint(), found.model_fingerprint, GOLDEN)
    tally = Tally(found.votes, counting(declared, fingerprint, found.opinion))
    return decide(declared, tally, found.stopped_by).disposition


async def test_the_second_opinion_encodes_no_picture_twice_and_asks_nothing() -> None:
    engine = an_engine()
    found = await judged(Judge(engine, SHELF), a_job(a_line()))
    assert [prefix.pictures[-1].data for prefix in engine.opened] == [GOOD, b"gold-1", b"gold-2"]
    assert len(engine.asked) == len(found.votes) == 1
    assert found.opinion is not None
    assert 0.0 < found.opinion.p_ng < 0.8
    assert found.opinion.heat is not None
    assert (found.opinion.heat.rows, found.opinion.heat.columns) == (4, 4)


async def test_golden_samples_are_looked_at_once_for_all_parts_and_closed() -> None:
    engine = an_engine()
    judge = Judge(engine, SHELF)
    await asyncio.gather(*(judged(judge, a_job(a_line())) for _ in range(3)))
    looked = [prefix.pictures[-1].data for prefix in engine.opened]
    assert [looked.count(name.encode()) for name in GOLDEN] == [1, 1]
    assert {id(prefix) for prefix in engine.closed} == {id(prefix) for prefix in engine.opened}


async def test_a_part_that_both_find_good_passes_at_once() -> None:
    found = await judged(Judge(an_engine(), SHELF), a_job(a_line()))
    assert (found.rungs, disposition(a_line(), found)) == (1, Disposition.PASS)


async def test_doubt_withholds_a_pass_after_the_whole_ladder_was_asked() -> None:
    found = await judged(Judge(an_engine(0.01), SHELF), a_job(a_line(), BAD))
    assert (found.rungs, disposition(a_line(), found)) == (2, Disposition.REVIEW)


def a_guarded_line() -> Pipeline:
    return a_line(second_opinion=None, quality={"max_unlike": 3.0})


@pytest.mark.parametrize(("picture", "is_bad"), [(GOOD, False), (BAD, False), (STRANGE, True)])
async def test_what_does_not_show_the_product_is_no_good_part_and_needs_no_words(picture: bytes, is_bad: bool) -> None:
    told = [outcome async for outcome in Judge(an_engine(), SHELF).judge(a_job(a_guarded_line(), picture))]
    found = told[0]
    assert isinstance(found, Judgement)
    assert (found.is_bad_image, "does not show the product" in found.detail) == (is_bad, is_bad)
    assert len(told) == 1
    assert bool(found.votes) is not is_bad


async def test_votes_may_reject_what_does_not_show_the_product() -> None:
    found = await judged(Judge(an_engine(0.999), SHELF), a_job(a_guarded_line(), STRANGE))
    assert not found.is_bad_image
    assert disposition(a_guarded_line(), found) is Disposition.REJECT


async def test_votes_may_still_reject_what_the_second_opinion_finds_good() -> None:
    found = await judged(Judge(an_engine(0.999), SHELF), a_job(a_line()))
    assert disposition(a_line(), found) is Disposition.REJECT


async def test_a_judgement_without_the_declared_second_opinion_passes_nothing() -> None:
    found = await judged(Judge(an_engine(), SHELF), a_job(a_line()))
    assert (
        disposition(
            a_line(), replace(found, tally=replace(found.tally, counting=replace(found.tally.counting, opinion=None)))
        )
        is Disposition.REVIEW
    )


@pytest.mark.parametrize(("picture", "expected"), [(GOOD, Disposition.PASS), (BAD, Disposition.REJECT)])
async def test_a_learned_line_weighs_both(picture: bytes, expected: Disposition) -> None:
    declared, engine = a_line(), an_engine(0.5)
    fingerprint = line_fingerprint(declared.settings_fingerprint(), engine.fingerprint, GOLDEN)
    fusion = Fusion(votes=1.0, patches=3.0, intercept=-2.0, frames=100, ng_share=0.5)
    learned = declared.model_copy(update={"learned": LearnedSettings(fingerprint=fingerprint, fusion=fusion)})
    found = await judged(Judge(engine, SHELF), a_job(learned, picture))
    assert disposition(learned, found) is expected


async def test_the_heat_map_points_the_zoom_view_where_the_line_says_so() -> None:
    declared = a_line(points=True, ladder=[{"views": ["zoom"]}])
    for text in ("nowhere", "0, 0, 100, 100]}"):
        engine = an_engine(0.5, text)
        await judged(Judge(engine, SHELF), a_job(declared, BAD))
        assert engine.opened[-1].pictures[0].crop == Box(0.75, 0.75, 1.0, 1.0)


async def test_a_ladder_that_begins_with_a_comparison_needs_no_other_look_at_the_frame() -> None:
    declared, engine = a_line(ladder=[{"views": ["compare"]}]), an_engine()
    await judged(Judge(engine, SHELF), a_job(declared))
    assert [prefix.pictures[-1].data for prefix in engine.opened].count(GOOD) == 1


class SlowAtFirst(ScriptedEngine):
    """Takes its time for golden samples until it may go on."""

    def __init__(self) -> None:
        super().__init__(lambda _: 0.01)
        self.patches = patches
        self.may_go = asyncio.Event()

    async def open(self, pictures: Sequence[Picture], preamble: str) -> KeptPrefix:
        if pictures[-1].data.startswith(b"gold"):
            await self.may_go.wait()
        return await super().open(pictures, preamble)


async def test_a_part_whose_time_runs_out_leaves_the_golden_samples_to_be_looked_at() -> None:
    engine = SlowAtFirst()
    judge = Judge(engine, SHELF)
    first = await judged(judge, a_job(a_line(), remaining_ms=20.0))
    assert (first.stopped_by, first.opinion, disposition(a_line(), first)) == (
        StoppedBy.DEADLINE,
        None,
        Disposition.REVIEW,
    )
    engine.may_go.set()
    assert (await judged(judge, a_job(a_line()))).opinion is not None
    assert sum(prefix.pictures[-1].data == b"gold-1" for prefix in engine.opened) == 1


async def test_a_golden_sample_that_is_lost_stops_the_part_until_it_is_there_again() -> None:
    shelf = GoldenShelf({"gold-1": b"gold-1"})
    judge = Judge(an_engine(), shelf)
    found = await judged(judge, a_job(a_line()))
    assert (found.stopped_by, disposition(a_line(), found)) == (StoppedBy.ERROR, Disposition.REVIEW)
    assert "apply the line again" in found.detail
    shelf.pictures["gold-2"] = b"gold-2"
    assert (await judged(judge, a_job(a_line()))).opinion is not None


class Blindfolded(ScriptedEngine):
    """Shows no patches, as a served model."""

    async def features(self, prefix: Prefix) -> PatchMap:
        raise ModelError("no patches here; take second_opinion out of the pipeline")


async def test_an_engine_without_patches_says_so_for_every_part() -> None:
    found = await judged(Judge(Blindfolded(), SHELF), a_job(a_line()))
    assert (found.votes, found.stopped_by) == ((), StoppedBy.ERROR)
    assert "take second_opinion out" in found.detail
    plain = await judged(Judge(Blindfolded(), SHELF), a_job(pipeline(ladder=[{"views": ["direct"]}])))
    assert [vote.view for vote in plain.votes] == [ViewName.DIRECT]


async def test_golden_samples_are_cut_to_the_region_of_the_camera() -> None:
    region = (0.0, 0.0, 0.5, 1.0)
    engine = an_engine(0.5)
    declared = a_line(cameras={"cam1": {"region": region}, "cam2": {}})
    judge = Judge(engine, SHELF)
    first = await judged(judge, a_job(declared))
    assert {picture.region for prefix in engine.opened for picture in prefix.pictures} == {region}
    assert first.opinion is not None
    opened = len(engine.opened)
    second = await judged(judge, replace(a_job(declared), key=FrameKey("pcb", "cam2", "t-2")))
    shown = [picture for prefix in engine.opened[opened:] for picture in prefix.pictures]
    assert {picture.region for picture in shown} == {None}
    assert {b"gold-1", b"gold-2"} <= {picture.data for picture in shown}, "compared with the whole golden samples"
    assert first.fingerprint != second.fingerprint
