"""Builds the console and the metrics page out of settings."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from inspector.access.login_secret import stored_form
from inspector.bootstrap.access import access_services, metrics_secret, prepare_access
from inspector.bootstrap.evidence import open_evidence
from inspector.bootstrap.from_settings import broker_of, calendar_of, log_process
from inspector.bootstrap.line_services import line_services
from inspector.bootstrap.live_first import LiveFirstModel
from inspector.bootstrap.malloc_limits import limit_kept_memory
from inspector.bootstrap.overrides import override_of
from inspector.bootstrap.pooled_model import PooledModel
from inspector.bootstrap.webhook import webhook_alarms
from inspector.errors import InspectorError
from inspector.judging.nearest_golden import GreyNearestGolden
from inspector.judging.similar_parts import RememberedSimilarParts
from inspector.lines.camera_pictures import CameraPictures
from inspector.lines.camera_shots import CameraShots
from inspector.lines.cameras import Cameras
from inspector.lines.new_lines import NewLines
from inspector.lines.part_questions import PartQuestions
from inspector.lines.states import LineStates
from inspector.lines.versions import Versions
from inspector.lines.vote_table_updates import VoteTableUpdates
from inspector.messages.topics import Topics
from inspector.ports.backbone import ReadGrey
from inspector.ports.metrics import MetricsSource
from inspector.ports.pool import ReplicaPool
from inspector.reviewing.answers import Reviews
from inspector.reviewing.exports import Exports
from inspector.reviewing.nearest_parts import NearestParts
from inspector.reviewing.queue import ReviewQueue
from inspector.runtime.background_steps import running
from inspector.settings import Settings
from inspector.statistics.statistics import Statistics

if TYPE_CHECKING:
    from inspector.adapters.console.access import AccessServices
    from inspector.adapters.console.server import RunningConsole
    from inspector.adapters.console.services import ConsoleServices, Installation
    from inspector.adapters.ledger import FileEvidence, SqlArchive
    from inspector.adapters.mqtt.heartbeats import HeartbeatListener
    from inspector.adapters.telemetry.exporter import Exporter


async def open_console(settings: Settings, pool: ReplicaPool, visitor_name: str) -> RunningConsole:
    """Start the console on its own port. Test shots are judged by the pool.

    Where no login is asked for, everybody is `visitor_name`.
    """
    from inspector.adapters.console.api.request_checks import AllowedHosts
    from inspector.adapters.console.app import console_app
    from inspector.adapters.console.server import RunningConsole
    from inspector.adapters.ledger import SqlArchive

    limit_kept_memory()
    log_process(settings, "console")
    archive, evidence = SqlArchive(settings.database), open_evidence(settings)
    pulses = _pulses(settings)
    metrics = _exporter(archive, pulses)
    prepare_access(settings)
    resources = ExitStack()
    resources.callback(pulses.stop)
    access = resources.enter_context(access_services(settings, visitor_name))
    resources.enter_context(webhook_alarms(settings, archive))
    services = _services(settings, archive, evidence, pulses, pool, access)
    resources.enter_context(running(_vote_table_updates(services, archive)))
    app = console_app(services, metrics)
    app.add_middleware(AllowedHosts, hosts=(settings.console_host, *settings.console_names))
    resources.callback(services.changes.jobs.close)
    console = RunningConsole(
        app, settings.console_host, settings.console_port, resources.close, settings.console_proxies
    )
    await console.start()
    return console


def _services(
    settings: Settings,
    archive: SqlArchive,
    evidence: FileEvidence,
    pulses: HeartbeatListener,
    pool: ReplicaPool,
    access: AccessServices,
) -> ConsoleServices:
    from inspector.adapters import ledger
    from inspector.adapters.camera import CameraPictureReader
    from inspector.adapters.console.live_feed import LiveFeed
    from inspector.adapters.console.queries import Catalogue
    from inspector.adapters.console.services import ConsoleServices

    unknown = ledger.SqlUnknownCameras(settings.database, evidence)
    pictures, judges = CameraPictureReader(()), PooledModel(pool)
    model = LiveFirstModel(judges, pulses.last, asyncio.get_running_loop())
    lines = LineStates(archive, ledger.SqlLineStore(settings.database))
    answers = ledger.SqlReviewStore(settings.database, Topics(settings.topic_root))
    leases = ledger.SqlLeaseStore(settings.database)
    return ConsoleServices(
        about=_installation(settings),
        catalogue=Catalogue(archive, evidence, pulses.last),
        lines=lines,
        override_of=partial(override_of, settings, lines),
        feed=LiveFeed(archive, lines),
        reviews=Reviews(archive, archive, answers, leases),
        review_queue=ReviewQueue(archive, archive, leases),
        exports=Exports(archive, archive, evidence),
        nearest=NearestParts(archive, evidence, pictures.grey_pixels),
        questions=_questions(archive, evidence, pictures.grey_pixels),
        statistics=Statistics(archive, calendar_of(settings)),
        changes=line_services(settings, archive, evidence, lines, model),
        cameras=Cameras(lines, archive, unknown, ledger.SqlCameraChangeStore(settings.database)),
        camera_pictures=CameraPictures(archive, evidence, unknown),
        camera_minutes=archive.camera_minutes,
        shots=CameraShots(pictures, judges),
        new_lines=NewLines(lines, partial(ledger.store_versions, settings.database), pictures, evidence),
        acknowledgements=ledger.SqlEventStore(settings.database),
        access=access,
    )


def _vote_table_updates(services: ConsoleServices, archive: SqlArchive) -> VoteTableUpdates:
    """Return what keeps the tables that limits are tuned on up to date."""
    return VoteTableUpdates(services.changes.pricing, lambda: [each.pipeline.line for each in archive.list_pipelines()])


def _installation(settings: Settings) -> Installation:
    from inspector.adapters.console.services import Installation

    return Installation(
        settings.broker_host,
        settings.broker_port,
        settings.topic_root,
        settings.time_zone,
        broker_tls=settings.broker_tls,
        broker_private_ca=settings.broker_ca is not None,
        broker_client_certificate=settings.broker_certificate is not None,
        broker_login=settings.broker_username is not None,
    )


def _questions(archive: SqlArchive, evidence: FileEvidence, grey_pixels: ReadGrey) -> PartQuestions:
    """Return what works out which pictures a part's views showed, as its replica did."""
    golden, similar = GreyNearestGolden(evidence, grey_pixels), RememberedSimilarParts(evidence, grey_pixels)
    return PartQuestions(Versions(archive), evidence, golden, similar)


