"""Compare what the line sent, what the database stores and what the gate received.

Each part is attributed to the fault that the service had not recovered from when the part was sent, else to the one
that struck while it was open, else to the last one before. All times are seconds of one monotonic clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

from inspector.domain.declared import Disposition
from inspector.lab.chaos.schedule import FaultKind

BEFORE_FAULTS: Final = "calm"  # the name for the time before the first fault
MAX_GROWTH_MIB: Final = 32.0  # of a station under attack: caches that are not full yet
UNANSWERED_OPEN_S: Final = 2.0  # how long an unanswered part counts as open


class ReceivedVerdict(NamedTuple):
    """A verdict as the gate received it. `judged`: a model answered, not the fail-safe."""

    at_s: float
    decided_s: float
    result_id: str
    disposition: Disposition
    judged: bool = True


class StoredPart(NamedTuple):
    """A part as the database stores it; `votes` is their number."""

    result_id: str
    disposition: Disposition
    votes: int


class InjectedFault(NamedTuple):
    """A fault from `began_s` until it was undone at `ended_s`.

    `recovered_s` is when frames were judged again; None if that took too long. `station_grew_mib` is how much memory
    the station's process has gained until then; None if that process ended.
    """

    fault: FaultKind
    began_s: float
    ended_s: float
    recovered_s: float | None
    station_grew_mib: float | None = None

    def lasted_at(self, at_s: float) -> bool:
        """Whether the service was still to recover from this fault at that time."""
        return self.began_s <= at_s and (self.recovered_s is None or at_s < self.recovered_s)

    @property
    def is_borne(self) -> bool:
        """Whether the station's memory stayed flat, which an attack of a camera must not change."""
        return not self.fault.is_hostile or (self.station_grew_mib or 0.0) <= MAX_GROWTH_MIB


@dataclass(frozen=True, slots=True)
class PartTrace:
    """One part that the broker accepted, with its verdicts and its stored record.

    `taken`: another client acknowledged it in the station's place. The books must show it as lost if nobody stored it.
    """

    trigger_id: str
    sent_s: float
    received: tuple[ReceivedVerdict, ...]
    stored: StoredPart | None
    taken: bool = False

    @property
    def is_lost(self) -> bool:
        """Return whether the database does not hold the part, or the gate received no verdict."""
        return (self.stored is None or not self.received) and not self.is_withheld

    @property
    def is_withheld(self) -> bool:
        """Return whether the service never had the part."""
        return self.taken and self.stored is None and not self.received

    @property
    def is_decided_twice(self) -> bool:
        """Return whether the part has two results, or one result with two dispositions. A repeated verdict is not."""
        decisions = {(each.result_id, each.disposition) for each in self.received}
        if self.stored:
            decisions.add((self.stored.result_id, self.stored.disposition))
        return len(decisions) > 1

    @property
    def passes(self) -> list[ReceivedVerdict]:
        return [each for each in self.received if each.disposition is Disposition.PASS]

    def is_wrong_pass(self, strikes: Iterable[InjectedFault]) -> bool:
        """Return whether the gate got a PASS that the database does not prove.

        That is: no stored part, another disposition, no vote, or a PASS decided and received while nothing could be
        stored.
        """
        if not self.passes:
            return False
        proved = self.stored and self.stored.disposition is Disposition.PASS and self.stored.votes > 0
        away = [strike for strike in strikes if strike.fault in (FaultKind.DATABASE, FaultKind.FULL_DISK)]
        return not proved or any(_is_within(verdict, strike) for verdict in self.passes for strike in away)

    def is_late(self, deadline_s: float) -> bool:
        return bool(self.received) and self.received[0].at_s - self.sent_s > deadline_s

    def is_late_pass(self, deadline_s: float) -> bool:
        """Return whether a PASS reached the gate after the deadline, when another part lay there.

        A repeated PASS does not count: a killed broker repeats what it delivered before.
        """
        return self.is_late(deadline_s) and self.received[0].disposition is Disposition.PASS


