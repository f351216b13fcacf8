"""The REST API over a ledger and an evidence store, real or in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from types import SimpleNamespace
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from fastapi import FastAPI
from support.line_fakes import MemoryPictureReader, ScriptedPool
from support.listed_sums import ListedSums
from support.memory_cameras import MemoryCameraChanges, MemoryUnknownPictures
from support.memory_reviews import MemoryReviews

from inspector.access.audit import Audit
from inspector.access.sessions import Sessions
from inspector.access.tokens import Tokens
from inspector.access.users import Users
from inspector.adapters.camera import CameraPictureReader
from inspector.adapters.console.access import CONSOLE_NAME, AccessServices, visitor
from inspector.adapters.console.api.app import rest_app
from inspector.adapters.console.live_feed import LiveFeed
from inspector.adapters.console.queries import Catalogue
from inspector.adapters.console.services import ConsoleServices, Installation, LineServices
from inspector.adapters.ledger import (
    FileEvidence,
    SqlArchive,
    SqlAuditStore,
    SqlCameraChangeStore,
    SqlEventStore,
    SqlLeaseStore,
    SqlLineStore,
    SqlPeople,
    SqlReviewStore,
    SqlUnknownCameras,
    upgrade,
)
from inspector.bootstrap.line_services import line_services
from inspector.bootstrap.pooled_model import PooledModel
from inspector.domain.person import Person
from inspector.judging.nearest_golden import GreyNearestGolden
from inspector.judging.similar_parts import RememberedSimilarParts
from inspector.lines.camera_pictures import CameraPictures
from inspector.lines.camera_shots import CameraShots
from inspector.lines.cameras import Cameras
from inspector.lines.new_lines import NewLines
from inspector.lines.part_questions import PartQuestions
from inspector.lines.states import LineStates, OverrideRequest
from inspector.lines.versions import Versions
from inspector.messages.topics import Topics
from inspector.ports.archive import AcknowledgementStore
from inspector.ports.evidence import EvidenceStore
from inspector.ports.metrics import StationStatus
from inspector.ports.reviews import LeaseStore, ReviewArchive, ReviewStore
from inspector.ports.statistics import StatisticsArchive
from inspector.reviewing.answers import Reviews
from inspector.reviewing.exports import Exports
from inspector.reviewing.nearest_parts import NearestParts
from inspector.reviewing.queue import ReviewQueue
from inspector.settings import Settings
from inspector.statistics.calendar import PlantCalendar
from inspector.statistics.statistics import Statistics

CONSOLE_PERSON: Final = visitor(CONSOLE_NAME)


def line_services_of(url: str, folder: Path, model: Any = None) -> LineServices:
    """The services that change lines, over a real database and a folder of pictures."""
    archive, evidence = SqlArchive(url), FileEvidence(folder / "evidence")
    settings = Settings(data=folder, database_url=url, model=folder / "no-card.yaml")
    return line_services(settings, archive, evidence, LineStates(archive, SqlLineStore(url)), model)


@cache
def _no_lines() -> LineServices:
    """Services over a ledger without lines: an archive in memory has no versions."""
    folder = Path(mkdtemp(prefix="console-api-"))
    url = f"sqlite:///{folder}/ledger.db"
    upgrade(url)
    return line_services_of(url, folder)


def sql_api(url: str, folder: Path, model: Any = None) -> FastAPI:
    """The REST API over a real database."""
    return rest_app(sql_services(url, folder, model))


def sql_services(url: str, folder: Path, model: Any = None) -> ConsoleServices:
    """The services of the REST API over a real database and a folder of pictures."""
    archive = SqlArchive(url)
    reviews = ReviewStores(archive, SqlReviewStore(url, Topics()), SqlLeaseStore(url))
    evidence, lines = FileEvidence(folder / "evidence"), SqlLineStore(url)
    access, noted = sql_access(url), SqlEventStore(url)
    services = services_of(archive, evidence, lines=lines, reviews=reviews, access=access, acknowledgements=noted)
    unknown, changes = SqlUnknownCameras(url, evidence), SqlCameraChangeStore(url)
    return replace(
        services,
        changes=line_services_of(url, folder, model),
        cameras=Cameras(services.lines, archive, unknown, changes),
        camera_pictures=CameraPictures(archive, evidence, unknown),
        camera_minutes=archive.camera_minutes,
    )


class ReviewStores(NamedTuple):
    """Where reviews are read, where they are stored, and who has which part."""

    archive: ReviewArchive
    store: ReviewStore
    leases: LeaseStore


def _in_memory(archive: Any) -> ReviewStores:
    memory = MemoryReviews(archive)
    return ReviewStores(memory, memory, memory)


def services_of(
    archive: Any,
    evidence: EvidenceStore,
    stations: Callable[[], Sequence[StationStatus]] = tuple,
    lines: Any = None,
    reviews: ReviewStores | None = None,
    access: AccessServices | None = None,
    acknowledgements: AcknowledgementStore | None = None,
) -> ConsoleServices:
    """Services over an archive, real or in memory. `lines` stores states; an archive in memory does too."""
    known, store, leases = reviews or _in_memory(archive)
    states, unknown = LineStates(archive, lines or archive), MemoryUnknownPictures()
    grey_pixels = CameraPictureReader(()).grey_pixels
    return ConsoleServices(
        about=Installation("broker.plant", 1883, "inspector/v1", "UTC"),
        catalogue=Catalogue(archive, evidence, stations),
        lines=states,
        override_of=lambda line, days: OverrideRequest({"*": archive.fingerprint(line) or "none"}, days),
        feed=LiveFeed(archive, states),
        reviews=Reviews(known, archive, store, leases),
        review_queue=ReviewQueue(known, archive, leases),
        exports=Exports(archive, known, evidence),
        nearest=NearestParts(archive, evidence, grey_pixels),
        questions=PartQuestions(
            Versions(archive),
            evidence,
            GreyNearestGolden(evidence, grey_pixels),
            RememberedSimilarParts(evidence, grey_pixels),
        ),
        changes=_no_lines(),
        statistics=Statistics(_sums(archive), PlantCalendar(ZoneInfo("UTC"))),
        cameras=Cameras(states, archive, unknown, MemoryCameraChanges()),
        camera_pictures=CameraPictures(archive, evidence, unknown),
        camera_minutes=lambda line, camera, since, until: [],
        shots=CameraShots(MemoryPictureReader(), PooledModel(ScriptedPool())),
        new_lines=NewLines(states, lambda versions: [], CameraPictureReader(()), evidence),
        acknowledgements=acknowledgements or archive,
        access=access or open_access(),
    )


def _sums(archive: Any) -> StatisticsArchive:
    """An archive in memory has no sums."""
    return archive if isinstance(archive, SqlArchive) else ListedSums()


def sql_access(url: str, person: Person | None = CONSOLE_PERSON) -> AccessServices:
    """The people of a real database. `person` is everybody, where no login is asked for."""
    people = SqlPeople(url)
    sessions = Sessions(people, people)
    return AccessServices(Users(people), sessions, Tokens(people), Audit(SqlAuditStore(url)), person)


def open_access() -> AccessServices:
    """No login is asked for, so nobody is looked up."""
    nobody: Any = None
    return AccessServices(Users(nobody), Sessions(nobody, nobody), Tokens(nobody), Audit(nobody), CONSOLE_PERSON)


def access_by_name(people: Mapping[str, Person]) -> AccessServices:
    """Senders whose tokens are their names."""
    tokens: Any = SimpleNamespace(identify=people.get)
    return replace(open_access(), tokens=tokens, visitor=None)


def rest_api(archive: Any, evidence: EvidenceStore) -> FastAPI:
    return rest_app(services_of(archive, evidence))
