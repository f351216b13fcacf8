"""Stored parts in columns: what names them, and what a replay of their votes asks about them.

A table of votes holds some 26,000 parts of a line. As objects they would be slow to select from, and the garbage
collector would look at each of them over and over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from inspector.ports.tuning import IdentifiedPart, PartVotes
from inspector.tuning.counterfactual import VOTE_STOPS
from inspector.tuning.threshold_evidence import DISPOSITIONS, draw_of

Array = NDArray[Any]
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)


class CameraCodes:
    """Numbers the cameras of a table's parts, in the order in which they are first seen."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._codes: dict[str, int] = {}

    def code(self, name: str) -> int:
        """Return the camera's number; a new one for a camera that was not seen before."""
        if name not in self._codes:
            self.names.append(name)
            self._codes[name] = len(self.names) - 1
        return self._codes[name]

    def known(self, name: str) -> int:
        """Return the camera's number; -1 for a camera that was not seen."""
        return self._codes.get(name, -1)


@dataclass(frozen=True, eq=False)
class StoredPartColumns:
    """Parts, oldest first, one entry per part in each column.

    `camera` is a number of `cameras`, and `disposition` an index of DISPOSITIONS: what the votes made of the part.
    `p_ng` and `opinion` (the score of the second opinion) are NaN where there is none. `decided_us` is in microseconds
    since 1970. `by_votes` says whether the part's votes can say something: a deadline or a fault says nothing about
    them. `count_draw` and `review_draw` are numbers in 0..1 that choose parts at random.
    """

    cameras: CameraCodes
    number: Array
    result_id: Array
    trigger_id: Array
    part_id: Array
    camera: Array
    disposition: Array
    decided_us: Array
    p_ng: Array
    opinion: Array
    has_votes: Array
    has_shadow: Array
    by_votes: Array
    count_draw: Array
    review_draw: Array

    @classmethod
    def of(cls, cameras: CameraCodes, voted: Sequence[PartVotes]) -> Self:
        """Put parts into columns."""
        parts = [each.part for each in voted]
        return cls(
            cameras,
            np.array([part.number for part in parts], np.int64),
            np.array([part.result_id for part in parts], object),
            np.array([part.trigger_id for part in parts], object),
            np.array([part.part_id for part in parts], object),
            np.array([cameras.code(part.camera) for part in parts], np.int32),
            np.array([DISPOSITIONS.index(part.disposition) for part in parts], np.int8),
            np.array([(part.decided_at - EPOCH) // MICROSECOND for part in parts], np.int64),
            np.array([np.nan if part.p_ng is None else part.p_ng for part in parts], float),
            np.array([np.nan if each.opinion is None else each.opinion.p_ng for each in voted], float),
            np.array([bool(each.shadow or each.votes) for each in voted], bool),
            np.array([bool(each.shadow) for each in voted], bool),
            np.array([bool(each.shadow) or each.stopped_by in VOTE_STOPS for each in voted], bool),
            np.array([draw_of(part.result_id, "count") for part in parts], float),
            np.array([draw_of(part.result_id, "review") for part in parts], float),
        )

    def __len__(self) -> int:
        return len(self.number)

    def take(self, chosen: Array) -> StoredPartColumns:
        """Return the parts of a mask or of indexes."""
        return StoredPartColumns(self.cameras, *(getattr(self, name)[chosen] for name in COLUMNS))

    def join(self, other: StoredPartColumns) -> StoredPartColumns:
        """Return the parts of both, which number their cameras alike."""
        both = (np.concatenate((getattr(self, name), getattr(other, name))) for name in COLUMNS)
        return StoredPartColumns(self.cameras, *both)

    def named(self, at: int) -> IdentifiedPart:
        """Return the part at this place."""
        p_ng = float(self.p_ng[at])
        return IdentifiedPart(
            int(self.number[at]),
            self.result_id[at],
            self.cameras.names[self.camera[at]],
            self.trigger_id[at],
            self.part_id[at],
            EPOCH + int(self.decided_us[at]) * MICROSECOND,
            None if np.isnan(p_ng) else p_ng,
            DISPOSITIONS[self.disposition[at]],
        )

    def of_camera(self, camera: str) -> Array:
        """Return the mask of one camera's parts."""
        found: Array = self.camera == self.cameras.known(camera)
        return found

    def camera_places(self, names: Sequence[str]) -> Array:
        """Return the place of each part's camera among these names, which hold it."""
        place = {name: at for at, name in enumerate(names)}
        places: Array = np.array([place.get(name, -1) for name in self.cameras.names], int)[self.camera]
        return places


def camera_names(tables: Iterable[StoredPartColumns]) -> list[str]:
    """List the cameras of all these parts by name."""
    return sorted({each.cameras.names[code] for each in tables for code in np.unique(each.camera)})


COLUMNS: Final = tuple(field.name for field in fields(StoredPartColumns) if field.name != "cameras")