@contextmanager
def metrics_server(settings: Settings) -> Iterator[None]:
    """Serve /metrics on a port of its own for the length of the block, if the settings name one."""
    if settings.metrics_port is None:
        yield
        return
    require_metrics_token(settings)
    from inspector.adapters.ledger import SqlArchive
    from inspector.adapters.telemetry.exporter import serve_metrics

    archive, pulses = SqlArchive(settings.database), _pulses(settings)
    try:
        place = (settings.console_host, settings.metrics_port)
        with serve_metrics(_exporter(archive, pulses), *place, _metrics_guard(settings)):
            yield
    finally:
        pulses.stop()
        archive.close()


def require_metrics_token(settings: Settings) -> None:
    """Raise InspectorError where a port of their own offers the metrics, and nobody could read them."""
    if settings.metrics_port is not None and settings.login == "required" and not metrics_secret(settings):
        raise InspectorError(
            "--metrics-port: it has no token; name one in INSPECTOR_METRICS_TOKEN_FILE, or read the console's /metrics "
            "with a token of inspector token create"
        )


def _metrics_guard(settings: Settings) -> Callable[[str], bool]:
    """Return what says whether a token reads the metrics."""
    wanted = metrics_secret(settings)
    return lambda token: not wanted or hmac.compare_digest(stored_form(token), wanted)


def _pulses(settings: Settings) -> HeartbeatListener:
    from inspector.adapters.mqtt.heartbeats import HeartbeatListener

    pulses = HeartbeatListener(broker_of(settings), Topics(settings.topic_root), settings.site)
    pulses.start()
    return pulses


def _exporter(books: MetricsSource, pulses: HeartbeatListener) -> Exporter:
    from inspector.adapters.telemetry.exporter import Exporter

    return Exporter(books, pulses.last)
