"""The one table of all strategies: drawn frames, and real lines with taught models. Resumable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from inspector.bootstrap.part_features import FeatureReader
from inspector.errors import InspectorError
from inspector.lab.evaluation.strategies import FUSED, STRATEGIES, WITH_CLAIMS, WITH_PATCHES, WITH_THOUGHTS
from inspector.lab.evaluation.strategy_table import TableSection
from inspector.operations.compare_strategies import (
    ComparisonSettings,
    compare_strategies,
    declared_line,
    folder_source,
    synthetic_source,
)
from inspector.operations.eval_taught import TeachingCurve, evaluate_taught
from inspector.operations.progress import ReportProgress, no_progress

SEED: Final = 5000  # of the first drawn frame; training uses none below 1,000,000
TAUGHT_NG: Final = (0, 30)  # numbers of NG parts to teach with
DRAWN_FILE: Final = "drawn.jsonl"
FUSED_FRAMES: Final = 180  # with fewer, a drawn line may have too few parts to learn a fusion from
ON_ANY_LINE: Final = (*STRATEGIES, *WITH_CLAIMS)
ON_DRAWN_FRAMES: Final = (*ON_ANY_LINE, *WITH_PATCHES)  # they have golden samples


@dataclass(frozen=True, slots=True)
class TableSettings:
    """What the table is about.

    `frames` drawn frames for all strategies but those with long thoughts, `thinking_frames` of them for those; the
    fused strategies need FUSED_FRAMES. `lines`: a folder with a labelled folder for each line; `teach_from`: the same
    with the parts that teach. `votes`: the folder of recorded answers.
    """

    card: Path
    pipelines: Path
    votes: Path
    frames: int
    thinking_frames: int
    lines: Path | None = None
    teach_from: Path | None = None
    threads: int | None = None


def table_sections(
    settings: TableSettings, features: FeatureReader | None, progress: ReportProgress = no_progress
) -> Iterator[TableSection]:
    """Measure each set of parts. Raises InspectorError for unusable folders before the model is asked."""
    folders = _line_folders(settings)
    asked = [name for name in ON_DRAWN_FRAMES if name not in FUSED or settings.frames >= FUSED_FRAMES]
    drawn = ComparisonSettings(settings.card, asked, settings.votes / DRAWN_FILE, settings.threads)
    source = synthetic_source(settings.pipelines, frames=settings.frames, seed=SEED)
    yield TableSection("Drawn frames", compare_strategies(source, drawn, progress))
    if settings.thinking_frames:
        thinking = replace(drawn, strategies=("direct", *WITH_THOUGHTS))
        few = synthetic_source(settings.pipelines, frames=settings.thinking_frames, seed=SEED)
        yield TableSection("Drawn frames, with long thoughts", compare_strategies(few, thinking, progress))
    for folder in folders:
        yield _line_section(folder, settings, features, progress)


def _line_folders(settings: TableSettings) -> Sequence[Path]:
    if settings.lines is None:
        return ()
    folders = sorted(path.parent for path in settings.lines.glob("*/labels.csv"))
    if not folders:
        raise InspectorError(f"{settings.lines} holds no LINE/labels.csv; name a folder of labelled folders")
    for folder in folders:
        declared_line(settings.pipelines, folder.name)
        if settings.teach_from is not None and not (settings.teach_from / folder.name / "labels.csv").is_file():
            raise InspectorError(
                f"{settings.teach_from} holds no {folder.name}/labels.csv; add it, or leave out --teach"
            )
    return folders


def _line_section(
    folder: Path, settings: TableSettings, features: FeatureReader | None, progress: ReportProgress
) -> TableSection:
    line = folder.name
    compared = ComparisonSettings(settings.card, ON_ANY_LINE, settings.votes / f"{line}.jsonl", settings.threads)
    source = folder_source(folder, settings.pipelines, line=line)
    section = TableSection(line, compare_strategies(source, compared, progress))
    if settings.teach_from is None or features is None:
        return section
    defects = list(declared_line(settings.pipelines, line).defects)
    curve = TeachingCurve(settings.teach_from / line, TAUGHT_NG)
    try:
        return replace(section, taught=evaluate_taught(folder, curve, features, defects, progress))
    except InspectorError as error:  # the table of the other lines is not lost
        return replace(section, not_taught=str(error))
