"""The memory of a line's reviewed parts: what the view similar shows before a frame. Pure numbers.

The memory is a snapshot. New reviews change no score until the line remembers again, as a new version.
Its bytes hold no code: arrays without pickles, and a JSON text.
"""

from __future__ import annotations

import io
import json
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspector.domain.cameras import Region
from inspector.errors import InspectorError
from inspector.numerics.nearest_vectors import unit_rows
from inspector.numerics.small_grey import SIDE_CELLS

Array = NDArray[Any]
SCHEMA: Final = "inspector.part-memory/1"
MEDIA_TYPE: Final = "application/x-inspector-part-memory"
MAX_PARTS: Final = 10_000  # newest reviewed parts of one memory
MAX_BYTES: Final = 16_000_000
DOCUMENT: Final = "document"  # name of the array that holds the JSON text
LOOKS: Final = "looks"  # name of the array of small grey pictures
WIDTH: Final = SIDE_CELLS * SIDE_CELLS
CURVE_POINTS: Final = (10, 20, 30, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
SHA256: Final = re.compile(r"[0-9a-f]{64}")
_NO_ROWS: Final = np.zeros(0, int)


class RememberedPart(NamedTuple):
    """One reviewed part. `look` is its small grey picture [WIDTH], `region` the region of its camera."""

    sha256: str
    is_ng: bool
    look: Array
    region: Region | None = None
    group: str = ""


class SimilarParts(NamedTuple):
    """The sha256 of the good part and of the NG part that look most like a frame."""

    ok: str
    ng: str


class CurvePoint(NamedTuple):
    """The error of the nearest part's label after so many reviews: the mean of its errors on OK and NG parts."""

    reviews: int
    balanced_error: float


@dataclass(frozen=True, eq=False)
class PartMemory:
    """Remembered parts, oldest first. `looks` [parts, WIDTH] belongs to them row by row."""

    parts: tuple[RememberedPart, ...]
    looks: Array

    @classmethod
    def of(cls, parts: Sequence[RememberedPart]) -> PartMemory:
        """Remember the newest MAX_PARTS of these parts."""
        newest = tuple(parts[-MAX_PARTS:])
        looks = np.stack([part.look for part in newest]) if newest else np.zeros((0, WIDTH))
        return cls(newest, np.asarray(looks, np.float16).astype(np.float32))

    def similar(self, look: Array, region: Region | None) -> SimilarParts | None:
        """Return the nearest OK and NG parts of cameras with this region; None where one of them is missing."""
        ok, ng = (self._nearest(look, region, is_ng=is_ng) for is_ng in (False, True))
        return SimilarParts(ok, ng) if ok and ng else None

    def _nearest(self, look: Array, region: Region | None, *, is_ng: bool) -> str | None:
        rows, looks = self._kinds.get((region, is_ng), (_NO_ROWS, self.looks))
        return self.parts[rows[np.argmax(looks @ look)]].sha256 if len(rows) else None

    @cached_property
    def _kinds(self) -> dict[tuple[Region | None, bool], tuple[Array, Array]]:
        """The rows and looks, of length 1, of the parts of each region and label."""
        rows: defaultdict[tuple[Region | None, bool], list[int]] = defaultdict(list)
        for row, part in enumerate(self.parts):
            rows[part.region, part.is_ng].append(row)
        looks = unit_rows(self.looks)
        return {kind: (np.array(each), looks[each]) for kind, each in rows.items()}

    def to_bytes(self) -> bytes:
        """Serialise. Raises InspectorError above MAX_BYTES."""
        rows = [[part.sha256, part.is_ng, part.region and list(part.region)] for part in self.parts]
        text = np.frombuffer(json.dumps({"schema": SCHEMA, "parts": rows}).encode(), np.uint8)
        file = io.BytesIO()
        arrays: dict[str, Array] = {LOOKS: self.looks.astype(np.float16), DOCUMENT: text}
        np.savez_compressed(file, allow_pickle=False, **arrays)
        if len(data := file.getvalue()) > MAX_BYTES:
            raise InspectorError(f"the memory has {len(data):,} bytes, more than {MAX_BYTES:,}; remember fewer parts")
        return data


def read_part_memory(data: bytes) -> PartMemory:
    """Read a memory. Raises InspectorError for other or damaged bytes."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            looks, document = np.asarray(stored[LOOKS], np.float32), json.loads(stored[DOCUMENT].tobytes())
        if document["schema"] != SCHEMA or looks.shape != (len(document["parts"]), WIDTH):
            raise ValueError(f"schema {document['schema']} with looks {looks.shape}")
        if not np.isfinite(looks).all():
            raise ValueError("a look is not finite")
        parts = tuple(_part(row, look) for row, look in zip(document["parts"], looks, strict=True))
        return PartMemory(parts, looks)
    except Exception as error:  # numpy, zipfile and json raise many kinds for damaged bytes
        raise InspectorError(f"the memory of reviewed parts can't be read: {error}; run: inspector remember") from error


def error_curve(memory: PartMemory) -> list[CurvePoint]:
    """Return how often the nearest earlier part has the other label, by the number of reviews.

    Each part is compared with those before it that belong to other groups and to the same region: what a line would
    have known then.
    """
    (kinds, regions, groups), looks = _columns(memory.parts), unit_rows(memory.looks)
    asked, curve = list[tuple[bool, bool]](), list[CurvePoint]()
    for number, look in enumerate(looks):
        comparable = (regions[:number] == regions[number]) & (groups[:number] != groups[number])
        if comparable.any():
            best = np.argmax(np.where(comparable, looks[:number] @ look, -np.inf))
            asked.append((bool(kinds[number]), bool(kinds[best] != kinds[number])))
        if number + 1 in CURVE_POINTS or number + 1 == len(looks):
            curve += _point(number + 1, asked)
    return curve


def _columns(parts: Sequence[RememberedPart]) -> tuple[Array, Array, Array]:
    """Return label, number of the region and number of the group of each part; a part without a group is its own."""
    regions = {region: number for number, region in enumerate(dict.fromkeys(part.region for part in parts))}
    names = [part.group or f"part {row}" for row, part in enumerate(parts)]
    groups = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return (
        np.array([part.is_ng for part in parts], bool),
        np.array([regions[part.region] for part in parts], int),
        np.array([groups[name] for name in names], int),
    )


def _point(reviews: int, asked: Sequence[tuple[bool, bool]]) -> list[CurvePoint]:
    """Return the error over the newest half of the parts; nothing before both kinds are there."""
    newest = asked[len(asked) // 2 :]
    wrong = [[is_wrong for is_ng, is_wrong in newest if is_ng is kind] for kind in (False, True)]
    return [CurvePoint(reviews, float(np.mean([np.mean(each) for each in wrong])))] if all(wrong) else []


def _part(row: list[Any], look: Array) -> RememberedPart:
    sha256, is_ng, region = row
    if not isinstance(sha256, str) or not SHA256.fullmatch(sha256) or not isinstance(is_ng, bool):
        raise ValueError(f"row {str(row)[:80]}")
    return RememberedPart(sha256, is_ng, look, tuple(map(float, region)) if region else None)  # type: ignore[arg-type]
