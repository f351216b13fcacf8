"""Measures the ledger on its own disk or server: how fast parts become durable, how fast lists are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from inspector.adapters.ledger.archive import SqlArchive
from inspector.adapters.ledger.database import Synchronous
from inspector.adapters.ledger.ledger import SqlLedger
from inspector.adapters.ledger.schema import upgrade
from inspector.domain.decision import Decision, Reason, Verdict
from inspector.domain.declared import Disposition, Severity, ViewName
from inspector.domain.frame import FrameKey
from inspector.domain.line_state import LineState
from inspector.domain.part import Evidence, PartRecord, PipelineRef
from inspector.domain.report import NO_WORDS, Box, Finding, Words, WordsState
from inspector.domain.vote import StoppedBy, Vote
from inspector.errors import LedgerError
from inspector.numerics.nearest_rank import nearest_rank
from inspector.ports.archive import PartFilter
from inspector.ports.broker import OutgoingMessage

EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)
PARTS_PER_LIST: Final = 50
LISTS: Final = {
    "all": PartFilter(),
    "line": PartFilter(line="line1"),
    "line and camera": PartFilter(line="line1", camera="cam0"),
    "rejected": PartFilter(disposition="REJECT"),
    "rare reason": PartFilter(line="line1", reason="BAD_IMAGE"),
    "everything": PartFilter(line="line2", camera="cam1", disposition="REVIEW", reason="BAD_IMAGE"),
    "none fits": PartFilter(disposition="REVIEW", reason="NO_DEFECT"),
}
OK: Final = Decision(Verdict.OK, Disposition.PASS, Reason.NO_DEFECT)
NG: Final = Decision(Verdict.NG, Disposition.REJECT, Reason.DEFECT)
DARK: Final = Decision(Verdict.INCONCLUSIVE, Disposition.REVIEW, Reason.BAD_IMAGE, "too dark")
SCRATCH: Final = Words(
    WordsState.WRITTEN,
    (Finding("scratch", Severity.MAJOR, Box(0.1, 0.1, 0.3, 0.2), "A scratch near the rim."),),
    '{"defect": "scratch"}',
)


@dataclass(frozen=True, slots=True)
class LatencySpread:
    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class LedgerSpeed:
    """Durable parts per second: `alone` with one caller that waits for each, `together` with `callers` at once."""

    alone_per_s: float
    alone: LatencySpread
    callers: int
    together_per_s: float
    together: LatencySpread
    listed_parts: int
    lists: dict[str, LatencySpread]
    totals_ms: float


async def measure_ledger(
    url: str, *, parts: int = 5_000, callers: int = 64, listed: int = 20_000, synchronous: Synchronous = "FULL"
) -> LedgerSpeed:
    """Fill an empty database and measure it. Refuses one that holds parts."""
    upgrade(url)
    archive = SqlArchive(url)
    try:
        if archive.parts(PartFilter(), 1):
            raise LedgerError("this database holds parts; name an empty one to measure with")
        numbers = iter(range(max(listed, parts + parts // 10)))
        async with SqlLedger(url, synchronous=synchronous) as ledger:
            alone = await _record(ledger, numbers, parts // 10, 1)
            together = await _record(ledger, numbers, parts, callers)
            await _record(ledger, numbers, listed, 4 * callers)
        lists = {name: await asyncio.to_thread(_list, archive, wanted) for name, wanted in LISTS.items()}
        totals_ms = await asyncio.to_thread(_timed_ms, lambda: archive.totals(EPOCH))
    finally:
        archive.close()
    return LedgerSpeed(*alone, callers, *together, listed, lists, totals_ms)


class RecordingTimes(NamedTuple):
    per_s: float
    spread: LatencySpread


async def _record(ledger: SqlLedger, numbers: Iterator[int], count: int, callers: int) -> RecordingTimes:
    """Take at most `count` numbers and record a part for each, `callers` at a time."""
    mine = [number for number, _ in zip(numbers, range(count), strict=False)]
    todo, took_ms, began = iter(mine), list[float](), time.perf_counter()

    async def call() -> None:
        for number in todo:
            part, outgoing = sample(number), sample_outgoing(number)
            started = time.perf_counter()
            await ledger.record(part, outgoing)
            took_ms.append((time.perf_counter() - started) * 1000.0)

    await asyncio.gather(*(call() for _ in range(callers)))
    return RecordingTimes(len(mine) / (time.perf_counter() - began), _spread(took_ms))


def _list(archive: SqlArchive, wanted: PartFilter) -> LatencySpread:
    return _spread([_timed_ms(lambda: archive.parts(wanted, PARTS_PER_LIST)) for _ in range(40)])


def _timed_ms(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000.0


def _spread(took_ms: list[float]) -> LatencySpread:
    return LatencySpread(*(nearest_rank(took_ms, share) for share in (0.50, 0.95, 0.99)))


def sample(number: int, at: datetime | None = None) -> PartRecord:
    """Return a typical part: 3 votes; 1 in 20 is NG, 1 in 1000 can't be judged; 3 lines of 2 cameras.

    Decided at this time, else one every 100 ms.
    """
    decision = DARK if number % 1000 == 7 else NG if number % 20 == 3 else OK
    decided_at = at or EPOCH + timedelta(milliseconds=100 * number)
    line = f"line{number % 3}"
    return PartRecord(
        result_id=f"{number:032x}",
        key=FrameKey(line, f"cam{number // 3 % 2}", f"t-{number}"),
        decision=decision,
        pipeline=PipelineRef(line, 1, "0123456789abcdef"),
        received_at=decided_at - timedelta(milliseconds=400),
        decided_at=decided_at,
        latency_ms=400.0 + number % 97,
        deadline_ms=1500.0,
        late=False,
        line_state=LineState.LIVE,
        would_be=decision.outcome,
        seq=number,
        p_ng=0.07,
        agreement=1.0,
        votes=tuple(Vote(ViewName.PARAPHRASE, rung, 0.07, 1, 33.0) for rung in range(3)),
        rungs=3,
        stopped_by=StoppedBy.SETTLED,
        evidence=Evidence(f"{number:064x}", "image/jpeg", 100_000, 1280, 960),
        words=SCRATCH if decision is NG else NO_WORDS,
    )


def sample_outgoing(number: int) -> list[OutgoingMessage]:
    return [
        OutgoingMessage(f"{number:032x}", f"inspector/v1/line{number % 3}/cam0/verdict", b"{}" * 350, confirms=True)
    ]
