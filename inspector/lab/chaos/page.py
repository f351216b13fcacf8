"""The result of a drill as one JSON document. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from inspector.lab.chaos.tally import Strike, Tally, Trail, charged

TOLD: Final = 20  # failures told one by one


def page(tally: Tally, trails: Sequence[Trail], strikes: Sequence[Strike], deadline_s: float) -> dict[str, Any]:
    """Totals, the same per fault, and the first failures, each with what is wrong with it."""
    faults = {name: asdict(counts) | _recovery(name, strikes) for name, counts in tally.by_fault.items()}
    told = failures(trails, strikes, deadline_s)[:TOLD]
    return asdict(tally.total) | {"clean": tally.total.is_clean, "faults": faults, "failures": told}


def failures(trails: Sequence[Trail], strikes: Sequence[Strike], deadline_s: float) -> list[dict[str, str]]:
    return [
        {"trigger_id": trail.trigger_id, "fault": charged(trail, strikes), "what": what}
        for trail in trails
        for what in _wrongs(trail, strikes, deadline_s)
    ]


def _recovery(name: str, strikes: Sequence[Strike]) -> dict[str, Any]:
    """How often it struck, how often the service did not recover in time, and the longest recovery in seconds."""
    mine = [strike for strike in strikes if strike.fault == name]
    took = [strike.recovered_s - strike.began_s for strike in mine if strike.recovered_s is not None]
    return {
        "strikes": len(mine),
        "unrecovered": len(mine) - len(took),
        "longest_recovery_s": round(max(took), 2) if took else None,
    }


def _wrongs(trail: Trail, strikes: Sequence[Strike], deadline_s: float) -> Iterator[str]:
    if trail.stored is None:
        yield "lost: the database does not hold it"
    if not trail.heard:
        yield "lost: the gate heard nothing"
    if trail.is_decided_twice:
        told = ", ".join(f"{each.disposition} ({each.result_id})" for each in trail.heard)
        yield f"decided twice: stored {trail.stored and trail.stored.disposition}, heard {told or 'nothing'}"
    if trail.is_wrong_pass(strikes):
        yield "wrong PASS: the database did not prove it"
    if trail.is_late_pass(deadline_s):
        yield f"late PASS: heard {trail.heard[0].at_s - trail.sent_s:.2f} s after the frame was sent"
