"""Three ledgers side by side: what the line sent, what the database holds, what the gate heard. Pure.

Each part is charged to the fault that struck while it was open, else to the last one before it was sent. Seconds are
of one monotonic clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

from inspector.domain.declared import Disposition
from inspector.lab.chaos.schedule import Fault

CALM: Final = "calm"  # before the first fault
REACH_S: Final = 2.0  # how long a part that was never answered counts as open


class Heard(NamedTuple):
    """A verdict as the gate heard it."""

    at_s: float
    decided_s: float
    result_id: str
    disposition: Disposition


class Stored(NamedTuple):
    """A part as the database holds it; `votes` counts them."""

    result_id: str
    disposition: Disposition
    votes: int


class Strike(NamedTuple):
    """A fault that happened, from `began_s` until it was undone at `ended_s`. `recovered_s` is when frames were
    judged again, None where that took too long."""

    fault: Fault
    began_s: float
    ended_s: float
    recovered_s: float | None


@dataclass(frozen=True, slots=True)
class Trail:
    """One part that the broker accepted."""

    trigger_id: str
    sent_s: float
    heard: tuple[Heard, ...]
    stored: Stored | None

    @property
    def is_lost(self) -> bool:
        """The database does not hold it, or the gate never heard of it."""
        return self.stored is None or not self.heard

    @property
    def is_decided_twice(self) -> bool:
        """Two results, or one with two dispositions: a verdict that only came again is none."""
        decisions = {(each.result_id, each.disposition) for each in self.heard}
        if self.stored:
            decisions.add((self.stored.result_id, self.stored.disposition))
        return len(decisions) > 1

    @property
    def passes(self) -> list[Heard]:
        return [each for each in self.heard if each.disposition is Disposition.PASS]

    def is_wrong_pass(self, strikes: Iterable[Strike]) -> bool:
        """The gate passed what the database does not prove: no part, another disposition, no vote, or a decision made
        and heard while nothing could be stored."""
        if not self.passes:
            return False
        proved = self.stored and self.stored.disposition is Disposition.PASS and self.stored.votes > 0
        away = [strike for strike in strikes if strike.fault is Fault.DATABASE]
        return not proved or any(_is_within(heard, strike) for heard in self.passes for strike in away)

    def is_late(self, deadline_s: float) -> bool:
        return bool(self.heard) and self.heard[0].at_s - self.sent_s > deadline_s

    def is_late_pass(self, deadline_s: float) -> bool:
        """A PASS that reached the gate when another part lay before it. One that only came again is none: a broker
        that was killed repeats what it had delivered before."""
        return self.is_late(deadline_s) and self.heard[0].disposition is Disposition.PASS


@dataclass(frozen=True, slots=True)
class Counts:
    """What came of some parts. `published_twice` counts verdicts that came again; MQTT's QoS 1 allows them."""

    frames: int
    verdicts: int
    lost: int
    decided_twice: int
    published_twice: int
    wrong_pass: int
    late: int
    late_pass: int
    longest_gap_s: float

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.decided_twice or self.wrong_pass or self.late_pass)


class Tally(NamedTuple):
    """All parts, and those of each fault by its name."""

    total: Counts
    by_fault: dict[str, Counts]


def tally(trails: Sequence[Trail], strikes: Sequence[Strike], deadline_s: float) -> Tally:
    groups: dict[str, list[Trail]] = {CALM: [], **{strike.fault: [] for strike in strikes}}
    for trail in trails:
        groups[charged(trail, strikes)].append(trail)
    gaps = longest_gaps(trails, strikes)
    by_fault = {name: count(group, strikes, deadline_s, gaps.get(name, 0.0)) for name, group in groups.items()}
    return Tally(count(trails, strikes, deadline_s, max(gaps.values(), default=0.0)), by_fault)


def count(trails: Sequence[Trail], strikes: Sequence[Strike], deadline_s: float, longest_gap_s: float) -> Counts:
    return Counts(
        frames=len(trails),
        verdicts=sum(bool(trail.heard) for trail in trails),
        lost=sum(trail.is_lost for trail in trails),
        decided_twice=sum(trail.is_decided_twice for trail in trails),
        published_twice=sum(max(0, len(trail.heard) - 1) for trail in trails),
        wrong_pass=sum(trail.is_wrong_pass(strikes) for trail in trails),
        late=sum(trail.is_late(deadline_s) for trail in trails),
        late_pass=sum(trail.is_late_pass(deadline_s) for trail in trails),
        longest_gap_s=round(longest_gap_s, 2),
    )


def charged(trail: Trail, strikes: Sequence[Strike]) -> str:
    """The name of the fault that this part is charged to."""
    closed_s = trail.heard[0].at_s if trail.heard else trail.sent_s + REACH_S
    return charged_between(trail.sent_s, closed_s, strikes)


def charged_between(begin_s: float, end_s: float, strikes: Sequence[Strike]) -> str:
    """The first fault that struck within, else the last one before."""
    within = [strike.fault for strike in strikes if begin_s <= strike.began_s <= end_s]
    before = [strike.fault for strike in strikes if strike.began_s < begin_s]
    return within[0] if within else before[-1] if before else CALM


def longest_gaps(trails: Iterable[Trail], strikes: Sequence[Strike]) -> dict[str, float]:
    """By fault: the longest time in seconds in which the gate heard nothing."""
    moments = sorted(each.at_s for trail in trails for each in trail.heard)
    gaps: dict[str, float] = {}
    for earlier, later in pairwise(moments):
        name = charged_between(earlier, later, strikes)
        gaps[name] = max(gaps.get(name, 0.0), later - earlier)
    return gaps


def _is_within(heard: Heard, strike: Strike) -> bool:
    return strike.began_s < heard.decided_s and heard.at_s < strike.ended_s
