"""How many GPUs a number of lines needs, from the measured times of a line's parts."""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing
from typing import Any, Final, NamedTuple

from inspector.adapters.ledger import SqlArchive
from inspector.domain.vote import Vote
from inspector.errors import LedgerError, NotFoundError
from inspector.tuning.capacity import Demand, ServiceTimes, needed_capacity

NEWEST_PARTS: Final = 2000
MIN_PARTS: Final = 100  # fewer say little about the slow ones


class CapacityQuestion(NamedTuple):
    """`lines` lines of `parts_per_s` each; `at_once` parts share one GPU without slowing each other down."""

    lines: int
    parts_per_s: float
    deadline_ms: float
    late_share: float
    at_once: int


def measured_times(database: str, line: str) -> tuple[ServiceTimes, float]:
    """Return the times of the line's newest parts, and its deadline.

    Raises NotFoundError where there is no such line, and LedgerError where it has too few parts.
    """
    with closing(SqlArchive(database)) as archive:
        pipelines = {version.pipeline.line: version.pipeline for version in archive.list_pipelines()}
        if line not in pipelines:
            known = ", ".join(sorted(pipelines)) or "none"
            raise NotFoundError(f"there is no line {line!r}; the ledger has: {known}")
        fingerprint = archive.fingerprint(line)
        if fingerprint is None:
            raise LedgerError(f"line {line} has no judged parts; give --mean-ms and --p95-ms, or name another line")
        voted = archive.voted_parts(line, fingerprint, NEWEST_PARTS)
        parts = archive.part_votes(voted.numbers[-NEWEST_PARTS:].tolist())
    times = [ms for part in parts if (ms := part_ms(part.votes)) > 0.0]
    if len(times) < MIN_PARTS:
        raise LedgerError(f"line {line} has {len(times)} parts with times, {MIN_PARTS} are needed; give --mean-ms")
    return ServiceTimes(times), pipelines[line].deadline_ms


def part_ms(votes: tuple[Vote, ...]) -> float:
    """Return the time that a part's questions took: rungs follow each other, a rung's views are asked together."""
    slowest: dict[int, float] = defaultdict(float)
    for vote in votes:
        slowest[vote.rung] = max(slowest[vote.rung], vote.ms)
    return sum(slowest.values())


def answer_capacity(question: CapacityQuestion, times: ServiceTimes) -> dict[str, Any]:
    """Return the GPUs and what they come to. `gpus` is None where no number suffices."""
    demand = Demand(question.lines * question.parts_per_s, question.deadline_ms, question.late_share)
    capacity = needed_capacity(demand, times)
    told = {
        "lines": question.lines,
        "parts_per_s": demand.parts_per_s,
        "deadline_ms": question.deadline_ms,
        "mean_ms": round(times.mean_ms, 1),
        "variation": round(times.variation, 3),
        "parts_measured": len(times.samples_ms),
        "at_once": question.at_once,
    }
    if capacity is None:
        return told | {"gpus": None, "too_long_share": round(times.share_above(question.deadline_ms), 4)}
    return told | {
        "gpus": -(-capacity.servers // question.at_once),
        "busy": round(capacity.busy, 3),
        "waiting_share": round(capacity.waiting_share, 4),
        "late_share": float(f"{capacity.late_share:.2g}"),
    }
