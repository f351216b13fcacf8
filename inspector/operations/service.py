"""Run the service on this machine, or in a Ray cluster, and stop it without leaving a process behind."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from inspector.adapters.ledger import FileEvidence, SqlArchive, upgrade
from inspector.adapters.mqtt.check.probe import ProbeResult, probe
from inspector.adapters.vlm import require_packages
from inspector.bootstrap.from_settings import absolute, broker_of, card_of, station_client_id
from inspector.bootstrap.plans import console_plan, model_plan, station_plan
from inspector.errors import BrokerError
from inspector.messages.topics import Topics
from inspector.operations.apply import plan_changes, read_pipelines, store_changes
from inspector.operations.line_states import set_all_live_for_drill
from inspector.operations.signals import interrupt_on_signals
from inspector.settings import Settings


@contextmanager
def service(
    settings: Settings,
    pipelines: Path | None,
    *,
    ray_address: str | None = None,
    always_apply: bool = False,
    drill: bool = False,
) -> Iterator[Settings]:
    """Run the service for the length of the block; yields the settings with absolute paths.

    Applies `pipelines` if the ledger has none yet, or always with `always_apply`, as the demo does. Later changes need
    `inspector apply`. `drill`: every line may pass parts for a day, by an override.

    Raises BrokerError, DeclarationError, LedgerError or PoolError, each with its remedy, before anything runs.
    """
    from inspector.adapters.serving.cluster import deploy, ray_cluster

    settings = absolute(settings)
    settings.data.mkdir(parents=True, exist_ok=True)
    with interrupt_on_signals():
        _check_broker(settings)
        card = card_of(settings)
        require_packages(card)
        model = model_plan(settings, card)
        upgrade(settings.database)
        if pipelines is not None and (always_apply or not SqlArchive(settings.database).list_pipelines()):
            apply_pipelines(settings, pipelines)
        if drill:
            set_all_live_for_drill(settings)
        cpus = max(1.0, model.num_cpus * (model.max_replicas or model.replicas))
        with ray_cluster(ray_address, settings.data / "ray.log", num_cpus=cpus):
            deploy(model, station_plan(settings), console_plan(settings))
            with interrupt_on_signals():  # again: Ray has replaced the handlers
                yield settings


def apply_pipelines(settings: Settings, pipelines: Path) -> dict[str, int]:
    """Apply a folder of pipelines. Returns the new versions by line."""
    changes = plan_changes(read_pipelines(pipelines), settings.database, FileEvidence(settings.evidence))
    return store_changes(changes, settings.database)


def is_console_up(settings: Settings) -> bool:
    """Whether the console serves its health page."""
    try:
        return httpx.get(f"{settings.console_url}api/v1/health", timeout=2.0).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def probe_broker(settings: Settings) -> ProbeResult:
    """Probe the configured broker as a station will use it. Never raises: faults are in the result's `problems`."""
    return probe(broker_of(settings), Topics(settings.topic_root), probe_client_id(settings))


def probe_client_id(settings: Settings) -> str:
    """Return a client id like the stations', which no running client has."""
    return station_client_id(settings, f"probe-{secrets.token_hex(4)}")


def _check_broker(settings: Settings) -> None:
    problems = probe_broker(settings).problems
    if problems:
        raise BrokerError("; ".join(f"{problem}; {remedy}" for problem, remedy in problems))
