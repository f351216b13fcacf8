"""The REST API over a ledger and an evidence store, real or in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import FastAPI

from inspector.adapters.console.api.app import rest_app
from inspector.adapters.console.live_feed import LiveFeed
from inspector.adapters.console.queries import Catalogue
from inspector.adapters.console.services import ConsoleServices
from inspector.lines.states import LineStates, OverrideRequest
from inspector.ports.evidence import EvidenceStore
from inspector.ports.metrics import StationStatus
from inspector.statistics.calendar import PlantCalendar
from inspector.statistics.statistics import Statistics


def services_of(
    archive: Any, evidence: EvidenceStore, stations: Callable[[], Sequence[StationStatus]] = tuple, lines: Any = None
) -> ConsoleServices:
    """Services over an archive, real or in memory. `lines` stores states; an archive in memory does too."""
    states = LineStates(archive, lines or archive)
    return ConsoleServices(
        catalogue=Catalogue(archive, evidence, stations),
        lines=states,
        override_of=lambda line, days: OverrideRequest({"*": archive.fingerprint(line) or "none"}, days),
        feed=LiveFeed(archive, states),
        statistics=Statistics(archive, PlantCalendar(ZoneInfo("UTC"))),
    )


def rest_api(archive: Any, evidence: EvidenceStore) -> FastAPI:
    return rest_app(services_of(archive, evidence))
