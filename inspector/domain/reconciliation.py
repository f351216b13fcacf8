"""The balance of a line: triggers, decisions, losses, published and acknowledged verdicts, and whether they agree.
Pure.

A trigger that left no record shows up in two ways: as a hole in its camera's sequence numbers that no recorded loss
explains, and in the PLC's own count. A recent hole counts as in flight, because a station may still have its frame.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple, TypeVar

from inspector.domain.declared import Disposition
from inspector.domain.frame import FrameKey
from inspector.domain.sequence import LOST_AFTER_S
from inspector.domain.spans import Span, merged, total, without

LOSS_WRITE_DELAY_S: Final = 5.0  # losses are stored once a second, and a busy database adds to that
MAX_NAMED_SPANS: Final = 5  # of a camera, in words


@dataclass(frozen=True, slots=True)
class Ack:
    """The gate's report of its action on a part. A `result_id` wins; the key alone means its newest part.

    The key's trigger_id is empty where the gate names a result only.
    """

    key: FrameKey
    disposition: Disposition
    at: datetime
    result_id: str | None = None

    def proves_arrival_of(self, verdict: Disposition) -> bool:
        """Return whether the gate had this verdict: a gate without one acts by its timer, and knows no result_id."""
        return self.result_id is not None or self.disposition is verdict

    @property
    def name(self) -> str:
        """What the gate calls the part, for people."""
        return str(self.key) if self.result_id is None else f"{self.key.line}/{self.key.camera} result {self.result_id}"


class MissingAck(NamedTuple):
    """A published verdict that the gate did not acknowledge in time."""

    key: FrameKey
    ack_within_ms: float


@dataclass(frozen=True, slots=True)
class TriggerCount:
    """A PLC's report of how often it triggered this camera from `since` up to `until`; received `at`."""

    line: str
    camera: str
    triggers: int
    since: datetime
    until: datetime
    at: datetime


class CountComparison(NamedTuple):
    """A PLC's count, with the ledger's figures for the same time."""

    counted: TriggerCount
    decided: int
    lost: int

    @property
    def difference(self) -> int:
        """Triggers that the ledger does not know. Negative if the ledger knows more than the PLC fired."""
        return self.counted.triggers - self.decided - self.lost


class Gap(NamedTuple):
    """Numbers of one `run` of a camera's counter, first to last, that were given up as lost.

    The next frame was received `at`.
    """

    first: int
    last: int
    at: datetime
    run: int

    @property
    def frames(self) -> int:
        return self.last - self.first + 1


class SequenceHole(NamedTuple):
    """Numbers of one `run` of a camera's counter between two of its parts. The next part was received `at`."""

    first: int
    last: int
    at: datetime
    run: int


class CounterRange(NamedTuple):
    """The numbers of one run's parts, lowest to highest."""

    run: int
    first: int
    last: int


class RunSpan(NamedTuple):
    """Numbers of one run, first to last."""

    run: int
    first: int
    last: int

    @property
    def frames(self) -> int:
        return self.last - self.first + 1


InRun = TypeVar("InRun", Gap, SequenceHole)


@dataclass(frozen=True, slots=True)
class CameraAccount:
    """The triggers of one camera, over `runs` runs of its counter.

    `unaccounted` numbers are explained neither by a part nor by a recorded loss.
    """

    camera: str
    decided: int
    lost: int
    in_flight: int
    unaccounted: tuple[RunSpan, ...]
    runs: int = 1

    @property
    def missing(self) -> int:
        return sum(span.frames for span in self.unaccounted)


