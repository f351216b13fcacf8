"""What a soak says: trend and verdict of each measure of each process, latency by minute, limits of files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from inspector.lab.chaos.processes import MIB
from inspector.lab.soak.answers import SoakAnswers
from inspector.lab.soak.process_samples import ProcessSample
from inspector.lab.soak.run import LOG_MIB, SoakRecord
from inspector.lab.soak.stored_files import StoredSizes
from inspector.lab.soak.trend import TimedSample, Trend, trend_of
from inspector.numerics.nearest_rank import nearest_rank

MIN_WARM_UP_S: Final = 300.0
# by then the console keeps the votes of as many parts as it ever does, and a station the identities of its last ones
WARM_UP_PARTS: Final = 20_000
MAX_WARM_UP_SHARE: Final = 0.41  # of a run that is too short for that
SETTLING_MS: Final = 5.0  # growth of a latency over the whole run that another load on the machine shows
MIN_JUDGED_S: Final = 120.0  # of samples after the warm-up: a shorter trend is shown and not judged
MAX_PART_BYTES_GROWTH: Final = 1.1  # of the database: the second half's bytes a part to the first half's


class Measure(NamedTuple):
    """A figure of a process, and the growth over a run that constant content shows."""

    name: str
    settling: float


MEASURES: Final = (Measure("memory_mib", 0.5), Measure("handles", 3.0), Measure("threads", 3.0))
Document = dict[str, Any]


def soak_report(record: SoakRecord) -> Document:
    """Return the figures of a soak, ready for JSON. `problems` says in words what is not as it should be."""
    warm_up_s = warm_up_of(record.rate, record.duration_s)
    processes = process_trends(record.processes, warm_up_s, record.duration_s)
    document: Document = {
        "minutes": round(record.duration_s / 60.0, 2),
        "warm_up_s": round(warm_up_s, 1),
        **_parts(record.answers),
        "processes": processes,
        "latency": _latency(record.answers, warm_up_s),
        "database": _database(record.sizes, warm_up_s),
        "evidence": _evidence(record),
        "logs": _logs(record.sizes),
        "people": _people(record),
    }
    problems = list(_problems(document))
    return document | {"problems": problems, "flat": not problems}


def warm_up_of(rate: float, duration_s: float) -> float:
    """Return the seconds after which a run is judged."""
    return min(max(MIN_WARM_UP_S, WARM_UP_PARTS / rate), MAX_WARM_UP_SHARE * duration_s)


def process_trends(samples: Sequence[ProcessSample], warm_up_s: float, duration_s: float) -> list[Document]:
    """Return a row for each process: its trends after the warm-up, and whether it lived to the end."""
    by_pid: dict[int, list[ProcessSample]] = defaultdict(list)
    for each in samples:
        by_pid[each.pid].append(each)
    warm = [(each, [one for one in each if one.at_s >= warm_up_s]) for each in by_pid.values()]
    longest = max((len(each) for _, each in warm), default=0)
    rows = [_process(all_of, after) for all_of, after in warm if 2 * len(after) > longest or all_of[-1].is_own]
    last_s = max((each.at_s for each in samples), default=duration_s)
    ended = {pid for pid, each in by_pid.items() if each[-1].at_s < last_s}
    rows = [row | {"ended": row["pid"] in ended} for row in rows]
    return sorted(rows, key=lambda row: (not row["is_own"], -row["at_end"]["memory_mib"]))


def _process(samples: Sequence[ProcessSample], warm: Sequence[ProcessSample]) -> Document:
    last = samples[-1]
    trends = {measure.name: _judged(_series(warm, measure.name), measure, is_own=last.is_own) for measure in MEASURES}
    at_end = {measure.name: round(getattr(last, measure.name), 1) for measure in MEASURES}
    return {"name": last.name, "pid": last.pid, "is_own": last.is_own, "at_end": at_end, "trends": trends}


def _series(samples: Iterable[ProcessSample], name: str) -> list[TimedSample]:
    return [TimedSample(each.at_s, float(getattr(each, name))) for each in samples]


def _judged(samples: Sequence[TimedSample], measure: Measure, *, is_own: bool = True) -> Document | None:
    """Return the trend with its verdict. Processes of others are held to a small growth only: we do not mend them."""
    trend = trend_of(samples)
    if trend is None:
        return None
    flat = trend.is_flat(measure.settling) if is_own else trend.is_small(measure.settling)
    is_judged = samples[-1].at_s - samples[0].at_s >= MIN_JUDGED_S
    return _rounded(trend) | {"flat": flat if is_judged else None}


def _rounded(trend: Trend) -> Document:
    return {name: round(value, 4) for name, value in trend._asdict().items()}


def _parts(answers: SoakAnswers) -> Document:
    return {
        "frames": len(answers) + answers.unanswered,
        "verdicts": len(answers),
        "lost": answers.unanswered,
        "late": answers.late,
        "dispositions": dict(answers.dispositions),
    }


def _latency(answers: SoakAnswers, warm_up_s: float) -> Document:
    """Return the milliseconds from sending a frame to its verdict at the gate, by the minute it was sent in."""
    by_minute: dict[int, list[float]] = defaultdict(list)
    for sent_s, took_ms in zip(answers.sent_s, answers.took_ms, strict=True):
        by_minute[int(sent_s // 60.0)].append(took_ms)
    rows = [
        {"minute": minute + 1, "parts": len(took), "p50_ms": _rank(took, 0.50), "p99_ms": _rank(took, 0.99)}
        for minute, took in sorted(by_minute.items())
    ]
    pairs = zip(answers.sent_s, answers.took_ms, strict=True)
    warm = [TimedSample(sent_s, took_ms) for sent_s, took_ms in pairs if sent_s >= warm_up_s]
    return {"by_minute": rows, "trend": _judged(warm, Measure("latency_ms", SETTLING_MS))}


def _rank(values: Iterable[float], share: float) -> float:
    return round(nearest_rank(values, share), 1)


def _database(sizes: Sequence[StoredSizes], warm_up_s: float) -> Document:
    """Return the size, and the bytes a part of both halves after the warm-up: a database in order grows by the part."""
    warm = [each for each in sizes if each.at_s >= warm_up_s]
    middle = len(warm) // 2
    before, after = _bytes_a_part(warm[: middle + 1]), _bytes_a_part(warm[middle:])
    known = before is not None and after is not None and warm[-1].at_s - warm[0].at_s >= MIN_JUDGED_S
    return {
        "mib": round(sizes[-1].database / MIB, 1),
        "bytes_a_part": [before, after],
        "in_proportion": (after or 0.0) <= MAX_PART_BYTES_GROWTH * (before or 0.0) if known else None,
    }


def _bytes_a_part(sizes: Sequence[StoredSizes]) -> float | None:
    if len(sizes) < 2 or sizes[-1].answered <= sizes[0].answered:
        return None
    return round((sizes[-1].database - sizes[0].database) / (sizes[-1].answered - sizes[0].answered), 1)


def _evidence(record: SoakRecord) -> Document:
    """Return what the pictures take, what was written and what retention has removed."""
    first, last = record.first_pictures, record.last_pictures
    removed = sum(size for sha256, size in first.items() if sha256 not in last)
    written = sum(size for sha256, size in last.items() if sha256 not in first)
    return {
        "mib": round(record.sizes[-1].evidence / MIB, 1),
        "pictures": len(last),
        "written_mib": round(written / MIB, 1),
        "removed_mib": round(removed / MIB, 1),
        "overdue_pictures": record.overdue,
    }


def _logs(sizes: Sequence[StoredSizes]) -> Document:
    largest = max(each.logs.largest_process for each in sizes)
    return {
        "mib": round(sizes[-1].logs.total / MIB, 2),
        "largest_process_mib": round(largest / MIB, 2),
        "limit_mib": LOG_MIB,
        "rotated_files": sizes[-1].logs.rotated,
        "in_limit": largest <= LOG_MIB * MIB,
    }


def _people(record: SoakRecord) -> Document:
    visit = record.visit
    if visit is None or not visit.took_ms:
        return {"requests": 0, "p50_ms": None, "p99_ms": None, "refused": {}, "stream_events": 0}
    took = visit.took_ms
    refused = {page: count for page, count in visit.refused.items() if count}
    times = {"requests": len(took), "p50_ms": _rank(took, 0.50), "p99_ms": _rank(took, 0.99)}
    return times | {"refused": refused, "stream_events": visit.stream_events}


def _problems(document: Document) -> Iterator[str]:
    """Say what is not as it should be; what was too short to be judged is no problem."""
    if document["lost"]:
        yield f"{document['lost']} of {document['frames']} frames have no verdict"
    for row in document["processes"]:
        yield from _process_problems(row)
    if (trend := document["latency"]["trend"]) is not None and trend["flat"] is False:
        yield f"latency grows by {trend['slope_per_min']:+.2f} ms a minute"
    if document["database"]["in_proportion"] is False:
        before, after = document["database"]["bytes_a_part"]
        yield f"the database grows faster: {after:g} bytes a part after {before:g}"
    if overdue := document["evidence"]["overdue_pictures"]:
        yield f"{overdue} pictures stay although their retention has ended"
    if not document["logs"]["in_limit"]:
        yield f"a process logged {document['logs']['largest_process_mib']} MiB; the limit is {LOG_MIB}"
    for page, count in document["people"]["refused"].items():
        yield f"the API did not answer {page} {count} time(s)"


def _process_problems(row: Document) -> Iterator[str]:
    if row["ended"] and row["is_own"]:
        yield f"{row['name']} (process {row['pid']}) ended during the run"
    for measure, trend in row["trends"].items():
        if trend is not None and trend["flat"] is False:
            grown = f"{trend['slope_per_min']:+.3f} a minute ({trend['growth_share']:+.1%} in all)"
            yield f"{row['name']}: {measure} grows by {grown}"
