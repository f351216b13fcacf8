"""What Ray Serve is asked to run: model replicas, stations and console, as the settings and the model card say."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from inspector.bootstrap.console import open_console
from inspector.bootstrap.model import open_model
from inspector.bootstrap.process_priority import take_priority
from inspector.bootstrap.running_station import RunningStation
from inspector.bootstrap.station import Replicas, open_station
from inspector.domain.model_card import ModelCard
from inspector.errors import LedgerError
from inspector.settings import Settings

if TYPE_CHECKING:
    from inspector.adapters.serving.deployments import ConsolePlan, ModelPlan, StationPlan


def model_plan(settings: Settings, card: ModelCard) -> ModelPlan:
    """Return the plan of the model replicas: as the card says unless the settings override it.

    The cores of this machine are divided among them.
    """
    from inspector.adapters.serving.deployments import ModelPlan

    replicas = settings.replicas or card.replicas
    threads = settings.threads or max(1, (os.cpu_count() or 1) // replicas)
    # twice the frames of all stations must fit: a full replica makes Serve's router back off while others idle
    share = -(-2 * settings.stations * settings.window // replicas)
    return ModelPlan(
        open_model=partial(open_model, settings, threads),
        replicas=replicas,
        max_replicas=card.max_replicas,
        num_gpus=card.num_gpus,
        num_cpus=card.num_cpus if card.num_gpus else 0.0,
        max_ongoing_requests=max(card.max_ongoing_requests, share),
        resource=settings.model_resource,
    )


def station_plan(settings: Settings) -> StationPlan:
    """Return the plan of the stations."""
    from inspector.adapters.serving.deployments import StationPlan

    return StationPlan(partial(open_ahead, settings), settings.stations, settings.station_resource)


async def open_ahead(settings: Settings, pool: Replicas, number: int) -> RunningStation:
    """Start a station in a process of its own, ahead of the machine's other processes."""
    take_priority(settings.station_niceness)
    return await open_station(settings, pool, number)


def console_plan(settings: Settings, visitor_name: str = "console") -> ConsolePlan:
    """Return the plan of the console. Without logins everybody is `visitor_name`."""
    from inspector.adapters.serving.deployments import ConsolePlan

    return ConsolePlan(partial(open_console, settings, visitor_name=visitor_name), settings.console_resource)


def require_cluster_storage(settings: Settings) -> None:
    """Raise LedgerError where database or pictures would lie on one node of several. Takes settings as declared."""
    if settings.database.startswith("sqlite"):
        raise LedgerError(
            "database_url: SQLite can be used on one node only; set INSPECTOR_DATABASE_URL to a PostgreSQL database"
        )
    if not settings.evidence_url:
        raise LedgerError(
            "evidence_url: pictures would lie on one node only; set INSPECTOR_EVIDENCE_URL to an object store "
            "(s3://…), or to a folder that all nodes mount"
        )
