"""Drafts of a line: saved from the live version, priced, compared in its shadow, and made live."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Response
from pydantic import Field

from inspector.adapters.console.api.etags import MAX_HEADER_CHARACTERS, IfMatch, etag, require_match
from inspector.adapters.console.api.jobs import JobAnswer, accept
from inspector.adapters.console.api.line_conflicts import difference_since, refused_escapes, stale_line
from inspector.adapters.console.api.models import MAX_VERSION, PREFIX, ApiModel, ApiRequest, LineName
from inspector.adapters.console.api.person import Engineer
from inspector.adapters.console.api.problems import WRITE_RESPONSES, Problem, ProblemType, VersionDifference
from inspector.adapters.console.services import ConsoleServices, Services
from inspector.config.diff import compare
from inspector.domain.declared import Disposition
from inspector.domain.pipeline import Pipeline
from inspector.lines.jobs import JobProgress
from inspector.lines.promotion import PromotionRequest
from inspector.lines.states import MAX_REASON_CHARACTERS
from inspector.lines.versions import ReadableVersion, readable
from inspector.ports.drafts import Draft, OpenDraft
from inspector.ports.jobs import JobKind

router = APIRouter(prefix="/lines/{line}/drafts", tags=["drafts"])

DraftId = Annotated[str, Path(max_length=64, pattern=r"^[0-9a-f]+$")]
Reason = Annotated[str, Field(max_length=MAX_REASON_CHARACTERS)]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=MAX_HEADER_CHARACTERS,
        description="names the request: repeated under the same key, it answers the same and changes nothing",
    ),
]


class DraftBody(ApiRequest):
    """A declaration made from version `base`. Its golden samples are those of that version, by their names."""

    base: int = Field(ge=1, le=MAX_VERSION)
    reason: Reason = ""
    declaration: dict[str, Any] = Field(description="the whole declaration, as a version's `declaration`")


class PromotionBody(ApiRequest):
    """Why the draft becomes live. `accepted_escapes`: how many parts that people called NG may then pass."""

    reason: Reason = ""
    accepted_escapes: int | None = Field(default=None, ge=0)


class DraftAnswer(ApiModel):
    """A draft. It has `ended_at` once it ended, and `version` where it became live.

    A draft that `rescores` changes scores: it can't be priced or compared, and its line is UNQUALIFIED once it is live.
    """

    draft_id: str
    line: str
    base: int
    author: str
    reason: str
    at: datetime
    rescores: bool
    ended_at: datetime | None
    version: int | None
    declaration: Pipeline
    golden: tuple[str, ...]

    @classmethod
    def of(cls, draft: Draft) -> DraftAnswer:
        names = cls.model_fields.keys() - {"declaration"}
        return cls(declaration=draft.pipeline, **{name: getattr(draft, name) for name in names})


class DraftList(ApiModel):
    """The newest drafts of a line, the newest first. At most one is open."""

    drafts: tuple[DraftAnswer, ...]


class PriceAnswer(ApiModel):
    """The newest pricing of a draft. `price` is null until its job is DONE."""

    job: JobAnswer
    price: dict[str, Any] | None


class ShadowCount(ApiModel):
    """Parts with this disposition under both versions; `draft` is null where it would have asked more."""

    live: Disposition
    draft: Disposition | None
    parts: int


class ShadowAnswer(ApiModel):
    """How a draft would have decided on parts that the live version judged since."""

    draft_id: str
    base: int
    parts: int
    differ: int
    unknown: int
    dispositions: tuple[ShadowCount, ...]


class PromotionAnswer(ApiModel):
    """The version that the draft became. `right` says what becomes of the right to pass, where anything does."""

    line: str
    version: int
    keeps_right: bool | None
    right: str


@router.get("")
def list_drafts(services: Services, line: LineName, response: Response) -> DraftList:
    """List the newest drafts of a line. The ETag is for the next one."""
    drafts = services.changes.drafts.newest(line)
    response.headers["ETag"] = _list_tag(services, line, drafts)
    return DraftList(drafts=tuple(DraftAnswer.of(each) for each in drafts))


@router.post("", status_code=201, responses=WRITE_RESPONSES)
def add_draft(
    services: Services, line: LineName, body: DraftBody, who: Engineer, response: Response, if_match: IfMatch = None
) -> DraftAnswer:
    """Save a draft. It decides in the shadow of the live version, and an earlier draft of the line ends.

    If-Match is the ETag of the list of drafts. A draft made from another version than the live one is refused with what
    changed since.
    """
    changes = services.changes
    known = changes.drafts.newest(line)
    live = changes.versions.history(line)[-1]
    with stale_line(services, line, body.base):
        require_match(if_match, _list_tag(services, line, known))
        if body.base != live.version:
            raise _other_base(services, line, body.base, live.version)
        content = changes.reader.changed(body.declaration, readable(live))
        draft = changes.drafts.save(content, who.name, body.reason, OpenDraft(_open_id(known)))
    response.headers["Location"] = f"{PREFIX}/lines/{line}/drafts/{draft.draft_id}"
    response.headers["ETag"] = draft_tag(draft)
    return DraftAnswer.of(draft)


@router.get("/{draft}")
def read_draft(services: Services, line: LineName, draft: DraftId, response: Response) -> DraftAnswer:
    """Return one draft, open or ended."""
    found = services.changes.drafts.draft(line, draft)
    response.headers["ETag"] = draft_tag(found)
    return DraftAnswer.of(found)


@router.get("/{draft}/diff")
def read_draft_difference(services: Services, line: LineName, draft: DraftId) -> VersionDifference:
    """Say how the draft differs from its base, setting by setting. `other` is 0: a draft has no number."""
    found = services.changes.drafts.draft(line, draft)
    base = readable(services.changes.versions.version(line, found.base))
    return VersionDifference.of(found.base, 0, compare(base, ReadableVersion(found.pipeline, found.golden)))


@router.delete("/{draft}", responses=WRITE_RESPONSES)
def end_draft(
    services: Services, line: LineName, draft: DraftId, who: Engineer, if_match: IfMatch = None
) -> DraftAnswer:
    """End a draft without making it live. It stays readable."""
    drafts = services.changes.drafts
    found = drafts.draft(line, draft)
    require_match(if_match, draft_tag(found))
    if found.ended_at is None:
        drafts.end(line, who.name, draft)
    return DraftAnswer.of(drafts.draft(line, draft))


@router.post("/{draft}/price", status_code=202, responses=WRITE_RESPONSES)
def start_price(services: Services, line: LineName, draft: DraftId, who: Engineer, response: Response) -> JobAnswer:
    """Price a draft: replay every stored, reviewed part under it. Follow the job at Location."""
    found = services.changes.drafts.draft(line, draft)
    content = ReadableVersion(found.pipeline, found.golden)

    def work(progress: JobProgress) -> Mapping[str, Any]:
        return services.changes.pricing.price(line, content, progress.report).as_json()

    return accept(response, services.changes.jobs.start(JobKind.PRICE, line, draft, who.name, work))


@router.get("/{draft}/price")
def read_price(services: Services, line: LineName, draft: DraftId) -> PriceAnswer:
    """Return the newest price of a draft: the parts that would move, and the NG parts that would newly pass."""
    services.changes.drafts.draft(line, draft)
    job = services.changes.jobs.newest(JobKind.PRICE, draft)
    if job is None:
        raise Problem(ProblemType.NOT_FOUND, f"draft {draft} has no price yet; POST to this address to start one")
    return PriceAnswer(job=JobAnswer.of(job), price=None if job.result is None else dict(job.result))


@router.get("/{draft}/shadow")
def read_shadow(services: Services, line: LineName, draft: DraftId) -> ShadowAnswer:
    """Compare the draft with the live version on the parts judged since it was saved."""
    comparison = services.changes.drafts.comparison(line, draft)
    counts = sorted(comparison.parts.items(), key=lambda pair: (pair[0][0], pair[0][1] or ""))
    return ShadowAnswer(
        draft_id=draft,
        base=comparison.draft.base,
        parts=comparison.total,
        differ=comparison.differ,
        unknown=comparison.unknown,
        dispositions=tuple(ShadowCount(live=live, draft=drafted, parts=parts) for (live, drafted), parts in counts),
    )


@router.post("/{draft}/promotion", responses=WRITE_RESPONSES)
def promote(
    services: Services,
    line: LineName,
    draft: DraftId,
    body: PromotionBody,
    who: Engineer,
    response: Response,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> PromotionAnswer:
    """Make a draft live as a new version. Running stations load it within 2 s.

    If-Match is the ETag of the draft. Parts that people called NG and that would newly pass block it, unless
    `accepted_escapes` is their number and `reason` says why. A line changed meanwhile is refused with what changed.
    """
    found = services.changes.drafts.draft(line, draft)
    with stale_line(services, line, found.base):
        if found.ended_at is None:
            require_match(if_match, draft_tag(found))
        with refused_escapes():
            request = PromotionRequest(who.name, body.reason, body.accepted_escapes, idempotency_key or "")
            result = services.changes.promotions.promote(line, draft, request)
    response.headers["ETag"] = etag(line, result.version)
    right = result.effect.right if result.effect else None
    return PromotionAnswer(
        line=line, version=result.version, keeps_right=right and right.keeps, right=right.text if right else ""
    )


def draft_tag(draft: Draft) -> str:
    """Return the entity tag of a draft: of its content, which never changes, and of its end."""
    return etag(draft.line, draft.draft_id, "open" if draft.ended_at is None else "ended")


def _list_tag(services: ConsoleServices, line: str, drafts: list[Draft]) -> str:
    """Return the tag that a new draft needs: it changes with the live version and with the open draft."""
    return etag(line, services.changes.versions.history(line)[-1].version, _open_id(drafts) or "none")


def _open_id(drafts: list[Draft]) -> str | None:
    return next((each.draft_id for each in drafts if each.ended_at is None), None)


def _other_base(services: ConsoleServices, line: str, base: int, live: int) -> Problem:
    detail = f"base: the draft is based on version {base}, but version {live} is live; carry your change over to it"
    return Problem(ProblemType.CONFLICT, detail, difference=difference_since(services, line, base))
