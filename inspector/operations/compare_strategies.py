"""Compares strategies of asking on labelled parts, drawn ones or a folder of real ones. A stopped run goes on where it
was: what the model said is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from rich.console import Console

from inspector.config.diff import DeclaredPipeline
from inspector.domain.pipeline import Pipeline
from inspector.errors import DeclarationError, Fault, InspectorError
from inspector.lab.evaluation.comparison import StrategyComparison, compare_recorded
from inspector.lab.evaluation.part_recorder import LabelledPart, PartRecorder, RecordedParts
from inspector.lab.evaluation.recording_file import RecordingFile
from inspector.lab.evaluation.strategies import choose_strategies
from inspector.lab.synthetic import PRODUCTS, Flaw, Sample, encode, golden
from inspector.lab.training.bench import GOLDEN_SEED, JPEG, Album, held_out_frame
from inspector.operations.apply import golden_hashes, read_pipelines
from inspector.operations.replay import LabelledPicture, read_labels
from inspector.operations.train_and_measure import stages
from inspector.ports.evidence import EvidenceStore

GOLDEN_SAMPLES_PER_FRAME: Final = 4  # beside every drawn frame; more of them ranked no better


@dataclass(frozen=True, slots=True)
class PartSource:
    """Labelled parts, drawn or read one by one, and where their golden samples lie."""

    name: str
    total: int
    parts: Iterator[LabelledPart]
    evidence: EvidenceStore


@dataclass(frozen=True, slots=True)
class ComparisonSettings:
    """Which model is asked, what its answers are played under, and where they are kept."""

    card: Path
    strategies: Sequence[str]
    recordings: Path
    threads: int | None = None


def compare_strategies(screen: Console, source: PartSource, plan: ComparisonSettings) -> StrategyComparison:
    """Raises InspectorError for an unknown strategy before anything is asked; what a stopped run has heard is kept."""
    from inspector.adapters import vlm
    from inspector.bootstrap.wiring import card_at

    strategies, recordings = choose_strategies(plan.strategies), RecordingFile(plan.recordings)
    engine = vlm.load(card_at(plan.card), plan.card.parent, plan.threads)
    heard = _heard(screen, source, PartRecorder(engine, source.evidence, recordings), plan)
    return asyncio.run(compare_recorded(source.name, heard.cases, strategies, heard.unreadable))


def _heard(screen: Console, source: PartSource, interview: PartRecorder, plan: ComparisonSettings) -> RecordedParts:
    done = 0

    def tell(count: int) -> None:
        nonlocal done
        done = count
        show(f"asking {plan.card.stem}", count, source.total)

    with stages(screen) as show:
        try:
            return asyncio.run(interview.hear(source.parts, tell))
        except KeyboardInterrupt as stopped:
            raise InspectorError(
                f"stopped after {done} of {source.total} parts; the same command goes on there ({plan.recordings})"
            ) from stopped


def synthetic_source(pipelines: Path, *, frames: int, seed: int) -> PartSource:
    """Frames of all products in turn, half of them NG; every fourth pair shows the product's last variant."""
    fleet, album = read_pipelines(pipelines), Album()
    lines = [_declared(fleet, product, pipelines).pipeline for product in PRODUCTS]
    parts = (_drawn(lines[k % len(lines)], album, held_out_frame(seed, k)) for k in range(frames))
    return PartSource(f"synthetic, seed {seed}", frames, parts, album)


def _drawn(pipeline: Pipeline, album: Album, sample: Sample) -> LabelledPart:
    shown = tuple(album.put(each, JPEG).sha256 for each in _good_ones(sample.product, sample.variant))
    name = f"{sample.product}-{sample.seed}"
    return LabelledPart(name, pipeline, encode(sample), sample.ng, shown, _plainness(sample.main))


@cache
def _good_ones(product: str, variant: int) -> list[bytes]:
    """Golden samples of this variant, as a pipeline keeps them."""
    return [encode(golden(product, GOLDEN_SEED + k, variant), quality=95) for k in range(GOLDEN_SAMPLES_PER_FRAME)]


def _plainness(flaw: Flaw | None) -> float | None:
    """How easily the eye finds it."""
    return None if flaw is None else flaw.contrast * flaw.extent_px**0.5


def folder_source(path: Path, pipelines: Path, *, line: str | None = None, frames: int | None = None) -> PartSource:
    """The labelled pictures of a folder, judged as the line of that name; `frames` of them, spread evenly over all.

    Raises InspectorError for a folder that can't be used, DeclarationError for a line that nobody declared.
    """
    rows = [row for row in read_labels(path) if row.is_ng is not None]
    wanted = len(rows) if frames is None else min(frames, len(rows))
    declared, album = _declared(read_pipelines(pipelines), line or path.resolve().name, pipelines), Album()
    faults: list[Fault] = []
    shown = golden_hashes(declared, album, faults)
    if faults:
        raise DeclarationError(faults)
    parts = (_labelled(rows[k * len(rows) // wanted], declared.pipeline, shown) for k in range(wanted))
    return PartSource(str(path), wanted, parts, album)


def _labelled(row: LabelledPicture, pipeline: Pipeline, golden: tuple[str, ...]) -> LabelledPart:
    return LabelledPart(str(row.path), pipeline, row.path.read_bytes(), row.is_ng is True, golden)


def _declared(fleet: Sequence[DeclaredPipeline], line: str, file: Path) -> DeclaredPipeline:
    found = next((each for each in fleet if each.pipeline.line == line), None)
    if found is None:
        lines = ", ".join(each.pipeline.line for each in fleet)
        raise DeclarationError([Fault(str(file), "line", f"no pipeline for {line}", f"use one of {lines}, or add it")])
    return found
