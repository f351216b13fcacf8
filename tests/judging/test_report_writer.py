"""The report from a scripted engine to a finding, including closer looks."""

from __future__ import annotations

import pytest
from support.line_fakes import GoldenShelf, ScriptedEngine, pipeline

from inspector.domain.frame import FrameKey
from inspector.domain.pipeline import Pipeline
from inspector.domain.prompts import LOCATE_REQUEST
from inspector.domain.report import WHOLE_FRAME, Box, Words, WordsState
from inspector.errors import ModelError
from inspector.judging.part_pictures import PartPictures
from inspector.judging.report_writer import write_report
from inspector.ports.pool import Job

REPORT = 'short", "severity": "minor", "bbox_2d": [500, 500, 700, 700], "description": "A bridge."}'
POINTED = '{"bbox_2d": [500, 0, 1000, 500]}'


def pointing(*points: str, report: str = REPORT) -> ScriptedEngine:
    """Writes `report`, and the next of `points` when it is asked to point; fails when there are no more."""
    left = list(points)

    def written(request: str, start: str) -> str:
        if request != LOCATE_REQUEST:
            return start + report
        if not left:
            raise ModelError("lost its sight")
        return left.pop(0)

    engine = ScriptedEngine()
    engine.writer = written
    return engine


async def described(engine: ScriptedEngine, declared: Pipeline) -> Words:
    sight = PartPictures(engine, GoldenShelf(), Job(FrameKey("pcb", "cam1", "t-1"), b"picture", declared, (), 5000.0))
    words = await write_report(engine, sight, declared)
    await sight.close()
    assert {id(prefix) for prefix in engine.closed} == {id(prefix) for prefix in engine.opened}
    return words


def box(words: Words) -> Box | None:
    assert words.main is not None
    return words.main.bbox_norm


async def test_each_closer_look_starts_at_the_previous_box_and_the_median_of_all_is_reported() -> None:
    engine = pointing(POINTED, POINTED)
    words = await described(engine, pipeline(close_looks=2))
    assert engine.opened[1].window == Box(0.5, 0.5, 0.7, 0.7)
    assert engine.opened[2].window == pytest.approx(Box(0.6, 0.5, 0.7, 0.6))
    assert box(words) == pytest.approx(Box(0.6, 0.5, 0.7, 0.6))  # of 0.5, 0.6, 0.65; thrice 0.5; …
    assert words.tokens == 3 * 5


async def test_a_look_that_goes_wrong_is_outvoted() -> None:
    everywhere, corner = '{"bbox_2d": [0, 0, 1000, 1000]}', '{"bbox_2d": [0, 900, 100, 1000]}'
    words = await described(pointing(everywhere, corner), pipeline(close_looks=2))
    assert box(words) == pytest.approx(Box(0.5, 0.5, 0.7, 0.7))


async def test_a_line_without_closer_looks_keeps_the_first_box() -> None:
    words = await described(pointing(POINTED), pipeline(close_looks=0))
    assert (box(words), words.tokens) == (Box(0.5, 0.5, 0.7, 0.7), 5)


async def test_a_closer_look_that_points_at_nothing_or_fails_takes_nothing_away() -> None:
    for engine in (pointing("nowhere", "nowhere"), pointing()):
        words = await described(engine, pipeline())
        assert (words.state, box(words)) == (WordsState.WRITTEN, Box(0.5, 0.5, 0.7, 0.7))


async def test_a_report_without_a_box_is_not_looked_for() -> None:
    engine = pointing(POINTED, report='short", "severity": "minor", "description": "A bridge."}')
    assert box(await described(engine, pipeline())) is None


async def test_a_detail_that_shows_the_whole_frame_is_not_looked_at_again() -> None:
    everywhere = 'short", "severity": "minor", "bbox_2d": [0, 0, 1000, 1000], "description": "A bridge."}'
    words = await described(pointing(POINTED, report=everywhere), pipeline())
    assert (box(words), words.tokens) == (WHOLE_FRAME, 5)


async def test_an_engine_that_cannot_write_leaves_the_words_missing_with_the_reason() -> None:
    engine = ScriptedEngine()
    engine.broken = True
    words = await described(engine, pipeline())
    assert (words.state, words.raw) == (WordsState.MISSING, "the engine is broken")


async def test_boxes_of_a_region_are_reported_on_the_whole_frame() -> None:
    region = (0.5, 0.0, 1.0, 0.5)
    engine = pointing()
    words = await described(engine, pipeline(close_looks=0, cameras={"cam1": {"region": region}}))
    assert [prefix.pictures[-1].region for prefix in engine.opened] == [region]
    assert box(words) == pytest.approx(Box(0.75, 0.25, 0.85, 0.35))
    whole = await described(pointing(), pipeline(close_looks=0, cameras={"cam2": {"region": region}, "cam1": {}}))
    assert box(whole) == pytest.approx(Box(0.5, 0.5, 0.7, 0.7))


async def test_closer_looks_stay_in_the_region() -> None:
    engine = pointing(POINTED, POINTED)
    words = await described(engine, pipeline(close_looks=2, cameras={"cam1": {"region": (0.5, 0.0, 1.0, 0.5)}}))
    assert engine.opened[1].window == Box(0.5, 0.5, 0.7, 0.7), "a window of the region"
    assert box(words) == pytest.approx(Box(0.8, 0.25, 0.85, 0.3))
