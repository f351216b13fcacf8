"""The votes of lines as tables, kept in memory between requests: a limit that moves replays them in milliseconds.

A table holds for one fingerprint and one way of counting. Each request adds the parts that are new since the last one.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from threading import Lock
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspector.domain.declared import Disposition
from inspector.domain.pipeline import Pipeline
from inspector.ports.lines import JudgedCamera
from inspector.ports.tuning import PartVotes, TuningArchive, VotedParts
from inspector.tuning.counterfactual import VOTE_STOPS, Replay
from inspector.tuning.vote_table import VoteTable

Array = NDArray[Any]
MAX_UNREVIEWED_PARTS: Final = 20_000  # newest parts without a review that are replayed, for each fingerprint
MAX_TABLES: Final = 12  # in memory, 20 to 35 MB each
PARTS_PER_PAGE: Final = 500  # added at once in the background: some 50 ms
UNREVIEWED: Final = -1  # in an array of truths, next to 0 (OK) and 1 (NG)


class LineVotes(NamedTuple):
    """Parts of a line, oldest first, their votes as a table, and their truths.

    `by_votes` says whether the part's votes can say something: a deadline or a fault says nothing about them.
    `defects` are the defect classes of parts that people called NG, by number.
    """

    parts: Sequence[PartVotes]
    table: VoteTable
    truth: Array
    by_votes: Array
    defects: Mapping[int, tuple[str, ...]] = MappingProxyType({})

    def take(self, chosen: Array) -> LineVotes:
        """Return the parts of a mask."""
        parts = [self.parts[at] for at in np.flatnonzero(chosen).tolist()]
        return LineVotes(parts, self.table.take(chosen), self.truth[chosen], self.by_votes[chosen], self.defects)

    def of_camera(self, camera: str) -> Array:
        """Return the mask of one camera's parts."""
        return np.array([part.camera == camera for part in self.parts], bool)

    @property
    def is_ng(self) -> Array:
        found: Array = self.truth == 1
        return found


class _Tallied(NamedTuple):
    """Parts with their table, in the same order, and which of them their votes decided."""

    parts: tuple[PartVotes, ...]
    table: VoteTable
    by_votes: Array


class _CountedParts(NamedTuple):
    """Parts by disposition, up to this number."""

    until: int
    parts: Counter[Disposition]


class VoteTables:
    """Tables of a few lines. Thread-safe. Every method raises LedgerError."""

    def __init__(self, archive: TuningArchive) -> None:
        self._archive = archive
        self._lock = Lock()
        self._judged: dict[str, dict[tuple[str, int], JudgedCamera]] = {}
        self._counted: dict[tuple[str, str], _CountedParts] = {}
        self._tables: OrderedDict[tuple[str, ...], _KeptTable] = OrderedDict()

    def voted_parts(self, line: str, fingerprint: str) -> VotedParts:
        """Select the parts of a line under this fingerprint."""
        return self._archive.voted_parts(line, fingerprint, MAX_UNREVIEWED_PARTS)

    def votes(self, voted: VotedParts, pipeline: Pipeline, rungs: int | None = None) -> LineVotes:
        """Return the votes of these parts, counted as this pipeline counts them; of the ladder's first rungs only."""
        tallied = self._kept(voted.line, voted.fingerprint, pipeline, rungs).refresh(voted)
        truth = np.full(len(voted.numbers), UNREVIEWED, np.int8)
        numbers = np.array(voted.numbers, np.int64)
        known = np.array(sorted(voted.is_ng), np.int64)
        is_held = np.isin(known, numbers, assume_unique=True)
        truth[np.searchsorted(numbers, known[is_held])] = [voted.is_ng[each] for each in known[is_held].tolist()]
        return LineVotes(tallied.parts, tallied.table, truth, tallied.by_votes, voted.defects)

    def update_pages(self, line: str, fingerprint: str, pipeline: Pipeline) -> Iterator[None]:
        """Add the parts that are missing from a table, page by page; nothing where the newest part is held already."""
        table = self._kept(line, fingerprint, pipeline, None)
        self.disposition_counts(line, fingerprint)
        if table.newest_number < self._archive.newest_number(line, fingerprint):
            yield from table.update_pages(self.voted_parts(line, fingerprint))

    def judged_cameras(self, line: str) -> list[JudgedCamera]:
        """List the newest judged part of each camera under each version, the oldest first."""
        with self._lock:
            newest = self._judged.setdefault(line, {})
            after = max((each.number for each in newest.values()), default=0)
            newest |= {(each.camera, each.version): each for each in self._archive.judged_cameras(line, after)}
            return sorted(newest.values(), key=lambda each: each.number)

    def disposition_counts(self, line: str, fingerprint: str) -> Mapping[Disposition, int]:
        """Count all parts of a line under this fingerprint by what their votes made of them."""
        with self._lock:
            counted = self._counted.setdefault((line, fingerprint), _CountedParts(0, Counter()))
            newest = self._archive.newest_number(line, fingerprint)
            if newest > counted.until:
                new = self._archive.disposition_counts(line, fingerprint, counted.until, newest)
                counted = self._counted[line, fingerprint] = _CountedParts(newest, counted.parts + Counter(new))
            return counted.parts

    def _kept(self, line: str, fingerprint: str, pipeline: Pipeline, rungs: int | None) -> _KeptTable:
        key = (line, fingerprint, str(rungs), pipeline.model_dump_json(exclude={"thresholds"}))
        with self._lock:
            replay = Replay(pipeline, fingerprint, rungs)
            table = self._tables.pop(key, None) or _KeptTable(self._archive, pipeline, replay)
            self._tables[key] = table
            while len(self._tables) > MAX_TABLES:
                self._tables.popitem(last=False)
        return table


