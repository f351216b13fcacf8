"""The pictures of a line: golden samples, which the model is shown, and the challenge set, which qualifies the line."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from http import HTTPStatus
from itertools import chain
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import Base64Bytes, Field

from inspector.adapters.console.api.etags import IfMatch, require_match
from inspector.adapters.console.api.line_conflicts import stale_line
from inspector.adapters.console.api.models import MAX_NUMBER, ApiModel, ApiRequest, LineName
from inspector.adapters.console.api.person import Engineer
from inspector.adapters.console.api.picture_responses import picture_response
from inspector.adapters.console.api.problems import WRITE_RESPONSES, Problem, ProblemType
from inspector.adapters.console.api.versions import known_version, live_tag
from inspector.adapters.console.services import LineServices, Services
from inspector.domain.challenge import ChallengePart
from inspector.errors import ConflictError, NotFoundError
from inspector.lines.challenge import (
    MAX_GROUP_CHARACTERS,
    ChallengePicture,
    ChallengeSource,
    stored_pictures,
)
from inspector.lines.golden_samples import GoldenAddition, GoldenChange
from inspector.lines.line_pictures import NamedPicture
from inspector.lines.states import MAX_REASON_CHARACTERS

MAX_PICTURES: Final = 64  # in one request
MAX_PICTURE_CHARACTERS: Final = 64 * 1024 * 1024  # of one picture in base64
MAX_NOTE_CHARACTERS: Final = 400

router = APIRouter(prefix="/lines/{line}", tags=["golden samples and challenge set"])

SampleNumber = Annotated[int, Path(ge=1, le=1000)]
PartNumber = Annotated[int, Path(ge=1, le=MAX_NUMBER)]
Reason = Annotated[str, Field(max_length=MAX_REASON_CHARACTERS)]
ReasonQuery = Annotated[str, Query(max_length=MAX_REASON_CHARACTERS)]
Picture = Annotated[Base64Bytes, Field(max_length=MAX_PICTURE_CHARACTERS, description="the file's bytes in base64")]
Label = Literal["OK", "NG"]
DryRun = Annotated[bool, Query(description="say what the change would do, and store no version")]
ResultIds = Annotated[tuple[str, ...], Field(max_length=MAX_PICTURES, description="stored parts")]


class GoldenSampleAnswer(ApiModel):
    """A golden sample. `is_shown`: the model is shown it next to each frame."""

    number: int
    sha256: str
    name: str
    is_shown: bool


class GoldenSampleList(ApiModel):
    """The golden samples of the live version, in order."""

    version: int
    golden_samples: tuple[GoldenSampleAnswer, ...]


class BroughtPicture(ApiRequest):
    """A picture that somebody brings."""

    name: str = Field(max_length=256, description="for messages")
    data: Picture


class GoldenSamplesBody(ApiRequest):
    """Golden samples to add: pictures, and stored parts. `first`: before the present ones."""

    pictures: tuple[BroughtPicture, ...] = Field(default=(), max_length=MAX_PICTURES)
    result_ids: ResultIds = ()
    first: bool = False
    reason: Reason = ""


class GoldenChangeAnswer(ApiModel):
    """The new version, null for a dry run, and what it changes. `effects` says it in sentences."""

    version: int | None
    golden_samples: tuple[GoldenSampleAnswer, ...]
    affected_parts: int
    affected_reviewed: int
    effects: tuple[str, ...]

    @classmethod
    def of(cls, change: GoldenChange, version: int | None) -> GoldenChangeAnswer:
        return cls(
            version=version,
            golden_samples=tuple(GoldenSampleAnswer.model_validate(each) for each in change.samples),
            affected_parts=change.parts,
            affected_reviewed=change.reviewed,
            effects=tuple(change.effects),
        )


class ChallengePartAnswer(ApiModel):
    """A labelled picture of the challenge set. Pictures of one group show the same part, lot or shift.

    `camera` took it, and its region judges it; an empty one stands for all cameras without a region.
    """

    number: int
    label: Label
    camera: str
    group: str
    note: str
    sha256: str
    author: str
    at: datetime

    @classmethod
    def of(cls, part: ChallengePart) -> ChallengePartAnswer:
        names = cls.model_fields.keys() - {"label"}
        return cls(label="NG" if part.is_ng else "OK", **{name: getattr(part, name) for name in names})


class ChallengePartList(ApiModel):
    """Parts of a challenge set, oldest first, and how many of either label it holds.

    `next_after` is the `after` of the next page; null on the last page.
    """

    ok: int
    ng: int
    parts: tuple[ChallengePartAnswer, ...]
    next_after: int | None


class LabelledPictureBody(ApiRequest):
    """A labelled picture that somebody brings."""

    name: str = Field(max_length=256, description="for messages")
    data: Picture
    label: Label
    camera: str = Field(default="", max_length=64, description="that took it; empty: no named one, or the only one")
    group: str = Field(default="", max_length=MAX_GROUP_CHARACTERS)
    note: str = Field(default="", max_length=MAX_NOTE_CHARACTERS)


class ChallengePartsBody(ApiRequest):
    """Challenge parts to add, all or none: labelled pictures, and stored parts with the labels of their reviews."""

    pictures: tuple[LabelledPictureBody, ...] = Field(default=(), max_length=MAX_PICTURES)
    result_ids: ResultIds = ()
    reason: Reason = ""


class AddedPartsAnswer(ApiModel):
    """The numbers of the added parts, how many pictures were in the set already, and what it holds now."""

    numbers: tuple[int, ...]
    already_there: int
    ok: int
    ng: int


@router.get("/golden-samples")
def list_golden_samples(services: Services, line: LineName, response: Response) -> GoldenSampleList:
    """List the golden samples of a line. The ETag is that of its live version."""
    version = services.lines.version(line).version
    response.headers["ETag"] = live_tag(line, version)
    samples = services.changes.golden.samples(line)
    return GoldenSampleList(
        version=version, golden_samples=tuple(GoldenSampleAnswer.model_validate(each) for each in samples)
    )


@router.post("/golden-samples", status_code=201, responses=WRITE_RESPONSES)
def add_golden_samples(
    services: Services,
    line: LineName,
    body: GoldenSamplesBody,
    who: Engineer,
    response: Response,
    dry_run: DryRun = False,
    if_match: IfMatch = None,
) -> GoldenChangeAnswer:
    """Add golden samples as a new version of the line. Scores change with it: the line is UNQUALIFIED afterwards."""
    base = _require_live(services, line, if_match)
    with stale_line(services, line, base):
        pictures = [NamedPicture(each.name, each.data) for each in body.pictures]
        addition = GoldenAddition(pictures, body.result_ids, body.first)
        change = services.changes.golden.plan_addition(line, addition, who.name, body.reason)
        _require_base(change, base)
        return _planned(change, response) if dry_run else _stored(services.changes, line, change, response)


@router.delete("/golden-samples/{number}", responses=WRITE_RESPONSES)
def remove_golden_sample(
    services: Services,
    line: LineName,
    number: SampleNumber,
    who: Engineer,
    response: Response,
    reason: ReasonQuery = "",
    dry_run: DryRun = False,
    if_match: IfMatch = None,
) -> GoldenChangeAnswer:
    """Remove a golden sample as a new version of the line. Its picture stays for earlier versions."""
    base = _require_live(services, line, if_match)
    with stale_line(services, line, base):
        change = services.changes.golden.plan_removal(line, [number], who.name, reason)
        _require_base(change, base)
        return _planned(change, response) if dry_run else _stored(services.changes, line, change, response)


@router.get("/challenge-parts")
def list_challenge_parts(
    services: Services,
    line: LineName,
    after: Annotated[int, Query(ge=0, le=MAX_NUMBER, description="only parts with a larger number")] = 0,
    label: Annotated[Label | None, Query(description="only parts with this label")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> ChallengePartList:
    """List the challenge set of a line. Read on with `after` = `next_after`."""
    parts = services.changes.challenge.parts(line)
    ng, wanted = sum(part.is_ng for part in parts), {"OK": [False], "NG": [True]}.get(label or "", [False, True])
    later = [part for part in parts if part.number > after and part.is_ng in wanted]
    page = tuple(ChallengePartAnswer.of(part) for part in later[:limit])
    next_after = page[-1].number if len(later) > limit else None
    return ChallengePartList(ok=len(parts) - ng, ng=ng, parts=page, next_after=next_after)


@router.get("/challenge-parts/{number}/picture", response_class=Response)
async def read_challenge_picture(
    services: Services,
    line: LineName,
    number: PartNumber,
    side: Annotated[int | None, Query(ge=16, le=2048, description="as JPEG within side x side pixels")] = None,
) -> Response:
    """Return the picture of a challenge part."""
    parts = await asyncio.to_thread(services.changes.challenge.parts, line)
    sha256 = next((part.sha256 for part in parts if part.number == number), None)
    if sha256 is None:
        raise NotFoundError(f"the challenge set of {line} has no part {number}")
    if side is not None:
        return picture_response(await services.catalogue.thumbnail(sha256, side))
    return await _picture(services, sha256)


@router.post("/challenge-parts", status_code=201, responses=WRITE_RESPONSES)
def add_challenge_parts(
    services: Services, line: LineName, body: ChallengePartsBody, who: Engineer
) -> AddedPartsAnswer:
    """Add labelled pictures to the challenge set, all or none. A golden sample of the line is refused."""
    changes = services.changes
    added = changes.challenge.add(line, _labelled(services, line, body), who.name, body.reason)
    parts = changes.challenge.parts(line)
    ng = sum(part.is_ng for part in parts)
    return AddedPartsAnswer(numbers=added.numbers, already_there=added.known, ok=len(parts) - ng, ng=ng)


@router.delete("/challenge-parts/{number}", status_code=204, responses=WRITE_RESPONSES)
def remove_challenge_part(
    services: Services, line: LineName, number: PartNumber, who: Engineer, reason: ReasonQuery = ""
) -> None:
    """Remove a part from the challenge set. Its row, and what models said about it, stay stored."""
    parts = services.changes.challenge.parts(line)
    if all(part.number != number for part in parts):
        raise NotFoundError(f"the challenge set of {line} has no part {number}")
    services.changes.challenge.remove(line, [number], who.name, reason)


def _labelled(services: Services, line: str, body: ChallengePartsBody) -> Iterator[ChallengePicture]:
    if not body.pictures and not body.result_ids:
        problem, remedy = "no pictures are named", "send pictures, or result_ids of stored parts"
        raise Problem.of_field(ProblemType.BAD_PARAMETER, "pictures", problem, remedy)
    brought = (
        ChallengePicture(
            each.name, each.data, each.label == "NG", each.group, each.note or each.name, camera=each.camera
        )
        for each in body.pictures
    )
    changes, pipeline = services.changes, services.lines.version(line).pipeline
    evidence, source = changes.challenge.evidence, ChallengeSource(None)
    return chain(brought, stored_pictures(changes.archive, evidence, pipeline, body.result_ids, source))


def _require_live(services: Services, line: str, if_match: str | None) -> int:
    """Return the live version that the change is made from. Raises Problem where If-Match names another one."""
    version = services.lines.version(line).version
    with stale_line(services, line, known_version(line, version, if_match)):
        require_match(if_match, live_tag(line, version))
    return version


def _require_base(change: GoldenChange, base: int) -> None:
    """Raise ConflictError for a change of another version: its numbers may name other samples by now."""
    if change.live.version != base:
        raise ConflictError(
            f"{change.line}: version {change.live.version} is live, not {base}; look at its golden samples and repeat"
        )


def _planned(change: GoldenChange, response: Response) -> GoldenChangeAnswer:
    response.status_code = HTTPStatus.OK
    return GoldenChangeAnswer.of(change, None)


def _stored(changes: LineServices, line: str, change: GoldenChange, response: Response) -> GoldenChangeAnswer:
    version = changes.golden.store_change(change)
    response.headers["ETag"] = live_tag(line, version)
    return GoldenChangeAnswer.of(change, version)


async def _picture(services: Services, sha256: str) -> Response:
    body = await services.catalogue.picture(sha256)
    if body is None:
        raise Problem(ProblemType.NOT_FOUND, f"The evidence store has no picture {sha256}")
    return picture_response(body)
