"""Strikes the nodes of a running site one after another, and says what each fault did to the line's parts."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any, Final, NamedTuple

from support.clustered_site import ClusteredSite

from inspector.adapters.mqtt.line_client import Journey
from inspector.lab.chaos.load_generator import LoadGenerator, is_judged
from inspector.lab.chaos.report import PartTrace, outcome_counts

CALM_S: Final = 10.0  # before the first fault
SETTLE_S: Final = 15.0  # after each
RATE_WINDOW_S: Final = 3.0  # shorter ones are poor by chance: a verdict comes some tenths of a second early or late
FULL_SHARE: Final = 0.9  # of the camera's rate, within a window, counts as full
SHOWN_PARTS: Final = 3  # the slowest of each fault, with the stages of their ways


class Strike(NamedTuple):
    """A fault, when it struck, and how many parts were open then."""

    name: str
    began_s: float
    done_s: float
    in_flight: int


class FaultedRun:
    """One run of a line, with faults."""

    def __init__(self, site: ClusteredSite, load: LoadGenerator) -> None:
        self._site = site
        self._load = load
        self._strikes: list[Strike] = []

    def begin(self) -> None:
        self._load.start()
        time.sleep(CALM_S)

    def strike(self, name: str, fault: Callable[[], object], settle_s: float = SETTLE_S) -> None:
        """Let a fault happen, and give the service time to live with it."""
        in_flight, began_s = self._open(), time.monotonic()
        fault()
        self._strikes.append(Strike(name, began_s, time.monotonic(), in_flight))
        time.sleep(settle_s)
        self._site.check()

    def figures(self, rate: float, deadline_s: float) -> dict[str, Any]:
        """Stop the camera and return what happened, in all and by fault."""
        ended_s = time.monotonic()
        traces = self._site.traces(self._load)
        bounds = [(each.began_s, each) for each in self._strikes]
        ends = [later for (_, (later, _)) in pairwise(bounds)] + [ended_s]
        return {
            "rate": rate,
            "deadline_s": deadline_s,
            "calm": _figures([each for each in traces if each.sent_s < self._strikes[0].began_s - 1.0], deadline_s),
            "faults": [
                {"fault": each.name, "took_s": round(each.done_s - each.began_s, 1), "in_flight": each.in_flight}
                | _figures(_open_between(traces, each.began_s, end_s), deadline_s)
                | {"full_rate_after_s": full_rate_after_s(traces, each.began_s, end_s, rate)}
                | {"unjudged_because": self._unjudged(each.began_s, end_s)}
                | {"slowest": self._slowest(each.began_s, end_s)}
                for each, end_s in zip(self._strikes, ends, strict=True)
            ],
            "total": _figures(traces, deadline_s),
        }

    def _unjudged(self, began_s: float, ended_s: float) -> dict[str, int]:
        """Count the reasons of the verdicts without a judgement, about parts that were sent in this time."""
        sent = [each for each in self._load.journeys() if each.verdicts and began_s <= each.sent_s < ended_s]
        return dict(Counter(str(each.verdicts[0][1].reason) for each in sent if not is_judged(each)))

    def _slowest(self, began_s: float, ended_s: float) -> list[dict[str, Any]]:
        """Return the slowest parts that were sent in this time, by the stages of their ways."""
        sent = [each for each in self._load.journeys() if each.verdicts and began_s <= each.sent_s < ended_s]
        sent.sort(key=lambda each: each.verdicts[0][0] - each.sent_s, reverse=True)
        return [_stages(each) for each in sent[:SHOWN_PARTS]]

    def _open(self) -> int:
        return sum(not each.verdicts for each in self._load.journeys()[-200:])


def _stages(journey: Journey) -> dict[str, Any]:
    """Return how long a part's frame took to the station, its decision, and its verdict to the gate."""
    at_s, verdict = journey.verdicts[0]
    captured_at = journey.exposure.captured_at
    assert captured_at is not None
    decided_s = (verdict.decided_at - captured_at).total_seconds()
    return {
        "reason": verdict.reason,
        "to_station_s": round(decided_s - verdict.latency_ms / 1000.0, 3),
        "deciding_s": round(verdict.latency_ms / 1000.0, 3),
        "to_gate_s": round(at_s - journey.sent_s - decided_s, 3),
    }


def _open_between(traces: Sequence[PartTrace], began_s: float, ended_s: float) -> list[PartTrace]:
    """Return the parts that were open when a fault struck, or sent until the next one."""
    return [
        each
        for each in traces
        if each.sent_s < ended_s and (each.sent_s >= began_s or (each.received and each.received[0].at_s >= began_s))
    ]


def _figures(traces: Sequence[PartTrace], deadline_s: float) -> dict[str, Any]:
    counts = asdict(outcome_counts(traces, (), deadline_s, 0.0))
    took = sorted(each.received[0].at_s - each.sent_s for each in traces if each.received)
    names = ("frames", "lost", "decided_twice", "wrong_pass", "late", "unjudged")
    return {name: counts[name] for name in names} | {
        "p50_s": round(took[len(took) // 2], 3) if took else None,
        "p99_s": round(took[int(len(took) * 0.99)], 3) if took else None,
        "slowest_s": round(took[-1], 3) if took else None,
    }


def full_rate_after_s(traces: Sequence[PartTrace], began_s: float, ended_s: float, rate: float) -> float | None:
    """Return the seconds from a fault until judged verdicts keep coming at the camera's rate; None if they don't."""
    judged = sorted(each.received[0].at_s for each in traces if each.received and each.received[0].judged)
    steps = range(int((ended_s - began_s - RATE_WINDOW_S) * 10))
    windows = [(began_s + step / 10, began_s + step / 10 + RATE_WINDOW_S) for step in steps]
    poor = [
        end for begin, end in windows if sum(begin <= at < end for at in judged) < FULL_SHARE * rate * RATE_WINDOW_S
    ]
    if not poor:
        return 0.0
    return None if poor[-1] >= windows[-1][1] else round(poor[-1] - began_s, 1)


def judged_per_s(traces: Sequence[PartTrace]) -> float:
    """Return the pace of judged verdicts, without the first and last second of a burst."""
    judged = sorted(each.received[0].at_s for each in traces if each.received and each.received[0].judged)
    inner = [at for at in judged if judged[0] + 1.0 <= at <= judged[-1] - 1.0]
    return round((len(inner) - 1) / (inner[-1] - inner[0]), 2)