@dataclass(frozen=True, slots=True)
class Balance:
    """The balance of one line.

    `published` includes acknowledged parts. `pending` counts the verdicts that wait in the outbox. `compared` holds
    each camera's newest comparison with the PLC.
    """

    line: str
    at: datetime
    cameras: tuple[CameraAccount, ...]
    decided: int
    published: int
    acknowledged: int
    pending: int
    compared: tuple[CountComparison, ...]

    @property
    def lost(self) -> int:
        return sum(camera.lost for camera in self.cameras)

    @property
    def in_flight(self) -> int:
        return sum(camera.in_flight for camera in self.cameras)

    @property
    def unaccounted(self) -> int:
        return sum(camera.missing for camera in self.cameras)

    @property
    def triggers_seen(self) -> int:
        """Triggers with any trace: a part, a loss, or a number in the sequence."""
        return self.decided + self.lost + self.in_flight + self.unaccounted

    def problems(self) -> list[str]:
        """List every disagreement in words for the line engineer; empty where the figures agree."""
        return [*self._unaccounted(), *self._unpublished(), *self._miscounted()]

    def _unaccounted(self) -> Iterator[str]:
        for camera in self.cameras:
            if camera.unaccounted:
                seqs = ", ".join(_words(span, camera.runs) for span in camera.unaccounted[:MAX_NAMED_SPANS])
                yield f"{camera.camera}: {camera.missing} trigger(s) neither decided nor recorded as lost: seq {seqs}"

    def _unpublished(self) -> Iterator[str]:
        if self.decided != self.published + self.pending:
            yield f"{self.decided} decided, but {self.published} published and {self.pending} waiting in the outbox"

    def _miscounted(self) -> Iterator[str]:
        for count, decided, lost in self.compared:
            if count.triggers != decided + lost:
                yield (
                    f"{count.camera}: the PLC counted {count.triggers} trigger(s) from {count.since.isoformat()} to "
                    f"{count.until.isoformat()}, the ledger holds {decided} decided and {lost} lost"
                )


def in_flight_time(deadline_ms: float) -> timedelta:
    """Return how long a frame of the line may be with a station, or missing without being given up."""
    return timedelta(seconds=LOST_AFTER_S + LOSS_WRITE_DELAY_S, milliseconds=deadline_ms)


def camera_account(
    camera: str,
    decided: int,
    ranges: Sequence[CounterRange],
    holes: Iterable[SequenceHole],
    losses: Iterable[Gap],
    settled: datetime,
) -> CameraAccount:
    """Explain every hole by the losses of its run. A hole whose next part was received after `settled` is in flight."""
    holes_of, losses_of = _by_run(holes), _by_run(losses)
    lost = in_flight = 0
    unaccounted: list[RunSpan] = []
    reached = {each.run: Span(each.first, each.last) for each in ranges}
    for run in sorted(reached.keys() | losses_of.keys()):
        gaps = merged(Span(loss.first, loss.last) for loss in losses_of[run])
        spans = [Span(hole.first, hole.last) for hole in sorted(holes_of[run])]
        lost += _lost(gaps, spans, reached.get(run))
        fresh = [Span(hole.first, hole.last) for hole in sorted(holes_of[run]) if hole.at > settled]
        old = without(spans, fresh)
        in_flight += total(without(fresh, gaps))
        unaccounted += [RunSpan(run, *span) for span in without(old, gaps)]
    return CameraAccount(camera, decided, lost, in_flight, tuple(unaccounted), len(reached))


def _lost(gaps: Sequence[Span], holes: Sequence[Span], reached: Span | None) -> int:
    """Count the numbers of recorded losses that no part has: a frame may arrive after it was given up."""
    beyond = total(without(gaps, [reached] if reached else []))
    return beyond + total(holes) - total(without(holes, gaps))


def _by_run(rows: Iterable[InRun]) -> dict[int, list[InRun]]:
    runs: dict[int, list[InRun]] = defaultdict(list)
    for row in rows:
        runs[row.run].append(row)
    return runs


def _words(span: RunSpan, runs: int) -> str:
    """Name the numbers, and their run where the counter has several."""
    return f"{span.first} to {span.last}" + (f" (run {span.run})" if runs > 1 else "")
