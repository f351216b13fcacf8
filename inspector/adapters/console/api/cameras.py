"""Cameras: those that lines declare and those that ever sent something, their pictures, changes and test shots."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from inspector.adapters.console.api.camera_models import (
    CameraDetails,
    CameraHealthAnswer,
    CameraMinuteAnswer,
    CameraPage,
    ShotAnswer,
)
from inspector.adapters.console.api.etags import IfMatch, etag, require_match
from inspector.adapters.console.api.models import ApiRequest, LineName, Moment, ResultId
from inspector.adapters.console.api.person import Engineer, Viewer, shows_own_lines
from inspector.adapters.console.api.picture_responses import picture_response
from inspector.adapters.console.api.problems import WRITE_RESPONSES, Problem, ProblemType, problem_responses
from inspector.adapters.console.pictures import PictureBody, media_type
from inspector.adapters.console.services import Services
from inspector.config.line_template import read_declaration
from inspector.domain.cameras import Region
from inspector.domain.declared import Name
from inspector.domain.person import Person, Role
from inspector.errors import ConflictError, NotFoundError
from inspector.lines.camera_shots import ShotDeclaration
from inspector.lines.cameras import CameraEntry, CameraRequest
from inspector.lines.states import MAX_REASON_CHARACTERS
from inspector.messages.incoming import Sha256
from inspector.utc import utc_now

MAX_HEALTH_DAYS: Final = 31
DEFAULT_HEALTH: Final = timedelta(hours=24)
LineAndCamera = Annotated[
    str | None, Query(pattern=r"^[^/]+/[^/]+$", max_length=129, description="only cameras behind this LINE/CAMERA")
]
CameraName = Annotated[Name, Path()]
Reason = Annotated[str, Field(max_length=MAX_REASON_CHARACTERS)]

router = APIRouter(prefix="/cameras", tags=["cameras"])


class ConnectionRequest(ApiRequest):
    """Declares a camera on the line. `region` is the part of its pictures that is inspected; null: all of it."""

    region: Region | None = None
    reason: Reason = ""


class ConnectionChange(ApiRequest):
    """Another name for a camera. `is_replaced`: another camera takes its place, under that name or its own."""

    name: Name | None = None
    is_replaced: bool = False
    reason: Reason = ""


class CameraStateRequest(ApiRequest):
    """Pauses one camera, or ends its pause."""

    paused: bool
    reason: Reason = ""


class ShotRequest(ApiRequest):
    """What to judge the camera's picture by: an unsaved declaration of the line, or the live one.

    `golden` are the sha256 of golden samples of live lines that one may view, in the declared order; null: those of
    the live line. Kept pictures of the camera may be golden samples too. `result_id` names the part whose picture is
    judged, `picture` the sha256 of a kept picture of an undeclared camera; both null: the camera's newest picture.
    """

    declaration: dict[str, Any] | None = None
    golden: Annotated[tuple[Sha256, ...], Field(max_length=64)] | None = None
    result_id: ResultId | None = None
    picture: Sha256 | None = None


@router.get("")
@shows_own_lines
def list_cameras(
    services: Services,
    who: Viewer,
    after: LineAndCamera = None,
    line: Annotated[Name | None, Query(description="only cameras of this line")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> CameraPage:
    """List cameras of one's lines: declared ones and those that ever sent something. Read on with `next_after`."""
    position = tuple(after.split("/")) if after else ("", "")
    seen = [each for each in services.cameras.cameras() if who.may(Role.VIEWER, each.line)]
    every = [each for each in seen if line in (None, each.line)]
    page = [each for each in every if (each.line, each.camera) > position][:limit]
    last = f"{page[-1].line}/{page[-1].camera}" if len(page) == limit else None
    return CameraPage(cameras=tuple(CameraDetails.of(each) for each in page), next_after=last)


@router.get("/{line}/{camera}")
def read_camera(services: Services, line: LineName, camera: CameraName, response: Response) -> CameraDetails:
    """Return one camera. Its ETag names the line's version, which changes of the camera are made from."""
    return _answer(services, services.cameras.camera(line, camera), response)


@router.get("/{line}/{camera}/frames/latest", response_class=Response)
def read_latest_frame(services: Services, line: LineName, camera: CameraName) -> Response:
    """Return the newest stored picture of the camera, or the newest kept one of an unknown camera."""
    picture = services.camera_pictures.newest(line, camera)
    response = picture_response(PictureBody(picture.data, media_type(picture.data)))
    response.headers["Cache-Control"] = "no-store"
    response.headers["Last-Modified"] = f"{picture.received_at:%a, %d %b %Y %H:%M:%S} GMT"
    return response


@router.get("/{line}/{camera}/health")
def read_health(
    services: Services,
    line: LineName,
    camera: CameraName,
    since: Annotated[Moment | None, Query(alias="from", description="default: 24 hours ago")] = None,
    until: Annotated[Moment | None, Query(alias="to", description="default: now")] = None,
) -> CameraHealthAnswer:
    """Return what the camera sent by the minute. Minutes without a frame are left out; a month is kept."""
    since, until = _health_time(since, until)
    minutes = services.camera_minutes(line, camera, since, until)
    return CameraHealthAnswer(since=since, until=until, minutes=tuple(CameraMinuteAnswer.of(each) for each in minutes))


@router.put("/{line}/{camera}/connection", responses=WRITE_RESPONSES)
def connect_camera(
    services: Services,
    line: LineName,
    camera: CameraName,
    asked: ConnectionRequest,
    who: Engineer,
    response: Response,
    if_match: IfMatch = None,
) -> CameraDetails:
    """Declare the camera on its line, as a new version. Its parts are UNQUALIFIED until the line is qualified again."""
    with _edit(services, CameraRequest(line, camera, who.name, asked.reason), if_match) as request:
        return _answer(services, services.cameras.connect(request, asked.region), response)


