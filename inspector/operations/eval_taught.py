"""Teach a line with one labelled folder, and measure on another (`inspector eval folder --teach-from`)."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from inspector.bootstrap.part_features import FeatureReader
from inspector.errors import InspectorError, PictureError
from inspector.lab.evaluation.taught_figures import TaughtFigures, UsedParts, taught_figures
from inspector.operations.progress import ReportProgress, no_progress
from inspector.operations.replay import LabelledPicture, read_labels
from inspector.ports.engine import Picture
from inspector.teaching.advice import MIN_GROUPS
from inspector.teaching.part_features import TaughtPart
from inspector.teaching.teacher import teach

DEFAULT_GOLDEN: Final = 64  # good parts of the teaching folder that serve as golden samples
OK_PER_NG: Final = 2


@dataclass(frozen=True, slots=True)
class TeachingCurve:
    """`counts`: numbers of NG parts to teach with. `golden`: number of golden samples."""

    teach_from: Path
    counts: tuple[int, ...]
    golden: int = DEFAULT_GOLDEN


class LabelledParts(NamedTuple):
    """The readable parts of a folder in the order of its rows.

    `pictures` holds the sha256 of each part's bytes. `grouped`: every row names its group, and there are several.
    """

    parts: tuple[TaughtPart, ...]
    pictures: tuple[str, ...]
    grouped: bool


def evaluate_taught(
    folder: Path,
    curve: TeachingCurve,
    features: FeatureReader,
    declared: Sequence[str] = (),
    report: ReportProgress = no_progress,
) -> dict[int, TaughtFigures]:
    """Teach once per count and measure each. Raises InspectorError where a folder does not suffice.

    Parts of the teaching folder that share a group with a measured one, or its picture, are left out.
    """
    measured, ms_mean = _timed_parts(folder, features, report)
    if len({part.is_ng for part in measured.parts}) < 2:
        raise InspectorError(f"{folder}: OK and NG parts are needed to measure; label some of both in labels.csv")
    taught = _without_measured(read_parts(curve.teach_from, features, report), measured)
    return {
        count: _figures(count, curve.golden, taught, measured, features, declared, ms_mean, report)
        for count in curve.counts
    }


def read_parts(folder: Path, features: FeatureReader, report: ReportProgress = no_progress) -> LabelledParts:
    """Read the features of a folder's labelled, readable pictures."""
    rows = [row for row in read_labels(folder) if row.is_ng is not None]
    groups = {row.part_id for row in rows}
    parts, pictures = list[TaughtPart](), list[str]()
    for number, row in enumerate(rows, 1):
        data = row.path.read_bytes()
        try:
            parts.append(_part(row, data, folder, number, features, keeps_group=len(groups) > 1))
        except PictureError:
            continue
        pictures.append(hashlib.sha256(data).hexdigest())
        report(f"features of {folder.name}", number, len(rows))
    return LabelledParts(tuple(parts), tuple(pictures), None not in groups and len(groups) > 1)


def _part(
    row: LabelledPicture, data: bytes, folder: Path, number: int, features: FeatureReader, *, keeps_group: bool
) -> TaughtPart:
    template = Picture(row.template.read_bytes()) if row.template else None
    group = row.part_id if keeps_group and row.part_id else f"row {number}"
    boxes = features.normalised(data, row.boxes)
    name = str(row.path.relative_to(folder))
    return TaughtPart(name, group, row.is_ng is True, features.read(Picture(data), template), boxes, row.defect)


def _timed_parts(folder: Path, features: FeatureReader, report: ReportProgress) -> tuple[LabelledParts, float]:
    started = time.process_time()
    measured = read_parts(folder, features, report)
    return measured, 1000.0 * (time.process_time() - started) / max(1, len(measured.parts))


def _without_measured(taught: LabelledParts, measured: LabelledParts) -> LabelledParts:
    """Leave out parts with a measured part's picture, and those that share a group with measured ones.

    Where that leaves too few good parts, groups are ignored: figures then hold for known groups, without any right.
    """
    pictures, groups = set(measured.pictures), {part.group for part in measured.parts}
    fresh = _kept(taught, [picture not in pictures for picture in taught.pictures])
    if not (taught.grouped and measured.grouped):
        return fresh
    apart = _kept(fresh, [part.group not in groups for part in fresh.parts])
    good = {part.group for part in apart.parts if not part.is_ng}
    return apart if len(good) >= MIN_GROUPS else fresh._replace(grouped=False)


def _kept(labelled: LabelledParts, keep: Sequence[bool]) -> LabelledParts:
    return labelled._replace(
        parts=tuple(compress(labelled.parts, keep)), pictures=tuple(compress(labelled.pictures, keep))
    )


def _figures(
    count: int,
    golden_count: int,
    taught: LabelledParts,
    measured: LabelledParts,
    features: FeatureReader,
    declared: Sequence[str],
    ms_mean: float,
    report: ReportProgress,
) -> TaughtFigures:
    good = [part for part in taught.parts if not part.is_ng]
    ng = spread_over_groups([part for part in taught.parts if part.is_ng], count)
    ok, golden = spread_over_groups(good, OK_PER_NG * len(ng)), evenly(good, golden_count)
    chosen = {part.name for part in (*ng, *ok, *golden)}
    parts = [part for part in taught.parts if part.name in chosen]
    result = teach(
        parts,
        grouped=taught.grouped,
        declared=declared,
        backbones=features.backbones,
        report=lambda done, steps: report(f"teaching with {count} NG", done, steps),
    )
    used = UsedParts(len(ng), len(ok), len({part.group for part in parts}), len(golden))
    started = time.process_time()
    log_odds = np.array([result.model.opinion(part.features).log_odds for part in measured.parts])
    ms_mean += 1000.0 * (time.process_time() - started) / len(measured.parts)
    is_ng = np.array([part.is_ng for part in measured.parts])
    return taught_figures(result, used, log_odds, is_ng, [part.group for part in measured.parts], ms_mean)


def spread_over_groups(parts: Sequence[TaughtPart], count: int) -> list[TaughtPart]:
    """Return the first part of each group, then the second …, up to `count` parts: more of them include fewer."""
    seen: dict[str, int] = {}
    order = []
    for part in parts:
        order.append(seen.get(part.group, 0))
        seen[part.group] = order[-1] + 1
    ranked = sorted(range(len(parts)), key=lambda number: order[number])
    return [parts[number] for number in ranked[:count]]


def evenly(parts: Sequence[TaughtPart], count: int) -> list[TaughtPart]:
    """Return `count` parts, evenly spread over their order."""
    wanted = min(count, len(parts))
    return [parts[number * len(parts) // wanted] for number in range(wanted)]
