"""The second opinion in comparisons: recorded with the votes, replayed alone, fused with them, and as pointer."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import numpy as np
import pytest
from support.evaluated_parts import OpinionatedEngine, a_line, parts
from support.fakes import MemoryEvidence

from inspector.domain.pipeline import Pipeline
from inspector.domain.report import Box
from inspector.errors import InspectorError, ModelError
from inspector.lab.evaluation.batch_time import BatchTimeModel
from inspector.lab.evaluation.comparison import StrategyComparison, compare_recorded
from inspector.lab.evaluation.part_recorder import PartRecorder, RecordedPart
from inspector.lab.evaluation.recording import RecordedOpinion
from inspector.lab.evaluation.recording_file import RecordingFile
from inspector.lab.evaluation.strategies import FUSED, WITH_PATCHES, Strategy, StrategyOutcome, choose_strategies
from inspector.ports.engine import PatchMap, Picture

LINE = a_line(golden_samples=["a.png", "b.png"])
DOUBTING = a_line(golden_samples=["a.png", "b.png"], second_opinion={"by": "patches", "doubt_above": 0.8})


def patches(picture: Picture) -> PatchMap:
    """Most NG parts have an odd patch at the upper left; the others look like OK parts."""
    rng = random.Random(picture.data)
    seen = np.ones((4, 4, 6)) + 0.1 * np.random.default_rng(list(picture.data)).standard_normal((4, 4, 6))
    if picture.data.startswith(b"ng") and rng.random() < 0.8:
        seen[0, 0, :2] *= -1.0
    return seen


def recorded(folder: Path, count: int, declared: Pipeline = LINE) -> list[RecordedPart]:
    engine, shelf = OpinionatedEngine(), MemoryEvidence()
    engine.patches = patches
    golden = tuple(shelf.put(f"golden {k}".encode(), "image/png").sha256 for k in range(2))
    recorder = PartRecorder(engine, shelf, RecordingFile(folder / "votes.jsonl"))
    return asyncio.run(recorder.record_all(parts(count, declared, golden))).parts


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[RecordedPart]:
    return recorded(tmp_path_factory.mktemp("votes"), 60)


@pytest.fixture(scope="module")
def comparison(cases: list[RecordedPart]) -> StrategyComparison:
    return asyncio.run(compare_recorded("sixty parts", cases, choose_strategies(["direct", *WITH_PATCHES])))


def play(strategy: Strategy, case: RecordedPart) -> StrategyOutcome:
    async def played() -> StrategyOutcome:
        return await strategy(case, BatchTimeModel([case.recording]))

    return asyncio.run(played())


def opinion_of(case: RecordedPart) -> RecordedOpinion:
    assert case.recording.second_opinion is not None
    return case.recording.second_opinion


def test_a_recording_read_again_still_holds_the_second_opinion(cases: list[RecordedPart], tmp_path: Path) -> None:
    file = RecordingFile(tmp_path / "votes.jsonl")
    file.add(cases[1].recording)
    assert RecordingFile(file.path).find(*cases[1].recording.key) == cases[1].recording


def test_patches_alone_score_as_recorded_and_ask_nothing(cases: list[RecordedPart]) -> None:
    for case in cases:
        outcome = play(WITH_PATCHES["patches"], case)
        assert outcome.tally.score == pytest.approx(opinion_of(case).p_ng, abs=1e-6)
        assert (outcome.cost.votes, outcome.cost.tokens) == (0, 0)


def test_the_heat_map_points_at_the_odd_patch(cases: list[RecordedPart]) -> None:
    result = [opinion_of(case) for case in cases if case.is_ng and opinion_of(case).p_ng > 0.8]
    assert len(result) > 15
    assert all(compared.suspect == Box(0.0, 0.0, 0.25, 0.25) for compared in result)


def test_zoom_answers_at_both_regions_are_kept_separate(cases: list[RecordedPart]) -> None:
    """The engine answers by the picture alone, so that only the cost differs."""
    model, pointed = (play(WITH_PATCHES[name], cases[1]) for name in ("zoom", "zoom-pointed"))
    assert (model.cost.votes, pointed.cost.votes) == (1, 1)
    assert model.cost.tokens > pointed.cost.tokens == 0  # the model has to write where it points


def test_both_opinions_together_rank_better_than_either(comparison: StrategyComparison) -> None:
    result = {name: figures.auroc for name, figures in comparison.figures.items()}
    assert result["direct-fused"] > max(result["direct"], result["patches"])


def test_a_fused_strategy_pays_for_both(comparison: StrategyComparison) -> None:
    for name in FUSED:
        alone = comparison.figures.get(name.removesuffix("-fused"))
        assert alone is None or comparison.figures[name].ms_mean > alone.ms_mean


def test_the_service_with_a_second_opinion_passes_fewer_ng_parts(tmp_path: Path) -> None:
    plain, doubting = (
        asyncio.run(
            compare_recorded("parts", recorded(tmp_path / name, 40, line), choose_strategies(["direct"]))
        ).figures["default"]
        for name, line in (("plain", LINE), ("doubting", DOUBTING))
    )
    assert doubting.escape <= plain.escape
    assert doubting.review >= plain.review


def test_a_line_with_too_few_parts_says_how_many_are_missing(tmp_path: Path) -> None:
    with pytest.raises(InspectorError, match=r"labelled NG part\(s\) are missing"):
        asyncio.run(compare_recorded("few", recorded(tmp_path, 12), choose_strategies(["direct-fused"])))


def test_without_golden_samples_the_strategies_that_need_them_say_so(tmp_path: Path) -> None:
    recordings = RecordingFile(tmp_path / "votes.jsonl")
    (case,) = asyncio.run(PartRecorder(OpinionatedEngine(), MemoryEvidence(), recordings).record_all(parts(1))).parts
    assert case.recording.second_opinion is None
    for name in ("patches", "zoom-pointed", "ladder-pointed"):
        with pytest.raises(ModelError, match="give the line golden_samples"):
            play(WITH_PATCHES[name], case)