@router.patch("/{line}/{camera}/connection", responses=WRITE_RESPONSES)
def change_connection(
    services: Services,
    line: LineName,
    camera: CameraName,
    asked: ConnectionChange,
    who: Engineer,
    response: Response,
    if_match: IfMatch = None,
) -> CameraDetails:
    """Rename the camera, which keeps its right to pass, or put another one in its place, which has none."""
    with _edit(services, CameraRequest(line, camera, who.name, asked.reason), if_match) as request:
        if asked.is_replaced:
            return _answer(services, services.cameras.replace(request, asked.name), response)
        if asked.name is None:
            raise Problem.of_field(ProblemType.REFUSED, "name", "it is missing", "send the new name, or is_replaced")
        return _answer(services, services.cameras.rename(request, asked.name), response)


@router.delete("/{line}/{camera}/connection", responses=WRITE_RESPONSES)
def retire_camera(
    services: Services,
    line: LineName,
    camera: CameraName,
    reason: Annotated[str, Query(max_length=MAX_REASON_CHARACTERS)],
    who: Engineer,
    response: Response,
    if_match: IfMatch = None,
) -> CameraDetails:
    """Remove the camera from its line. Frames that it still sends are those of an unknown camera."""
    with _edit(services, CameraRequest(line, camera, who.name, reason), if_match) as request:
        return _answer(services, services.cameras.retire(request), response)


@router.put("/{line}/{camera}/state", responses=WRITE_RESPONSES)
def set_camera_state(
    services: Services, line: LineName, camera: CameraName, asked: CameraStateRequest, who: Engineer, response: Response
) -> CameraDetails:
    """Pause one camera within a second, or end its pause. No If-Match: it must work at once."""
    request = CameraRequest(line, camera, who.name, asked.reason)
    changed = services.cameras.pause(request) if asked.paused else services.cameras.resume(request)
    return _answer(services, changed, response)


@router.post(
    "/{line}/{camera}/test-shots",
    responses=problem_responses(ProblemType.BAD_DECLARATION, ProblemType.TOO_MANY_REQUESTS, ProblemType.MODEL_AWAY),
)
async def take_test_shot(
    services: Services, line: LineName, camera: CameraName, asked: ShotRequest, who: Engineer
) -> ShotAnswer:
    """Judge a picture of the camera as a declaration says that need not be saved. Nothing is stored or published."""
    declared, picture = await asyncio.to_thread(_shot, services, line, camera, asked, who)
    return ShotAnswer.of(await services.shots.shoot(declared, camera, picture))


def _shot(services: Services, line: str, camera: str, asked: ShotRequest, who: Person) -> tuple[ShotDeclaration, bytes]:
    declared = _declared(services, line, asked)
    _require_own_pictures(services, line, camera, declared.golden, who)
    services.camera_pictures.store_kept(line, camera, declared.golden)
    if asked.picture is not None:
        return declared, services.camera_pictures.kept(line, camera, asked.picture)
    if asked.result_id is not None:
        return declared, services.camera_pictures.of_part(line, camera, asked.result_id).data
    return declared, services.camera_pictures.newest(line, camera).data


def _require_own_pictures(services: Services, line: str, camera: str, golden: Sequence[str], who: Person) -> None:
    """Raise NotFoundError for a golden sample that is neither kept of this camera nor of a line that one may view."""
    lines = [each for each in services.lines.archive.list_pipelines() if who.may(Role.VIEWER, each.pipeline.line)]
    known = {sha256 for each in lines for sha256 in each.golden}
    known.update(each.sha256 for each in services.camera_pictures.kept_of(line, camera))
    if missing := next((each for each in golden if each not in known), None):
        raise NotFoundError(
            f"golden: no line that you may view has the golden sample {missing[:16]}, and no such picture of "
            f"{line}/{camera} is kept; name other pictures"
        )


def _declared(services: Services, line: str, asked: ShotRequest) -> ShotDeclaration:
    if asked.declaration is None:
        live = services.lines.version(line)
        return ShotDeclaration(live.pipeline, live.golden)
    pipeline = read_declaration(line, asked.declaration)
    if asked.golden is not None or not pipeline.golden_samples:
        return ShotDeclaration(pipeline, asked.golden or ())
    return ShotDeclaration(pipeline, services.lines.version(line).golden)


def _answer(services: Services, camera: CameraEntry, response: Response) -> CameraDetails:
    response.headers["ETag"] = _tag(services, camera.line)
    return CameraDetails.of(camera)


def _tag(services: Services, line: str) -> str:
    return etag(line, services.cameras.base(line) or "none")


@contextmanager
def _edit(services: Services, request: CameraRequest, if_match: str | None) -> Iterator[CameraRequest]:
    """Yield the request for the version that the caller saw. Raises Problem where the line has another one by now."""
    base = services.lines.version(request.line).version
    require_match(if_match, etag(request.line, base))
    try:
        yield request._replace(base=base)
    except ConflictError as error:
        raise Problem(ProblemType.STALE, str(error), headers={"ETag": _tag(services, request.line)}) from error


def _health_time(since: datetime | None, until: datetime | None) -> tuple[datetime, datetime]:
    until = until or utc_now()
    since = since or until - min(DEFAULT_HEALTH, until - until.min.replace(tzinfo=until.tzinfo))
    if not timedelta() < until - since <= timedelta(days=MAX_HEALTH_DAYS):
        remedy = f"ask for up to {MAX_HEALTH_DAYS} days, the earlier time first"
        raise Problem.of_field(ProblemType.BAD_PARAMETER, "from", "the time is too long, or empty", remedy)
    return since, until
