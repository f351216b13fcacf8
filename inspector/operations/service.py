"""Run the service on this machine, or in a Ray cluster, and stop it without leaving a process behind."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Collection, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from inspector.adapters.ledger import SqlArchive, upgrade
from inspector.adapters.mqtt.check.probe import ProbeResult, probe
from inspector.adapters.vlm import require_packages
from inspector.bootstrap.access import prepare_access
from inspector.bootstrap.evidence import open_evidence
from inspector.bootstrap.from_settings import absolute, broker_of, card_of, station_client_id
from inspector.bootstrap.plans import console_plan, model_plan, require_cluster_storage, station_plan
from inspector.bootstrap.traces import require_traces
from inspector.bootstrap.webhook import webhook_receiver
from inspector.errors import BrokerError
from inspector.messages.topics import Topics
from inspector.operations.apply import plan_changes, read_pipelines, store_changes
from inspector.operations.drill import set_all_live_for_drill
from inspector.operations.line_states import scrap_warnings
from inspector.operations.signals import interrupt_on_signals
from inspector.operations.start_phases import StartPhases
from inspector.settings import Settings

if TYPE_CHECKING:
    from inspector.adapters.serving.cluster import Cluster
    from inspector.adapters.serving.deployments import ModelPlan

log = logging.getLogger(__name__)

PRIVATE_UMASK: Final = 0o077


@contextmanager
def service(
    settings: Settings,
    pipelines: Path | None,
    *,
    ray_address: str | None = None,
    apply_lines: Collection[str] | None = None,
    drill: bool = False,
    visitor_name: str = "console",
    phases: StartPhases | None = None,
) -> Iterator[Settings]:
    """Run the service for the length of the block; yields the settings with absolute paths.

    Applies `pipelines` if the ledger has none yet, or always those of `apply_lines`, as the demo does. Later changes
    need `inspector apply`. `drill`: every line is live, by the shipped qualification where that covers it, else by an
    override for a day. `visitor_name` is everybody in the console, where no login is asked for. `phases` receives what
    the start consists of.

    Raises BrokerError, DeclarationError, LedgerError or PoolError, each with its remedy, before anything runs;
    ClusterLostError if Ray ends under the running service.
    """
    from inspector.adapters.serving.ray_environment import prepare_import

    declared, settings, phases = settings, absolute(settings), phases or StartPhases()
    prepare_import(ray_address)
    with private_files(), interrupt_on_signals():
        settings.data.mkdir(parents=True, exist_ok=True)
        with phases.phase("broker"):
            _check_broker(settings)
        with phases.phase("ledger"):
            model = _prepare(settings, pipelines, apply_lines, drill=drill)
        with _cluster(settings, ray_address, model, phases) as cluster:
            if cluster.nodes > 1:
                require_cluster_storage(declared)
            with phases.phase("applications"):
                phases.add(cluster.deploy(model, station_plan(settings), console_plan(settings, visitor_name)))
            phases.finish()
            log.info("started: %s", phases)
            with interrupt_on_signals():  # again: Ray has replaced the handlers
                yield settings


@contextmanager
def private_files() -> Iterator[None]:
    """Let this process and all that it starts make files that only their user can read."""
    before = os.umask(PRIVATE_UMASK)
    try:
        yield
    finally:
        os.umask(before)


def _prepare(
    settings: Settings, pipelines: Path | None, apply_lines: Collection[str] | None, *, drill: bool
) -> ModelPlan:
    """Prepare ledger and lines, so that a fault of a declaration is named before anything runs."""
    card = card_of(settings)
    require_packages(card)
    upgrade(settings.database)
    prepare_access(settings)
    webhook_receiver(settings)
    require_traces(settings)
    if pipelines is not None and apply_lines is not None:
        apply_pipelines(settings, pipelines, apply_lines)
    elif pipelines is not None:
        apply_first_pipelines(settings, pipelines)
    if drill:
        set_all_live_for_drill(settings)
    for warning in scrap_warnings(settings):
        log.warning("%s", warning)
    return model_plan(settings, card)


@contextmanager
def _cluster(settings: Settings, ray_address: str | None, model: ModelPlan, phases: StartPhases) -> Iterator[Cluster]:
    with ExitStack() as stack:
        with phases.phase("ray"):
            from inspector.adapters.serving.cluster import ray_cluster

            cpus = max(1.0, model.num_cpus * (model.max_replicas or model.replicas))
            log_file = settings.data / "ray.log"
            cluster = stack.enter_context(ray_cluster(ray_address, log_file, site=settings.site, num_cpus=cpus))
        yield cluster


def apply_first_pipelines(settings: Settings, pipelines: Path) -> None:
    """Apply a folder of pipelines to a ledger that has no line yet."""
    with closing(SqlArchive(settings.database)) as archive:
        is_empty = not archive.list_pipelines()
    if is_empty:
        apply_pipelines(settings, pipelines)


def apply_pipelines(settings: Settings, pipelines: Path, lines: Collection[str] | None = None) -> dict[str, int]:
    """Apply a folder of pipelines, or those of `lines` in it. Returns the new versions by line."""
    evidence, card = open_evidence(settings), card_of(settings)
    declared = tuple(each for each in read_pipelines(pipelines) if lines is None or each.pipeline.line in lines)
    changes = plan_changes(declared, settings.database, evidence, card)
    return store_changes(changes, settings.database)


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