class _KeptTable:
    """The table of one fingerprint and one way of counting, with the parts that were read so far."""

    def __init__(self, archive: TuningArchive, pipeline: Pipeline, replay: Replay) -> None:
        self._archive = archive
        self._pipeline = pipeline
        self._replay = replay
        self._lock = Lock()
        self._held = _Tallied((), VoteTable.of(pipeline, ()), np.zeros(0, bool))
        self._selected: tuple[Sequence[int], frozenset[int]] = ((), frozenset())

    @property
    def newest_number(self) -> int:
        parts = self._held.parts
        return parts[-1].number if parts else 0

    def update_pages(self, voted: VotedParts) -> Iterator[None]:
        """Read what is new a page at a time. A request meanwhile waits for one page and reads the rest itself."""
        missing = self._missing(voted.numbers)
        for at in range(0, len(missing), PARTS_PER_PAGE):
            with self._lock:
                if page := self._missing(missing[at : at + PARTS_PER_PAGE]):
                    self._held = self._rebuilt([True] * len(self._held.parts), page)
            if page:
                yield
        self.refresh(voted)

    def _missing(self, numbers: Sequence[int]) -> list[int]:
        """List those of these parts that are not held."""
        held = {part.number for part in self._held.parts}
        return [number for number in numbers if number not in held]

    def refresh(self, voted: VotedParts) -> _Tallied:
        """Read the parts that are new, or have shadow votes by now; drop those that are not selected any more."""
        with self._lock:
            if (voted.numbers, voted.shadowed) == self._selected:
                return self._held
            self._selected = (voted.numbers, voted.shadowed)
            whole, wanted = voted.shadowed, set(voted.numbers)
            keeps = [
                part.number in wanted and (bool(part.shadow) or part.number not in whole) for part in self._held.parts
            ]
            kept = {part.number for part, keep in zip(self._held.parts, keeps, strict=True) if keep}
            self._held = self._rebuilt(keeps, [number for number in voted.numbers if number not in kept])
            return self._held

    def _rebuilt(self, keeps: list[bool], missing: list[int]) -> _Tallied:
        read = self._archive.part_votes(missing)
        new = VoteTable.of(self._pipeline, [self._replay.stored_votes(part) for part in read])
        held = [part for part, keep in zip(self._held.parts, keeps, strict=True) if keep]
        joined = [*held, *read]
        order = np.argsort([part.number for part in joined], kind="stable")
        table = self._held.table.take(np.array(keeps, bool)).join(new).take(order)
        parts = tuple(joined[at] for at in order)
        by_votes = [bool(part.shadow) or part.stopped_by in VOTE_STOPS for part in parts]
        return _Tallied(parts, table, np.array(by_votes, bool))
