"""The votes of lines as tables, kept in memory between requests: a limit that moves replays them in milliseconds.

A table holds for one fingerprint and one way of counting. Each request adds the parts that are new since the last one.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from threading import Lock
from time import monotonic
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspector.domain.declared import Disposition
from inspector.domain.pipeline import Pipeline
from inspector.lines.part_columns import CameraCodes, StoredPartColumns
from inspector.ports.lines import JudgedCamera
from inspector.ports.tuning import TuningArchive, VotedParts
from inspector.tuning.counterfactual import Replay
from inspector.tuning.vote_table import VoteTable

Array = NDArray[Any]
MAX_UNREVIEWED_PARTS: Final = 20_000  # newest parts without a review that are replayed, for each fingerprint
RECENT_S: Final = 5.0  # for which figures on a page may lack the newest parts
MAX_TABLES: Final = 12  # in memory, some 12 MB each
PARTS_PER_PAGE: Final = 500  # added at once in the background: some 50 ms


class LineVotes(NamedTuple):
    """Parts of a line, oldest first, their votes as a table, and their truths: 1 NG, 0 OK, UNREVIEWED.

    `defects` are the defect classes of parts that people called NG, by number.
    """

    parts: StoredPartColumns
    table: VoteTable
    truth: Array
    defects: Mapping[int, tuple[str, ...]] = MappingProxyType({})

    def take(self, chosen: Array) -> LineVotes:
        """Return the parts of a mask."""
        return LineVotes(self.parts.take(chosen), self.table.take(chosen), self.truth[chosen], self.defects)

    @property
    def is_ng(self) -> Array:
        found: Array = self.truth == 1
        return found

    @property
    def ng_classes(self) -> list[tuple[str, ...]]:
        """The defect classes of each NG part, in order."""
        return [self.defects.get(number, ()) for number in self.parts.number[self.is_ng].tolist()]


class _Tallied(NamedTuple):
    """Parts with their table, in the same order."""

    parts: StoredPartColumns
    table: VoteTable


class _CountedParts(NamedTuple):
    """Parts by disposition, up to this number."""

    until: int
    parts: Counter[Disposition]


class _RecentParts(NamedTuple):
    """Selected parts, the newest review then, and when that was on the monotonic clock, in seconds."""

    voted: VotedParts
    newest_review: int
    at: float


class VoteTables:
    """Tables of a few lines. Thread-safe. Every method raises LedgerError."""

    def __init__(self, archive: TuningArchive) -> None:
        self._archive = archive
        self._lock = Lock()
        self._judged: dict[str, dict[tuple[str, int], JudgedCamera]] = {}
        self._counted: dict[tuple[str, str], _CountedParts] = {}
        self._recent: dict[tuple[str, str], _RecentParts] = {}
        self._tables: OrderedDict[tuple[str, ...], _KeptTable] = OrderedDict()

    def voted_parts(self, line: str, fingerprint: str) -> VotedParts:
        """Select the parts of a line under this fingerprint."""
        return self._archive.voted_parts(line, fingerprint, MAX_UNREVIEWED_PARTS)

    def recent_parts(self, line: str, fingerprint: str) -> VotedParts:
        """Return what `voted_parts` selected at most RECENT_S ago, with all that people have answered until now."""
        newest, now = self._archive.newest_review(), monotonic()
        with self._lock:
            held = self._recent.get((line, fingerprint))
        if held is not None and held.newest_review == newest and now - held.at < RECENT_S:
            return held.voted
        voted = self.voted_parts(line, fingerprint)
        with self._lock:
            self._recent[line, fingerprint] = _RecentParts(voted, newest, now)
            while len(self._recent) > MAX_TABLES:
                self._recent.pop(next(iter(self._recent)))
        return voted

    def votes(self, voted: VotedParts, pipeline: Pipeline, rungs: int | None = None) -> LineVotes:
        """Return the votes of these parts, counted as this pipeline counts them; of the ladder's first rungs only."""
        tallied = self._kept(voted.line, voted.fingerprint, pipeline, rungs).refresh(voted)
        return LineVotes(tallied.parts, tallied.table, voted.truth, voted.defects)

    def update_pages(self, line: str, fingerprint: str, pipeline: Pipeline) -> Iterator[None]:
        """Add the parts that are missing from a table, page by page; nothing where the newest part is held already."""
        table = self._kept(line, fingerprint, pipeline, None)
        self.disposition_counts(line, fingerprint)
        if table.newest_number < self._archive.newest_number(line, fingerprint):
            yield from table.update_pages(self.recent_parts(line, fingerprint))

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
        self._held = _Tallied(StoredPartColumns.of(CameraCodes(), ()), VoteTable.of(pipeline, ()))
        self._selected: VotedParts | None = None

    @property
    def newest_number(self) -> int:
        return int(self._held.parts.number.max(initial=0))

    def update_pages(self, voted: VotedParts) -> Iterator[None]:
        """Read what is new a page at a time. A request meanwhile waits for one page and reads the rest itself."""
        missing = self._missing(voted.numbers)
        for at in range(0, len(missing), PARTS_PER_PAGE):
            with self._lock:
                if len(page := self._missing(missing[at : at + PARTS_PER_PAGE])):
                    self._held = self._rebuilt(np.ones(len(self._held.parts), bool), page)
                    self._selected = None
            if len(page):
                yield
        self.refresh(voted)

    def _missing(self, numbers: Array) -> Array:
        """List those of these parts that are not held."""
        return np.setdiff1d(numbers, self._held.parts.number, assume_unique=True)

    def refresh(self, voted: VotedParts) -> _Tallied:
        """Read the parts that are new, or have shadow votes by now; drop those that are not selected any more."""
        with self._lock:
            if voted is self._selected:
                return self._held
            held = self._held.parts
            gained = ~held.has_shadow & np.isin(held.number, voted.numbers[voted.is_shadowed], assume_unique=True)
            keeps = np.isin(held.number, voted.numbers, assume_unique=True) & ~gained
            missing = np.setdiff1d(voted.numbers, held.number[keeps], assume_unique=True)
            if len(missing) or not keeps.all():
                self._held = self._rebuilt(keeps, missing)
            self._selected = voted
            return self._held

    def _rebuilt(self, keeps: Array, missing: Array) -> _Tallied:
        read = self._archive.part_votes(missing.tolist())
        new = VoteTable.of(self._pipeline, [self._replay.stored_votes(part) for part in read])
        parts = self._held.parts.take(keeps).join(StoredPartColumns.of(self._held.parts.cameras, read))
        order = np.argsort(parts.number, kind="stable")
        return _Tallied(parts.take(order), self._held.table.take(keeps).join(new).take(order))
