"""The balance of a line: triggers, decisions, losses, published and acknowledged verdicts, and whether they agree.
Pure.

A trigger that left no record shows up in two ways: as a hole in its camera's sequence numbers that no recorded loss
explains, and in the PLC's own count. A recent hole counts as in flight, because a station may still have its frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from inspector.domain.declared import Disposition
from inspector.domain.frame import FrameKey
from inspector.domain.sequence import LOST_AFTER_S, Span

LOSS_WRITE_DELAY_S: Final = 5.0  # losses are stored once a second, and a busy database adds to that
LOSS_RECORD_DELAY: Final = timedelta(minutes=1)  # longest time from the frame that revealed a loss to its record


@dataclass(frozen=True, slots=True)
class Ack:
    """The gate's report of its action on a part."""

    key: FrameKey
    disposition: Disposition
    at: datetime


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
    """Numbers of a camera's sequence, first to last, that were given up as lost. The next frame was received `at`."""

    first: int
    last: int
    at: datetime

    @property
    def frames(self) -> int:
        return self.last - self.first + 1


class SequenceHole(NamedTuple):
    """Numbers of a camera's sequence, first to last, that belong to no part.

    The next part was received `at`. The counter ran without a restart from `begun` to `ended`.
    """

    first: int
    last: int
    at: datetime
    begun: datetime
    ended: datetime


@dataclass(frozen=True, slots=True)
class CameraAccount:
    """The triggers of one camera. `unaccounted` numbers are explained neither by a part nor by a recorded loss."""

    camera: str
    decided: int
    lost: int
    in_flight: int
    unaccounted: tuple[Span, ...]

    @property
    def missing(self) -> int:
        return sum(span.length for span in self.unaccounted)


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
                seqs = ", ".join(f"{first} to {last}" for first, last in camera.unaccounted[:5])
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
    camera: str, decided: int, holes: Iterable[SequenceHole], losses: Sequence[Gap], settled: datetime
) -> CameraAccount:
    """Explain every hole by the recorded losses. A hole whose next part was received after `settled` is in flight."""
    lost = in_flight = 0
    unaccounted: list[Span] = []
    for hole in holes:
        rest = _without(hole, losses)
        missing = sum(span.length for span in rest)
        lost += hole.last - hole.first + 1 - missing
        if hole.at > settled:
            in_flight += missing
        else:
            unaccounted += rest
    return CameraAccount(camera, decided, lost, in_flight, tuple(unaccounted))


def _without(hole: SequenceHole, losses: Sequence[Gap]) -> list[Span]:
    """Remove from a hole the losses that were recorded while its counter ran."""
    rest = [Span(hole.first, hole.last)]
    for loss in losses:
        if hole.begun <= loss.at <= hole.ended + LOSS_RECORD_DELAY:
            rest = [each for span in rest for each in _cut(span, loss)]
    return rest


def _cut(span: Span, loss: Gap) -> Iterator[Span]:
    first, last = span
    if first <= min(last, loss.first - 1):
        yield Span(first, min(last, loss.first - 1))
    if max(first, loss.last + 1) <= last:
        yield Span(max(first, loss.last + 1), last)
