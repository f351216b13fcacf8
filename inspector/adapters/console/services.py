"""What the handlers of the REST API call: the application's services, put together once by `bootstrap`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, NamedTuple

from fastapi import Depends, Request

from inspector.adapters.console.access import AccessServices
from inspector.adapters.console.live_feed import LiveFeed
from inspector.adapters.console.queries import Catalogue
from inspector.lines.camera_pictures import CameraPictures
from inspector.lines.camera_shots import CameraShots
from inspector.lines.cameras import Cameras
from inspector.lines.challenge import ChallengeSets
from inspector.lines.declared_content import DeclarationReader
from inspector.lines.drafts import Drafts
from inspector.lines.golden_samples import GoldenSamples
from inspector.lines.jobs import Jobs
from inspector.lines.new_lines import NewLines
from inspector.lines.part_questions import PartQuestions
from inspector.lines.pricing import Pricing
from inspector.lines.promotion import Promotions
from inspector.lines.qualification import Qualifications
from inspector.lines.qualification_jobs import QualificationJobs
from inspector.lines.replay_columns import ReplayTables
from inspector.lines.rollback import Rollbacks
from inspector.lines.states import LineStates, OverrideRequest
from inspector.lines.stored_parts import PartArchive
from inspector.lines.teaching import Teaching
from inspector.lines.threshold_advice import ThresholdAdvisor
from inspector.lines.tuning import Tuning
from inspector.lines.versions import Versions
from inspector.ports.archive import AcknowledgementStore
from inspector.ports.camera_minutes import CameraMinute
from inspector.reviewing.answers import Reviews
from inspector.reviewing.exports import Exports
from inspector.reviewing.nearest_parts import NearestParts
from inspector.reviewing.queue import ReviewQueue
from inspector.statistics.statistics import Statistics


class Installation(NamedTuple):
    """The broker's address, how clients connect to it, and the plant's time zone."""

    broker_host: str
    broker_port: int
    topic_root: str
    time_zone: str
    broker_tls: bool = False
    broker_private_ca: bool = False
    broker_client_certificate: bool = False
    broker_login: bool = False


@dataclass(frozen=True, slots=True)
class LineServices:
    """The services that change lines: their versions, drafts and jobs. They block."""

    versions: Versions
    reader: DeclarationReader
    drafts: Drafts
    pricing: Pricing
    promotions: Promotions
    rollbacks: Rollbacks
    tuning: Tuning
    replay_tables: ReplayTables
    thresholds: ThresholdAdvisor
    golden: GoldenSamples
    challenge: ChallengeSets
    archive: PartArchive
    qualifications: Qualifications
    qualification_jobs: QualificationJobs
    teaching: Teaching
    jobs: Jobs


@dataclass(frozen=True, slots=True)
class ConsoleServices:
    """The services of one console.

    They block, except `catalogue` and `feed`: handlers that call them are plain `def`, which run in a thread.
    """

    about: Installation
    catalogue: Catalogue
    lines: LineStates
    override_of: Callable[[str, float], OverrideRequest]
    feed: LiveFeed
    statistics: Statistics
    changes: LineServices
    reviews: Reviews
    review_queue: ReviewQueue
    cameras: Cameras
    camera_pictures: CameraPictures
    camera_minutes: Callable[[str, str, datetime, datetime], list[CameraMinute]]
    shots: CameraShots
    new_lines: NewLines
    exports: Exports
    nearest: NearestParts
    questions: PartQuestions
    acknowledgements: AcknowledgementStore
    access: AccessServices


def _services(request: Request) -> ConsoleServices:
    services: ConsoleServices = request.app.state.services
    return services


Services = Annotated[ConsoleServices, Depends(_services)]
