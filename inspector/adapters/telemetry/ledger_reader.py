"""Reads the data of one scrape: the ledger's sums and the stations' heartbeats."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from inspector.adapters.telemetry.running_sums import BackgroundValue, GrowingSum
from inspector.domain.reconciliation import Balance, in_flight_time
from inspector.errors import LedgerError
from inspector.ports.ledger import CameraRow, PipelineVersion
from inspector.ports.metrics import EventKind, MetricsSource, OutboxBacklog, PartOutcome, PartSums, StationStatus
from inspector.utc import utc_now

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LedgerSums:
    """Sums of the ledger. `balances` are None until they are read for the first time."""

    parts: dict[PartOutcome, PartSums]
    events: dict[EventKind, int]
    cameras: Sequence[CameraRow]
    pipelines: Sequence[PipelineVersion]
    waiting: Sequence[OutboxBacklog]
    balances: Sequence[Balance] | None


@dataclass(frozen=True, slots=True)
class ScrapeData:
    """The data of one scrape. `ledger` is None while it is away."""

    at: datetime
    ledger: LedgerSums | None
    stations: Sequence[StationStatus]


class MetricsReader:
    """Reads the data of scrapes. Thread-safe. `stations` returns their heartbeats."""

    def __init__(self, ledger: MetricsSource, stations: Callable[[], Sequence[StationStatus]]) -> None:
        self._ledger = ledger
        self._stations = stations
        self._parts = GrowingSum(ledger.count_parts)
        self._events = GrowingSum(ledger.count_events)
        self._balances = BackgroundValue(self._balance)
        self._lock = Lock()

    def read(self) -> ScrapeData:
        with self._lock:
            return ScrapeData(utc_now(), self._read_ledger(), self._stations())

    def _read_ledger(self) -> LedgerSums | None:
        ledger = self._ledger
        try:
            return LedgerSums(
                parts=self._parts.read(),
                events=self._events.read(),
                cameras=ledger.list_cameras(),
                pipelines=ledger.list_pipelines(),
                waiting=ledger.count_waiting(),
                balances=self._balances.last(),
            )
        except LedgerError as error:
            log.warning("metrics without the ledger: %s", error)
            return None

    def _balance(self) -> tuple[Balance, ...]:
        """Return the balance of every declared line, with the sums of `inspector ledger`."""
        now = utc_now()
        declared = [version.pipeline for version in self._ledger.list_pipelines()]
        return tuple(self._ledger.balance(each.line, now, now - in_flight_time(each.deadline_ms)) for each in declared)
