"""Which forward is next. Parts are opened one after the other; the rows of all parts that wait for a token share one
forward, which finished rows leave at once and waiting ones join at once (continuous batching). A part's prefix is read
in the forward of its first rows, one prefix at a time.

A verdict never waits for words. Memory is set aside before it is used, and a forward that fails is made again with half
the rows, until the row that can't be computed stands alone and fails alone; a part that can't be opened or read beside
rows is tried again once they are gone. Knows what is asked; no tensors.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from itertools import accumulate, islice
from typing import Final, Protocol

from torch import Tensor

from inspector.adapters.vlm.transformers.decoding import hear
from inspector.adapters.vlm.transformers.images import Patches
from inspector.adapters.vlm.transformers.kv_cache import KeptPrefix, Rows
from inspector.adapters.vlm.transformers.memory_budget import REMEDY, Memory
from inspector.adapters.vlm.transformers.requests import Bundle, Opening, Reading
from inspector.adapters.vlm.transformers.worker import Turn, is_out_of_memory, translated
from inspector.errors import InspectorError, ModelError

MOST_ROWS: Final = 256  # in one forward
WORDS_EVERY: Final = 4  # under a steady load of verdicts, words ride along after so many steps without them
ADMISSION_S: Final = 10.0  # how long a part waits for memory before it is refused
RECHECK_S: Final = 0.02  # how often a part that waits looks whether another one was closed


class Forward(Protocol):
    """A forward that was made: logits [rows, vocabulary]. The rows stay as they were until `commit`."""

    @property
    def logits(self) -> Tensor: ...

    def commit(self) -> None: ...


class Forwards(Protocol):
    """What a network does."""

    def look(self, tokens: Sequence[int], patches: Patches) -> KeptPrefix: ...

    def advance(self, batch: Sequence[tuple[Rows, Sequence[Sequence[int]]]]) -> Forward: ...


class Batch:
    """The schedule of one network (`work.Schedule`). Only the working thread calls it."""

    def __init__(self, network: Forwards, memory: Memory) -> None:
        self._network = network
        self._memory = memory
        self._openings: deque[Opening] = deque()
        self._bundles: list[Bundle] = []
        self._limit = MOST_ROWS
        self._opened_last = False
        self._cramped: InspectorError | None = None  # why a part could not be opened or read beside rows
        self._passed_over = 0  # steps that words have waited for

    @property
    def pause(self) -> float | None:
        if self._bundles or self._may_open:
            return 0.0
        return RECHECK_S if self._openings else None

    def add(self, task: Opening | Bundle) -> None:
        try:
            if isinstance(task, Bundle):
                self._memory.check_row(task.room)
                self._bundles.append(task)
            else:
                self._memory.check_part(len(task.tokens))
                self._openings.append(task)
        except InspectorError as error:
            task.inquiry.report(error)

    def step(self) -> None:
        """One forward. Opening a part and continuing parts take turns: neither waits for all of the other."""
        self._let_go()
        chosen = self._fitting(self._due())
        if self._may_open and not (chosen and self._opened_last):
            self._opened_last, chosen = True, []
            self._open(self._openings.popleft())
        elif chosen:
            self._opened_last = False
            self._advance(chosen)
        self._passed_over = 0 if _with_words(chosen) or not _with_words(self._bundles) else self._passed_over + 1

    @property
    def _may_open(self) -> bool:
        if not self._openings or (self._cramped and self._bundles):
            return False
        return self._memory.admits(len(self._openings[0].tokens), self._promised)

    @property
    def _promised(self) -> int:
        return sum(bundle.promised for bundle in self._bundles)

    def _let_go(self) -> None:
        """Forgets what nobody waits for, and refuses what can't be served."""
        if self._openings and not self._may_open and time.monotonic() - self._openings[0].since > ADMISSION_S:
            self._openings[0].inquiry.report(self._cramped or self._lacking(len(self._openings[0].tokens)))
        for bundle in self._bundles:
            bundle.check()
        if self._openings and self._openings[0].inquiry.is_over:
            self._cramped = None
        self._openings = deque(opening for opening in self._openings if not opening.inquiry.is_over)
        self._bundles = [bundle for bundle in self._bundles if bundle.voices and not bundle.inquiry.is_over]

    def _lacking(self, tokens: int) -> ModelError:
        lack = self._memory.lack(tokens, self._memory.free(self._promised))
        return ModelError(f"{lack}, for {ADMISSION_S:g} s; {REMEDY}")

    def _due(self) -> list[Bundle]:
        """What may go now: rows that have begun before others, in the order they came."""
        verdicts = [bundle for bundle in self._bundles if bundle.turn is Turn.VERDICT]
        if (verdicts or self._may_open) and self._passed_over < WORDS_EVERY:
            return verdicts
        return sorted(self._bundles, key=lambda bundle: bundle.turn)

    def _fitting(self, due: Sequence[Bundle]) -> list[Bundle]:
        """As many rows as one forward may take and memory holds; a bundle that fits in part is cut."""
        rows, free, chosen = 0, self._memory.free(self._promised), list[Bundle]()
        for bundle in sorted(due, key=lambda bundle: bundle.rows is None):
            if bundle.reads_prefix and not self._may_read(bundle.prefix, chosen):
                continue
            fits = self._limit - rows if bundle.rows else min(self._limit - rows, free // bundle.room)
            if fits < 1:
                break
            if fits < len(bundle.voices):
                self._bundles.append(bundle.cut(fits))
            chosen.append(bundle)
            rows += len(bundle.voices)
            free -= 0 if bundle.rows else bundle.room * len(bundle.voices)
        return chosen

    def _may_read(self, prefix: KeptPrefix, chosen: Sequence[Bundle]) -> bool:
        if self._cramped and _have_begun(self._bundles):
            return False
        return all(bundle.prefix is prefix for bundle in chosen if bundle.reads_prefix)

    def _open(self, opening: Opening) -> None:
        try:
            prefix = self._network.look(opening.tokens, opening.patches)
        except Exception as error:  # whatever one part raises must not end the thread that all parts need
            told = translated(error.with_traceback(None))  # whose frames hold tensors
            self._put_off(opening, told, is_out_of_memory(error))
        else:
            self._cramped = None
            self._memory.keep(prefix)
            opening.inquiry.report(prefix)

    def _put_off(self, opening: Opening, error: InspectorError, is_cramped: bool) -> None:
        """Out of memory beside rows: their memory comes free. Anything else is the part's own fault."""
        self._cramped = error if is_cramped and self._bundles else None
        if self._cramped:
            self._openings.appendleft(opening)
        else:
            opening.inquiry.report(error)

    def _advance(self, bundles: Sequence[Bundle]) -> None:
        voices = [voice for bundle in bundles for voice in bundle.voices]
        reads = any(bundle.reads_prefix for bundle in bundles)
        try:
            readings = [bundle.reading() for bundle in bundles]
            forward = self._network.advance([(reading.rows, reading.tokens) for reading in readings])
            found = hear(voices, forward.logits, _heard(readings))
            forward.commit()
        except Exception as error:
            self._put_off_rows(bundles, reads, error)
        else:
            self._limit = min(self._limit + 1, MOST_ROWS)
            if reads:
                self._cramped = None
            each = iter(found)
            for bundle, reading in zip(bundles, readings, strict=True):
                bundle.deliver(list(islice(each, len(reading.heard))), reading)
            self._bundles = [apart for bundle in self._bundles for apart in bundle.in_step()]

    def _put_off_rows(self, bundles: Sequence[Bundle], reads: bool, error: Exception) -> None:
        """Out of memory, or one row that can't be computed: half the rows will tell. A prefix that can't be read beside
        rows waits until they are gone."""
        if reads and is_out_of_memory(error) and _have_begun(self._bundles):
            self._cramped = translated(error.with_traceback(None))
            return
        rows = sum(len(bundle.voices) for bundle in bundles)
        self._limit = max(1, rows // 2)
        if rows == 1:
            bundles[0].inquiry.report(translated(error))


def _heard(readings: Sequence[Reading]) -> list[int]:
    """Which row of the forward each voice hears."""
    firsts = accumulate((len(reading.tokens) for reading in readings), initial=0)
    return [first + row for first, reading in zip(firsts, readings, strict=False) for row in reading.heard]


def _have_begun(bundles: Sequence[Bundle]) -> bool:
    return any(bundle.rows is not None for bundle in bundles)


def _with_words(bundles: Sequence[Bundle]) -> bool:
    return any(bundle.turn is Turn.WORDS for bundle in bundles)
