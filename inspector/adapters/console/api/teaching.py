"""Teaching of a line: what its live version was taught on, the newest report, and jobs that teach it anew."""

from __future__ import annotations

from typing import Any, Self

from fastapi import APIRouter, Response
from pydantic import Field

from inspector.adapters.console.api.jobs import JobAnswer, accept
from inspector.adapters.console.api.models import ApiModel, LineName
from inspector.adapters.console.api.part_details import HeatMapAnswer
from inspector.adapters.console.api.person import Engineer
from inspector.adapters.console.api.problems import WRITE_RESPONSES
from inspector.adapters.console.services import ConsoleServices, Services
from inspector.lines.teaching import LiveTaughtModel
from inspector.ports.jobs import JobState, LineJob

router = APIRouter(prefix="/lines/{line}/teaching", tags=["teaching"])


class TaughtBackbone(ApiModel):
    """A backbone over whose features the line was taught. Replicas with other weights count it as missing."""

    name: str
    fingerprint: str


class TaughtModelFacts(ApiModel):
    """The taught model of the live version. Where it can't be read, `problem` says why, and the rest is empty.

    `labels` counts the reviewed parts that taught it by what people call them today; `golden` are golden samples.
    """

    sha256: str
    doubt_above: float
    problem: str
    advice: str
    methods: tuple[str, ...]
    backbones: tuple[TaughtBackbone, ...]
    parts: int
    golden: int
    groups: int
    labels: dict[str, int]

    @classmethod
    def of(cls, live: LiveTaughtModel) -> Self:
        model = live.model
        return cls(
            sha256=live.sha256,
            doubt_above=live.doubt_above,
            problem=live.problem,
            advice=model.advice if model else "",
            methods=tuple(str(each.name) for each in model.members) if model else (),
            backbones=tuple(TaughtBackbone(name=name, fingerprint=known) for name, known in model.backbones)
            if model
            else (),
            parts=len(model.parts) if model else 0,
            golden=model.golden if model else 0,
            groups=len(model.groups) if model else 0,
            labels=dict(live.labels),
        )


class HeatMapPair(ApiModel):
    """The heat maps of one reviewed part: of the version that judged it, null where it had none, and as taught."""

    result_id: str
    is_ng: bool
    p_ng: float = Field(description="of the taught model")
    live: HeatMapAnswer | None
    taught: HeatMapAnswer


class TeachingAnswer(ApiModel):
    """What a line was taught, and its newest teaching.

    `report` is null until the job is DONE; it is what `inspector teach LINE --json` prints. Where `report.refused` is
    not empty, no model was stored. `review_next` names unreviewed parts, the most suspicious first.
    """

    live_version: int
    live: TaughtModelFacts | None
    job: JobAnswer | None
    report: dict[str, Any] | None
    heat_maps: tuple[HeatMapPair, ...]
    review_next: tuple[str, ...]


@router.get("")
def read_teaching(services: Services, line: LineName) -> TeachingAnswer:
    """Return what the live version was taught on, the newest teaching with its report, and what to review next."""
    teaching = services.changes.teaching
    version = teaching.live_version(line)
    live, job = teaching.model_of(version), teaching.newest(line)
    report = dict(job.result or {}) if job and job.state is JobState.DONE else None
    heated = report.pop("heat_maps", ()) if report else ()
    return TeachingAnswer(
        live_version=version.version,
        live=TaughtModelFacts.of(live) if live else None,
        job=_without_result(job) if job else None,
        report=report,
        heat_maps=tuple(_pair(services, each) for each in heated),
        review_next=tuple(teaching.review_next(line)),
    )


@router.post("", status_code=202, responses=WRITE_RESPONSES)
def start_teaching(services: Services, line: LineName, who: Engineer, response: Response) -> JobAnswer:
    """Teach the line with its golden samples and reviewed parts. Follow the job at Location.

    Nothing becomes live: the taught model is stored unless the result is refused, and a draft may then declare the
    report's `second_opinion`.
    """
    return accept(response, services.changes.teaching.start(line, who.name))


def _without_result(job: LineJob) -> JobAnswer:
    return JobAnswer.of(job._replace(result=None))


def _pair(services: ConsoleServices, taught: dict[str, Any]) -> HeatMapPair:
    live = services.changes.teaching.archive.heat_map(taught["result_id"])
    return HeatMapPair(
        result_id=taught["result_id"],
        is_ng=taught["is_ng"],
        p_ng=taught["p_ng"],
        live=HeatMapAnswer.of(live) if live else None,
        taught=HeatMapAnswer.model_validate(taught["heat"]),
    )
