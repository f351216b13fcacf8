"""Compare strategies of asking on labelled parts: synthetic frames, or a folder of real pictures. Resumable."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Final

from inspector.adapters.camera import CameraPictureReader
from inspector.config.diff import DeclaredPipeline
from inspector.domain.pipeline import Pipeline
from inspector.domain.quality import quality_fault
from inspector.errors import DeclarationError, Fault, InspectorError, PictureError
from inspector.lab.evaluation.comparison import StrategyComparison, compare_recorded
from inspector.lab.evaluation.part_recorder import LabelledPart, PartRecorder, RecordedParts
from inspector.lab.evaluation.question_set import FurtherBatch
from inspector.lab.evaluation.recording_file import RecordingFile
from inspector.lab.evaluation.strategies import BEAM, SEPARATE, choose_strategies, thoughts_of
from inspector.lab.synthetic import PRODUCTS, Flaw, Sample, encode, golden
from inspector.lab.training.checkpoint_evaluator import GOLDEN_SEED, JPEG_MEDIA_TYPE, GoldenSampleStore, held_out_frame
from inspector.lines.line_pictures import measure_for_line
from inspector.operations.apply import golden_hashes, read_pipelines
from inspector.operations.progress import ReportProgress, no_progress
from inspector.operations.replay import LabelledPicture, read_labels
from inspector.ports.camera import PictureReader
from inspector.ports.evidence import EvidenceStore

GOLDEN_SAMPLES_PER_FRAME: Final = 4  # more of them ranked no better


@dataclass(frozen=True, slots=True)
class PartSource:
    """Labelled parts, one by one, and the store of their golden samples."""

    name: str
    total: int
    parts: Iterator[LabelledPart]
    evidence: EvidenceStore


@dataclass(frozen=True, slots=True)
class ComparisonSettings:
    """The model card, the strategies to compare (all if empty), and the file of recorded answers."""

    card: Path
    strategies: Sequence[str]
    recordings: Path
    threads: int | None = None


def compare_strategies(
    source: PartSource, settings: ComparisonSettings, progress: ReportProgress = no_progress
) -> StrategyComparison:
    """Record the answers that the file does not hold, then replay every strategy on them.

    Raises InspectorError for an unknown strategy before the model is asked. An interrupted run keeps its answers.
    """
    strategies = choose_strategies(settings.strategies)
    asked = {"separates": SEPARATE in strategies, "searches": BEAM in strategies}
    recorder = parts_recorder(source, settings, thoughts_of(strategies), **asked)
    recorded = record_parts(source, recorder, settings, progress)
    return asyncio.run(compare_recorded(source.name, recorded.parts, strategies, recorded.unreadable))


def parts_recorder(
    source: PartSource,
    settings: ComparisonSettings,
    further: Sequence[FurtherBatch] = (),
    *,
    separates: bool = False,
    searches: bool = False,
) -> PartRecorder:
    """Load the model, and return a recorder of its answers. The file is read first: it may be unusable."""
    from inspector.adapters import vlm
    from inspector.bootstrap.from_settings import card_at

    recordings = RecordingFile(settings.recordings)
    engine = vlm.load(card_at(settings.card), settings.card.parent, settings.threads)
    check = partial(check_part, CameraPictureReader(()))
    return PartRecorder(
        engine, source.evidence, recordings, further, separates=separates, searches=searches, check=check
    )


def check_part(pictures: PictureReader, part: LabelledPart) -> None:
    """Raise PictureError for a part that the line would not judge: it gets BAD_IMAGE there."""
    measured = measure_for_line(pictures, part.picture, "", part.pipeline)
    if fault := quality_fault(measured, part.pipeline.quality):
        raise PictureError(fault)


def record_parts(
    source: PartSource, recorder: PartRecorder, settings: ComparisonSettings, progress: ReportProgress
) -> RecordedParts:
    """Record the answers about all parts of a source. Raises InspectorError, with the remedy, if interrupted."""
    done = 0

    def report(count: int) -> None:
        nonlocal done
        done = count
        progress(f"asking {settings.card.stem}", count, source.total)

    try:
        return asyncio.run(recorder.record_all(source.parts, report))
    except KeyboardInterrupt as interrupt:
        raise InspectorError(
            f"stopped after {done} of {source.total} parts; the same command resumes there ({settings.recordings})"
        ) from interrupt


def synthetic_source(pipelines: Path, *, frames: int, seed: int) -> PartSource:
    """Synthetic frames of all products in turn, half of them NG; every fourth pair shows the last variant."""
    fleet, album = read_pipelines(pipelines), GoldenSampleStore()
    lines = [_declared(fleet, product, pipelines).pipeline for product in PRODUCTS]
    parts = (_synthetic_part(lines[k % len(lines)], album, held_out_frame(seed, k)) for k in range(frames))
    return PartSource(f"synthetic, seed {seed}", frames, parts, album)


def _synthetic_part(pipeline: Pipeline, album: GoldenSampleStore, sample: Sample) -> LabelledPart:
    hashes = tuple(album.put(data, JPEG_MEDIA_TYPE).sha256 for data in _golden_samples(sample.product, sample.variant))
    name, defects = f"{sample.product}-{sample.seed}", tuple(flaw.box_px for flaw in sample.flaws)
    return LabelledPart(name, pipeline, encode(sample), sample.ng, hashes, _visibility(sample.main), defects)


@cache
def _golden_samples(product: str, variant: int) -> list[bytes]:
    """Golden samples of this variant, encoded as a pipeline stores them."""
    return [encode(golden(product, GOLDEN_SEED + k, variant), quality=95) for k in range(GOLDEN_SAMPLES_PER_FRAME)]


def _visibility(flaw: Flaw | None) -> float | None:
    """How easily the eye finds a flaw: contrast times the root of its extent."""
    return None if flaw is None else flaw.contrast * flaw.extent_px**0.5


def folder_source(path: Path, pipelines: Path, *, line: str | None = None, frames: int | None = None) -> PartSource:
    """The labelled pictures of a folder, inspected as `line` (default: the folder's name); `frames` of them, spread
    balanced_sample.

    Raises InspectorError for an unusable folder, DeclarationError for an undeclared line.
    """
    rows = [row for row in read_labels(path) if row.is_ng is not None]
    wanted = len(rows) if frames is None else min(frames, len(rows))
    declared, album = _declared(read_pipelines(pipelines), line or path.resolve().name, pipelines), GoldenSampleStore()
    faults: list[Fault] = []
    hashes = golden_hashes(declared, album, faults)
    if faults:
        raise DeclarationError(faults)
    parts = (_folder_part(rows[k * len(rows) // wanted], declared.pipeline, hashes) for k in range(wanted))
    return PartSource(str(path), wanted, parts, album)


def declared_line(pipelines: Path, line: str) -> Pipeline:
    """Return the declaration of a line. Raises DeclarationError for an undeclared one."""
    return _declared(read_pipelines(pipelines), line, pipelines).pipeline


def _folder_part(row: LabelledPicture, pipeline: Pipeline, golden: tuple[str, ...]) -> LabelledPart:
    return LabelledPart(str(row.path), pipeline, row.path.read_bytes(), row.is_ng is True, golden, None, row.boxes)


def _declared(fleet: Sequence[DeclaredPipeline], line: str, file: Path) -> DeclaredPipeline:
    declared = next((each for each in fleet if each.pipeline.line == line), None)
    if declared is None:
        lines = ", ".join(each.pipeline.line for each in fleet)
        raise DeclarationError([Fault(str(file), "line", f"no pipeline for {line}", f"use one of {lines}, or add it")])
    return declared
