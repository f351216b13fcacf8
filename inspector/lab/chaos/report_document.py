"""The result of a chaos run as one JSON document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from inspector.domain.declared import Disposition
from inspector.lab.chaos.books import LineBooks
from inspector.lab.chaos.report import BEFORE_FAULTS, FaultReport, InjectedFault, PartTrace, responsible_fault
from inspector.lab.chaos.schedule import FaultKind

MAX_LISTED_FAILURES: Final = 20  # failed parts that are listed one by one


def report_document(
    tally: FaultReport,
    traces: Sequence[PartTrace],
    strikes: Sequence[InjectedFault],
    deadline_s: float,
    books: LineBooks,
) -> dict[str, Any]:
    """Return totals, the same by fault, the books, and the first failed parts, each with the reason."""
    faults = {name: asdict(counts) | _recovery(name, strikes) for name, counts in tally.by_fault.items()}
    listed = failed_parts(traces, strikes, deadline_s)[:MAX_LISTED_FAILURES]
    booked = asdict(books) | {"problems": books.problems()}
    notices = [*_noticed_attacks(tally), *_grown(strikes)]
    clean = tally.total.is_clean and books.agree and not notices
    return asdict(tally.total) | {
        "clean": clean,
        "faults": faults,
        "dispositions": _dispositions(traces),
        "books": booked,
        "attacks": notices,
        "failures": listed,
    }


def _dispositions(traces: Sequence[PartTrace]) -> dict[str, int]:
    """Count the dispositions that the gate received, each part once."""
    counts = Counter(trace.received[0].disposition for trace in traces if trace.received)
    return {each.value: counts[each] for each in Disposition}


def failed_parts(
    traces: Sequence[PartTrace], strikes: Sequence[InjectedFault], deadline_s: float
) -> list[dict[str, str]]:
    return [
        {"trigger_id": trace.trigger_id, "fault": responsible_fault(trace, strikes), "what": what}
        for trace in traces
        for what in _wrongs(trace, strikes, deadline_s)
    ]


def _recovery(name: str, strikes: Sequence[InjectedFault]) -> dict[str, Any]:
    """Return how often a fault struck, how often recovery timed out, and the longest recovery in seconds."""
    mine = [strike for strike in strikes if strike.fault == name]
    took = [strike.recovered_s - strike.began_s for strike in mine if strike.recovered_s is not None]
    return {
        "strikes": len(mine),
        "unrecovered": len(mine) - len(took),
        "longest_recovery_s": round(max(took), 2) if took else None,
        "station_grew_mib": max(
            (each.station_grew_mib for each in mine if each.station_grew_mib is not None), default=None
        ),
    }


def _noticed_attacks(tally: FaultReport) -> Iterator[str]:
    """Name the attacks of a camera by which parts of the other one were late, or not judged."""
    for name, counts in tally.by_fault.items():
        if name != BEFORE_FAULTS and FaultKind(name).is_hostile and counts.late + counts.unjudged:
            yield f"{name}: of the other camera {counts.late} part(s) were late and {counts.unjudged} not judged"


def _grown(strikes: Sequence[InjectedFault]) -> Iterator[str]:
    for strike in strikes:
        if not strike.is_borne:
            yield f"{strike.fault}: the station's memory grew by {strike.station_grew_mib:.0f} MiB"


def _wrongs(trace: PartTrace, strikes: Sequence[InjectedFault], deadline_s: float) -> Iterator[str]:
    if trace.is_withheld:
        return
    if trace.stored is None:
        yield "lost: the database does not hold it"
    if not trace.received:
        yield "lost: the gate received no verdict"
    if trace.is_decided_twice:
        received = ", ".join(f"{each.disposition} ({each.result_id})" for each in trace.received)
        yield f"decided twice: stored {trace.stored and trace.stored.disposition}, received {received or 'nothing'}"
    if trace.is_wrong_pass(strikes):
        yield "wrong PASS: the database did not prove it"
    if trace.is_late_pass(deadline_s):
        yield f"late PASS: received {trace.received[0].at_s - trace.sent_s:.2f} s after the frame was sent"
