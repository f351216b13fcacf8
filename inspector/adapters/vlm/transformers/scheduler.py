"""Chooses the next forward (continuous batching).

Parts are opened one after the other. The rows of all parts that wait for a token share one forward: finished rows leave
at once and waiting ones join at once. A part's prefix is read in the forward of its first rows, one prefix at a time.

A verdict never waits for a report. Memory is set aside before it is used. A failed forward is repeated with half the
rows, until a row that can't be computed fails alone. A part that can't be opened or read while rows are active is tried
again after them. Knows requests; no tensors.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from itertools import accumulate, islice
from typing import Final, Protocol

from torch import Tensor

from inspector.adapters.vlm.transformers.decoding import take_tokens
from inspector.adapters.vlm.transformers.images import PatchBatch
from inspector.adapters.vlm.transformers.kv_cache import KeptPrefix, SequenceRows
from inspector.adapters.vlm.transformers.memory_budget import REMEDY, MemoryBudget
from inspector.adapters.vlm.transformers.requests import GroupForward, PrefixRequest, SequenceGroup
from inspector.adapters.vlm.transformers.worker import Priority, as_inspector_error, is_out_of_memory
from inspector.errors import InspectorError, ModelError

MAX_ROWS_PER_FORWARD: Final = 256  # rows in one forward
MAX_STEPS_WITHOUT_WORDS: Final = 4  # under a steady load of verdicts, reports join after this many steps without them
MEMORY_TIMEOUT_S: Final = 10.0  # a part waits this long for memory before it is refused
MEMORY_POLL_S: Final = 0.02  # how often a waiting part checks for freed memory


class PendingForward(Protocol):
    """A computed forward: logits [rows, vocabulary]. Rows stay unchanged until `commit`."""

    @property
    def logits(self) -> Tensor: ...

    def commit(self) -> None: ...


class Executor(Protocol):
    """What the scheduler runs: prefixes and forwards."""

    def look(self, tokens: Sequence[int], patches: PatchBatch) -> KeptPrefix: ...

    def advance(self, batch: Sequence[tuple[SequenceRows, Sequence[Sequence[int]]]]) -> PendingForward: ...


class Scheduler:
    """The schedule of one model (`worker.Schedule`). Only the worker thread calls it."""

    def __init__(self, network: Executor, memory: MemoryBudget) -> None:
        self._network = network
        self._memory = memory
        self._openings: deque[PrefixRequest] = deque()
        self._groups: list[SequenceGroup] = []
        self._limit = MAX_ROWS_PER_FORWARD
        self._opened_last = False
        self._cramped: InspectorError | None = None  # why a part could not be opened or read while rows were active
        self._passed_over = 0  # steps that reports have waited

    @property
    def pause(self) -> float | None:
        if self._groups or self._may_open:
            return 0.0
        return MEMORY_POLL_S if self._openings else None

    def add(self, task: PrefixRequest | SequenceGroup) -> None:
        try:
            if isinstance(task, SequenceGroup):
                self._memory.check_row(task.room)
                self._groups.append(task)
            else:
                self._memory.check_part(len(task.tokens))
                self._openings.append(task)
        except InspectorError as error:
            task.pending.report(error)

    def step(self) -> None:
        """Run one forward. Opening parts and continuing parts alternate, so that neither waits for all of the other."""
        self._drop_finished()
        chosen = self._fitting(self._due())
        if self._may_open and not (chosen and self._opened_last):
            self._opened_last, chosen = True, []
            self._open(self._openings.popleft())
        elif chosen:
            self._opened_last = False
            self._advance(chosen)
        self._passed_over = 0 if _with_words(chosen) or not _with_words(self._groups) else self._passed_over + 1

    @property
    def _may_open(self) -> bool:
        if not self._openings or (self._cramped and self._groups):
            return False
        return self._memory.admits(len(self._openings[0].tokens), self._promised)

    @property
    def _promised(self) -> int:
        return sum(group.promised for group in self._groups)

    def _drop_finished(self) -> None:
        """Drop cancelled requests, and refuse those that can't be served."""
        if self._openings and not self._may_open and time.monotonic() - self._openings[0].since > MEMORY_TIMEOUT_S:
            self._openings[0].pending.report(self._cramped or self._lacking(len(self._openings[0].tokens)))
        for group in self._groups:
            group.check()
        if self._openings and self._openings[0].pending.is_over:
            self._cramped = None
        self._openings = deque(opening for opening in self._openings if not opening.pending.is_over)
        self._groups = [group for group in self._groups if group.decoders and not group.pending.is_over]

    def _lacking(self, tokens: int) -> ModelError:
        lack = self._memory.lack(tokens, self._memory.free(self._promised))
        return ModelError(f"{lack}, for {MEMORY_TIMEOUT_S:g} s; {REMEDY}")

    def _due(self) -> list[SequenceGroup]:
        """Return the groups that may run now: started ones first, then in order of arrival."""
        verdicts = [group for group in self._groups if group.turn is Priority.VERDICT]
        if (verdicts or self._may_open) and self._passed_over < MAX_STEPS_WITHOUT_WORDS:
            return verdicts
        return sorted(self._groups, key=lambda group: group.turn)

    def _fitting(self, due: Sequence[SequenceGroup]) -> list[SequenceGroup]:
        """Return as many rows as one forward may take and memory allows; a group that fits in part is cut."""
        rows, free, chosen = 0, self._memory.free(self._promised), list[SequenceGroup]()
        for group in sorted(due, key=lambda group: group.rows is None):
            if group.reads_prefix and not self._may_read(group.prefix, chosen):
                continue
            fits = self._limit - rows if group.rows else min(self._limit - rows, free // group.room)
            if fits < 1:
                break
            if fits < len(group.decoders):
                self._groups.append(group.cut(fits))
            chosen.append(group)
            rows += len(group.decoders)
            free -= 0 if group.rows else group.room * len(group.decoders)
        return chosen

    def _may_read(self, prefix: KeptPrefix, chosen: Sequence[SequenceGroup]) -> bool:
        if self._cramped and _have_begun(self._groups):
            return False
        return all(group.prefix is prefix for group in chosen if group.reads_prefix)

    def _open(self, opening: PrefixRequest) -> None:
        try:
            prefix = self._network.look(opening.tokens, opening.patches)
        except Exception as error:  # an error of one part must not end the thread that serves all
            error_for_caller = as_inspector_error(
                error.with_traceback(None)
            )  # drops the traceback, whose frames hold tensors
            self._put_off(opening, error_for_caller, is_out_of_memory(error))
        else:
            self._cramped = None
            self._memory.keep(prefix)
            opening.pending.report(prefix)

    def _put_off(self, opening: PrefixRequest, error: InspectorError, is_cramped: bool) -> None:
        """Retry a part that ran out of memory once rows have left; fail it for any other error."""
        self._cramped = error if is_cramped and self._groups else None
        if self._cramped:
            self._openings.appendleft(opening)
        else:
            opening.pending.report(error)

    def _advance(self, groups: Sequence[SequenceGroup]) -> None:
        decoders = [decoder for group in groups for decoder in group.decoders]
        reads = any(group.reads_prefix for group in groups)
        try:
            readings = [group.reading() for group in groups]
            forward = self._network.advance([(reading.rows, reading.tokens) for reading in readings])
            found = take_tokens(decoders, forward.logits, _decoder_rows(readings))
            forward.commit()
        except Exception as error:
            self._put_off_rows(groups, reads, error)
        else:
            self._limit = min(self._limit + 1, MAX_ROWS_PER_FORWARD)
            if reads:
                self._cramped = None
            each = iter(found)
            for group, reading in zip(groups, readings, strict=True):
                group.deliver(list(islice(each, len(reading.decoder_rows))), reading)
            self._groups = [apart for group in self._groups for apart in group.in_step()]

    def _put_off_rows(self, groups: Sequence[SequenceGroup], reads: bool, error: Exception) -> None:
        """Repeat a failed forward with half its rows: out of memory, or one row that can't be computed.

        A prefix that can't be read while other rows are active waits until they have left.
        """
        if reads and is_out_of_memory(error) and _have_begun(self._groups):
            self._cramped = as_inspector_error(error.with_traceback(None))
            return
        rows = sum(len(group.decoders) for group in groups)
        self._limit = max(1, rows // 2)
        if rows == 1:
            groups[0].pending.report(as_inspector_error(error))


def _decoder_rows(readings: Sequence[GroupForward]) -> list[int]:
    """Return which row of the forward each decoder takes."""
    firsts = accumulate((len(reading.tokens) for reading in readings), initial=0)
    return [first + row for first, reading in zip(firsts, readings, strict=False) for row in reading.decoder_rows]


def _have_begun(groups: Sequence[SequenceGroup]) -> bool:
    return any(group.rows is not None for group in groups)


def _with_words(groups: Sequence[SequenceGroup]) -> bool:
    return any(group.turn is Priority.WORDS for group in groups)