@dataclass(frozen=True, slots=True)
class OutcomeCounts:
    """Outcomes of a set of parts. `published_twice` counts repeated verdicts, which MQTT's QoS 1 allows.

    `unjudged` counts the parts that got the fail-safe without a judgement.
    """

    frames: int
    verdicts: int
    lost: int
    decided_twice: int
    published_twice: int
    wrong_pass: int
    late: int
    late_pass: int
    longest_gap_s: float
    unjudged: int = 0

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.decided_twice or self.wrong_pass or self.late_pass)


class FaultReport(NamedTuple):
    """Outcomes of all parts, and of the parts attributed to each fault by its name."""

    total: OutcomeCounts
    by_fault: dict[str, OutcomeCounts]


def fault_report(traces: Sequence[PartTrace], strikes: Sequence[InjectedFault], deadline_s: float) -> FaultReport:
    groups: dict[str, list[PartTrace]] = {BEFORE_FAULTS: [], **{strike.fault: [] for strike in strikes}}
    for trace in traces:
        groups[responsible_fault(trace, strikes)].append(trace)
    gaps = longest_gaps(traces, strikes)
    by_fault = {name: outcome_counts(group, strikes, deadline_s, gaps.get(name, 0.0)) for name, group in groups.items()}
    return FaultReport(outcome_counts(traces, strikes, deadline_s, max(gaps.values(), default=0.0)), by_fault)


def outcome_counts(
    traces: Sequence[PartTrace], strikes: Sequence[InjectedFault], deadline_s: float, longest_gap_s: float
) -> OutcomeCounts:
    return OutcomeCounts(
        frames=len(traces),
        verdicts=sum(bool(trace.received) for trace in traces),
        lost=sum(trace.is_lost for trace in traces),
        decided_twice=sum(trace.is_decided_twice for trace in traces),
        published_twice=sum(max(0, len(trace.received) - 1) for trace in traces),
        wrong_pass=sum(trace.is_wrong_pass(strikes) for trace in traces),
        late=sum(trace.is_late(deadline_s) for trace in traces),
        late_pass=sum(trace.is_late_pass(deadline_s) for trace in traces),
        longest_gap_s=round(longest_gap_s, 2),
        unjudged=sum(bool(trace.received) and not trace.received[0].judged for trace in traces),
    )


def responsible_fault(trace: PartTrace, strikes: Sequence[InjectedFault]) -> str:
    """Return the name of the fault that this part is attributed to."""
    lasting = [strike.fault for strike in strikes if strike.lasted_at(trace.sent_s)]
    if lasting:  # a later fault did not delay what waited already
        return lasting[-1]
    closed_s = trace.received[0].at_s if trace.received else trace.sent_s + UNANSWERED_OPEN_S
    return responsible_fault_between(trace.sent_s, closed_s, strikes)


def responsible_fault_between(begin_s: float, end_s: float, strikes: Sequence[InjectedFault]) -> str:
    """Return the first fault that struck in this interval, else the last one before it."""
    within = [strike.fault for strike in strikes if begin_s <= strike.began_s <= end_s]
    before = [strike.fault for strike in strikes if strike.began_s < begin_s]
    return within[0] if within else before[-1] if before else BEFORE_FAULTS


def longest_gaps(traces: Iterable[PartTrace], strikes: Sequence[InjectedFault]) -> dict[str, float]:
    """Return, by fault, the longest time in seconds without a verdict at the gate."""
    moments = sorted(each.at_s for trace in traces for each in trace.received)
    gaps: dict[str, float] = {}
    for earlier, later in pairwise(moments):
        name = responsible_fault_between(earlier, later, strikes)
        gaps[name] = max(gaps.get(name, 0.0), later - earlier)
    return gaps


def _is_within(verdict: ReceivedVerdict, strike: InjectedFault) -> bool:
    return strike.began_s < verdict.decided_s and verdict.at_s < strike.ended_s
