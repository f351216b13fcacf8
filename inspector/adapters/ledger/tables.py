"""The tables of the ledger: columns, keys and indexes. Knows no readers or writers.

A part is one row of `parts`, numbered in order of arrival. Its children carry that number as `part`. Times are UTC.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Named,
    Table,
    TypedColumns,
    TypeDecorator,
    UniqueConstraint,
    false,
    literal,
)

from inspector.domain.declared import Disposition
from inspector.domain.report import WordsState
from inspector.numerics.latency_histogram import BUCKETS
from inspector.utc import in_utc


class UtcTime(TypeDecorator[datetime]):
    """An aware datetime stored as UTC. SQLite stores no time zone; PostgreSQL answers in the session's."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is not None and value.tzinfo is None:
            raise ValueError(f"time {value} has no time zone; use aware datetimes")
        return value and in_utc(value)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={  # SQLite can only alter named constraints
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

ROW_NUMBER: Final = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows automatically only as INTEGER
BIG_INTEGER: Final = BigInteger()
DOUBLE: Final[Double[float]] = Double()
UTC_TIME: Final = UtcTime()
# Text of models and devices may contain NUL or half a surrogate pair, which databases refuse; JSON escapes both.
FREE_TEXT: Final[JSON[str]] = JSON()


def _number() -> Column[int]:
    return Column(ROW_NUMBER, primary_key=True, autoincrement=True)


def _part(**options: Any) -> Column[int]:
    return Column(ROW_NUMBER, ForeignKey("parts.number"), nullable=False, **options)


def _challenge_part(**options: Any) -> Column[int]:
    return Column(ROW_NUMBER, ForeignKey("challenge_parts.number"), nullable=False, **options)


class EvidenceColumns(TypedColumns):
    sha256: Named[str] = Column(primary_key=True)
    media_type: Named[str]
    size_bytes: Named[int] = Column(BIG_INTEGER)
    width_px: Named[int]
    height_px: Named[int]
    removal: Named[str | None]  # DUE: the picture may be removed, DONE: it was


class PartColumns(TypedColumns):
    number: Named[int] = _number()
    result_id: Named[str] = Column(unique=True)
    line: Named[str]
    camera: Named[str]
    trigger_id: Named[str]
    state: Named[str]
    verdict: Named[str]
    disposition: Named[str]
    reason: Named[str]
    detail: Named[str] = Column(FREE_TEXT)
    pipeline_line: Named[str]
    pipeline_version: Named[int]
    fingerprint: Named[str]
    received_at: Named[datetime] = Column(UTC_TIME)
    decided_at: Named[datetime] = Column(UTC_TIME)
    latency_ms: Named[float] = Column(DOUBLE)
    deadline_ms: Named[float] = Column(DOUBLE)
    late: Named[bool]
    part_id: Named[str | None]
    product: Named[str | None]
    lot: Named[str | None]
    seq: Named[int | None] = Column(BIG_INTEGER)
    run: Named[int | None] = Column(BIG_INTEGER)  # of the camera's counter
    captured_at: Named[datetime | None] = Column(UTC_TIME)
    is_simulated: Named[bool]
    p_ng: Named[float | None] = Column(DOUBLE)
    agreement: Named[float | None] = Column(DOUBLE)
    vote_count: Named[int]  # so that totals need not read the votes
    rungs: Named[int]
    stopped_by: Named[str]
    evidence: Named[str | None] = Column(ForeignKey("evidence.sha256"))
    acknowledged_at: Named[datetime | None] = Column(UTC_TIME)
    gate_disposition: Named[str | None]
    reviewed_at: Named[datetime | None] = Column(UTC_TIME)
    traceparent: Named[str | None]
    line_state: Named[str] = Column(server_default="LIVE")
    would_be_verdict: Named[str] = Column(server_default="")
    would_be_disposition: Named[str] = Column(server_default="")
    received_sha256: Named[str]  # of the bytes as received; empty where nothing was received
    unique_by: Named[str]  # the values of `trigger.unique_by`, as JSON
    template: Named[str | None]  # name of the golden sample that the frame is compared with
    template_sha256: Named[str] = Column(server_default="")
    identity: Named[str]  # PartIdentity.digest: bounded, as an index of the values themselves would not be


class VoteColumns(TypedColumns):
    part: Named[int] = _part(primary_key=True)
    position: Named[int] = Column(primary_key=True)
    view: Named[str]
    rung: Named[int]
    p_ng: Named[float | None] = Column(DOUBLE)
    tokens: Named[int]
    ms: Named[float] = Column(DOUBLE)
    text: Named[str] = Column(FREE_TEXT)
    p_true: Named[float | None] = Column(DOUBLE)
    readable: Named[float | None] = Column(DOUBLE)


class ShadowVoteColumns(VoteColumns):
    """Like votes, in a table of their own, so that nothing that sums votes counts them by mistake."""


class ReviewColumns(TypedColumns):
    """People's answers, in order. A row without a label withdraws the one that it supersedes."""

    number: Named[int] = _number()
    review_id: Named[str] = Column(unique=True)
    part: Named[int] = _part(index=True)
    label: Named[str | None]
    classes: Named[list[str]] = Column(JSON)
    boxes: Named[list[dict[str, Any]]] = Column(JSON)
    reviewer: Named[str]
    at: Named[datetime] = Column(UTC_TIME)
    seconds: Named[float | None] = Column(DOUBLE)
    mode: Named[str]
    blind: Named[bool]
    probability: Named[float | None] = Column(DOUBLE)
    note: Named[str] = Column(FREE_TEXT)
    supersedes: Named[str | None]


class TruthColumns(TypedColumns):
    """What counts as the truth of each reviewed part: kept in the transaction of every review.

    `announced` is the disposition in the newest message about a review, `announced_by` that review.
    """

    part: Named[int] = _part(primary_key=True)
    line: Named[str]
    state: Named[str]
    label: Named[str | None]  # none: disputed or withdrawn
    reviews: Named[int]  # that stand
    by: Named[str]  # the review that brought it about
    at: Named[datetime] = Column(UTC_TIME)
    announced: Named[str | None]
    announced_by: Named[str | None]


class ReviewLeaseColumns(TypedColumns):
    """Who has a part on screen, and until when nobody else gets it."""

    part: Named[int] = _part(primary_key=True)
    line: Named[str]
    reviewer: Named[str]
    purpose: Named[str]
    blind: Named[bool]
    until: Named[datetime] = Column(UTC_TIME)


class ReportColumns(TypedColumns):
    part: Named[int] = _part(primary_key=True)
    words_state: Named[str]
    findings: Named[list[dict[str, Any]]] = Column(JSON)
    raw: Named[str] = Column(FREE_TEXT)
    words_tokens: Named[int]
    words_ms: Named[float] = Column(DOUBLE)


class PartDefectColumns(TypedColumns):
    """The defect classes that the reports of parts name."""

    defect: Named[str] = Column(primary_key=True)
    part: Named[int] = _part(primary_key=True)


class HeatMapColumns(TypedColumns):
    """Heat maps of second opinions: `levels` are compressed. A map goes with its part's picture."""

    part: Named[int] = _part(primary_key=True)
    rows: Named[int]
    columns: Named[int]
    box: Named[list[float]] = Column(JSON)
    least: Named[float] = Column(DOUBLE)
    most: Named[float] = Column(DOUBLE)
    levels: Named[bytes] = Column(LargeBinary)


class OutboxColumns(TypedColumns):
    number: Named[int] = _number()
    message_id: Named[str] = Column(unique=True)
    part: Named[int] = _part(index=True)
    line: Named[str]
    topic: Named[str]
    payload: Named[bytes] = Column(LargeBinary)
    confirms: Named[bool]
    correlation: Named[bytes | None] = Column(LargeBinary)
    published_at: Named[datetime | None] = Column(UTC_TIME)
    ack_within_ms: Named[float | None] = Column(DOUBLE)
    ack_due_at: Named[datetime | None] = Column(UTC_TIME)  # until the gate acknowledges or its silence is reported
    review: Named[str | None]  # that the message is about: written by another process than the station's


class PipelineVersionColumns(TypedColumns):
    line: Named[str] = Column(primary_key=True)
    version: Named[int] = Column(primary_key=True, autoincrement=False)
    declaration: Named[dict[str, Any]] = Column(JSON)
    golden: Named[list[str]] = Column(JSON)
    author: Named[str]
    source: Named[str]
    created_at: Named[datetime] = Column(UTC_TIME)
    parent: Named[int | None]
    reason: Named[str] = Column(FREE_TEXT, server_default='""')
    origin: Named[str] = Column(server_default="file")


class DraftColumns(TypedColumns):
    """Versions that are not live. A line has at most one that has not ended."""

    draft_id: Named[str] = Column(primary_key=True)
    line: Named[str] = Column(index=True)
    base: Named[int]
    after: Named[int] = Column(ROW_NUMBER)  # the newest part when the draft was made
    declaration: Named[dict[str, Any]] = Column(JSON)
    golden: Named[list[str]] = Column(JSON)
    author: Named[str]
    reason: Named[str] = Column(FREE_TEXT)
    source: Named[str]
    at: Named[datetime] = Column(UTC_TIME)
    ended_at: Named[datetime | None] = Column(UTC_TIME)
    rescores: Named[bool] = Column(server_default=false())
    version: Named[int | None]  # that it became
    promotion_key: Named[str | None]  # of the request that made it live


class ShadowResultColumns(TypedColumns):
    """The dispositions of one part under the live version and under a draft; none where it would have asked more."""

    draft: Named[str] = Column(ForeignKey("drafts.draft_id"), primary_key=True)
    part: Named[int] = _part(primary_key=True)
    live: Named[str]
    drafted: Named[str | None]


class JobColumns(TypedColumns):
    """Long work that people started. `owner` is the service that runs it."""

    number: Named[int] = _number()
    kind: Named[str]
    line: Named[str]
    subject: Named[str]
    author: Named[str]
    owner: Named[str]
    state: Named[str]
    done: Named[int]
    total: Named[int]
    result: Named[dict[str, Any] | None] = Column(JSON(none_as_null=True))
    error: Named[str] = Column(FREE_TEXT)
    created_at: Named[datetime] = Column(UTC_TIME)
    started_at: Named[datetime | None] = Column(UTC_TIME)
    ended_at: Named[datetime | None] = Column(UTC_TIME)


class LineStateColumns(TypedColumns):
    """The states that people gave a line, in order; the newest counts."""

    number: Named[int] = _number()
    line: Named[str] = Column(index=True)
    state: Named[str]
    reason: Named[str] = Column(FREE_TEXT)
    author: Named[str]
    at: Named[datetime] = Column(UTC_TIME)


class CameraStateColumns(TypedColumns):
    """Pauses of single cameras and their ends, in order; the newest counts."""

    number: Named[int] = _number()
    line: Named[str] = Column(index=True)
    camera: Named[str]
    is_paused: Named[bool]
    reason: Named[str] = Column(FREE_TEXT)
    author: Named[str]
    at: Named[datetime] = Column(UTC_TIME)


class PassRightColumns(TypedColumns):
    """Fingerprints and policies that a line may pass parts under: by a qualification, or by an override until a time.

    A right ends at `until`, or when it is revoked.
    """

    number: Named[int] = _number()
    line: Named[str] = Column(index=True)
    fingerprint: Named[str]
    policy: Named[str]
    cameras: Named[list[str]] = Column(JSON, server_default="[]")  # covered by this right
    scoring: Named[str] = Column(server_default="")  # what the fingerprint covers besides the model
    origin: Named[str]
    until: Named[datetime | None] = Column(UTC_TIME)
    reason: Named[str] = Column(FREE_TEXT)
    author: Named[str]
    at: Named[datetime] = Column(UTC_TIME)
    revoked_at: Named[datetime | None] = Column(UTC_TIME)


class ChallengePartColumns(TypedColumns):
    """Labelled pictures kept with a line. A removed one stays as a row; each picture is in a set at most once."""

    number: Named[int] = _number()
    line: Named[str] = Column(index=True)
    sha256: Named[str]
    camera: Named[str] = Column(server_default="")  # empty: of no named camera
    is_ng: Named[bool]
    group: Named[str] = Column(FREE_TEXT)
    note: Named[str] = Column(FREE_TEXT)
    author: Named[str]
    reason: Named[str] = Column(FREE_TEXT)
    at: Named[datetime] = Column(UTC_TIME)
    removed_at: Named[datetime | None] = Column(UTC_TIME)
    removed_by: Named[str | None]
    removal_reason: Named[str | None] = Column(JSON(none_as_null=True))


class RememberedPictureColumns(TypedColumns):
    """The pictures of the reviewed parts in a memory, which stay as long as a version names it."""

    memory: Named[str] = Column(primary_key=True)
    sha256: Named[str] = Column(primary_key=True)


class ChallengeJudgementColumns(TypedColumns):
    """What a model said about a challenge part, apart from the votes."""

    part: Named[int] = _challenge_part(primary_key=True)
    fingerprint: Named[str] = Column(primary_key=True)
    policy: Named[str]
    stopped_by: Named[str]
    opinion: Named[float | None] = Column(DOUBLE)
    is_bad_image: Named[bool]
    max_unlike: Named[float | None] = Column(DOUBLE)
    latency_ms: Named[float] = Column(DOUBLE)
    width_px: Named[int]
    height_px: Named[int]
    sharpness: Named[float] = Column(DOUBLE)
    luminance: Named[float] = Column(DOUBLE)
    at: Named[datetime] = Column(UTC_TIME)


class ChallengeVoteColumns(TypedColumns):
    part: Named[int] = _challenge_part(primary_key=True)
    fingerprint: Named[str] = Column(primary_key=True)
    position: Named[int] = Column(primary_key=True)
    view: Named[str]
    rung: Named[int]
    p_ng: Named[float | None] = Column(DOUBLE)
    tokens: Named[int]
    ms: Named[float] = Column(DOUBLE)
    text: Named[str] = Column(FREE_TEXT)
    p_true: Named[float | None] = Column(DOUBLE)
    readable: Named[float | None] = Column(DOUBLE)


class QualificationColumns(TypedColumns):
    """Replays of a challenge set, passed or refused. `basis` says where the votes came from."""

    number: Named[int] = _number()
    line: Named[str] = Column(index=True)
    version: Named[int]
    fingerprint: Named[str]
    policy: Named[str]
    basis: Named[str]
    passed: Named[bool]
    figures: Named[dict[str, Any]] = Column(JSON)
    missing: Named[list[str]] = Column(JSON)
    cameras: Named[list[str]] = Column(JSON, server_default="[]")
    region: Named[list[float] | None] = Column(JSON(none_as_null=True))
    author: Named[str]
    reason: Named[str] = Column(FREE_TEXT)
    at: Named[datetime] = Column(UTC_TIME)


class CameraColumns(TypedColumns):
    line: Named[str] = Column(primary_key=True)
    camera: Named[str] = Column(primary_key=True)
    known: Named[bool]
    status: Named[str | None]
    first_seen: Named[datetime] = Column(UTC_TIME)
    last_seen: Named[datetime] = Column(UTC_TIME)
    frames: Named[int] = Column(BIG_INTEGER)
    lost: Named[int] = Column(BIG_INTEGER)
    last_seq: Named[int | None] = Column(BIG_INTEGER)
    run: Named[int | None] = Column(BIG_INTEGER)  # that last_seq belongs to
    resent: Named[int] = Column(BIG_INTEGER, server_default="0")
    retained: Named[int] = Column(BIG_INTEGER, server_default="0")


class UnknownCameraColumns(TypedColumns):
    """The last pictures of undeclared cameras; `slot` names the file that the next one is written over.

    Until `pinned_until` it is not.
    """

    line: Named[str] = Column(primary_key=True)
    camera: Named[str] = Column(primary_key=True)
    slot: Named[int] = Column(primary_key=True, autoincrement=False)
    sha256: Named[str]
    size_bytes: Named[int] = Column(BIG_INTEGER)
    received_at: Named[datetime] = Column(UTC_TIME)
    pinned_until: Named[datetime | None] = Column(UTC_TIME)


class LossColumns(TypedColumns):
    number: Named[int] = _number()
    line: Named[str]
    camera: Named[str]
    at: Named[datetime] = Column(UTC_TIME, index=True)
    frames: Named[int] = Column(BIG_INTEGER)
    first_seq: Named[int | None] = Column(BIG_INTEGER)
    last_seq: Named[int | None] = Column(BIG_INTEGER)
    run: Named[int | None] = Column(BIG_INTEGER)


class CountColumns(TypedColumns):
    number: Named[int] = _number()
    line: Named[str]
    camera: Named[str]
    triggers: Named[int] = Column(BIG_INTEGER)
    since: Named[datetime] = Column(UTC_TIME)
    until: Named[datetime] = Column(UTC_TIME)
    at: Named[datetime] = Column(UTC_TIME)
    decided: Named[int | None] = Column(BIG_INTEGER)  # what the ledger held when it was compared
    lost: Named[int | None] = Column(BIG_INTEGER)


class SweepColumns(TypedColumns):
    """How far retention has examined a line's passed parts, when it keeps `share` of their pictures."""

    line: Named[str] = Column(primary_key=True)
    share: Named[float] = Column(DOUBLE)
    number: Named[int] = Column(ROW_NUMBER)


class PartSumColumns(TypedColumns):
    """Sums over the parts decided in one span of time, by outcome. Kept by the transaction that records the parts.

    `is_judged`: at least one vote was asked. `late`, `votes` and the buckets of latencies are sums over the parts.
    """

    start: Named[datetime] = Column(UTC_TIME, primary_key=True)
    line: Named[str] = Column(primary_key=True)
    camera: Named[str] = Column(primary_key=True)
    disposition: Named[str] = Column(primary_key=True)
    reason: Named[str] = Column(primary_key=True)
    would_be_disposition: Named[str] = Column(primary_key=True)
    is_judged: Named[bool] = Column(primary_key=True)
    is_simulated: Named[bool] = Column(primary_key=True)
    parts: Named[int] = Column(BIG_INTEGER)
    late: Named[int] = Column(BIG_INTEGER)
    votes: Named[int] = Column(BIG_INTEGER)


class CameraMinuteColumns(TypedColumns):
    """What each camera sent by the minute. `measured` pictures have sums of focus and exposure."""

    line: Named[str] = Column(primary_key=True)
    camera: Named[str] = Column(primary_key=True)
    minute: Named[datetime] = Column(UTC_TIME, primary_key=True, index=True)
    frames: Named[int] = Column(BIG_INTEGER)
    lost: Named[int] = Column(BIG_INTEGER)
    frozen: Named[int] = Column(BIG_INTEGER)
    measured: Named[int] = Column(BIG_INTEGER)
    sharpness: Named[float] = Column(DOUBLE)
    luminance: Named[float] = Column(DOUBLE)
    width_px: Named[int | None]
    height_px: Named[int | None]
    picture_format: Named[str | None]
    skew_ms: Named[float | None] = Column(DOUBLE)
    mqtt_version: Named[str | None]


class DefectSumColumns(TypedColumns):
    """Parts decided in one span of time whose report names this defect class."""

    start: Named[datetime] = Column(UTC_TIME, primary_key=True)
    line: Named[str] = Column(primary_key=True)
    camera: Named[str] = Column(primary_key=True)
    defect: Named[str] = Column(primary_key=True)
    is_simulated: Named[bool] = Column(primary_key=True)
    parts: Named[int] = Column(BIG_INTEGER)


class UserColumns(TypedColumns):
    """People with a password. `roles` are by line. A user who left is disabled: the name stays in what they did."""

    number: Named[int] = _number()
    name: Named[str] = Column(unique=True)
    password: Named[str]  # a salted hash
    roles: Named[dict[str, str]] = Column(JSON)
    author: Named[str]
    created_at: Named[datetime] = Column(UTC_TIME)
    disabled_at: Named[datetime | None] = Column(UTC_TIME)


class SessionColumns(TypedColumns):
    """Logins of users. `secret` is the sha256 of what the browser holds."""

    session_id: Named[str] = Column(primary_key=True)
    secret: Named[str] = Column(unique=True)
    user: Named[int] = Column(ROW_NUMBER, ForeignKey("users.number"), index=True)
    address: Named[str]
    program: Named[str] = Column(FREE_TEXT)  # as the browser names itself
    created_at: Named[datetime] = Column(UTC_TIME)
    seen_at: Named[datetime] = Column(UTC_TIME)
    ends_at: Named[datetime] = Column(UTC_TIME)


class TokenColumns(TypedColumns):
    """What programs log in with. `secret` is the sha256 of it; `owner` is the user whose roles bound it, if any."""

    token_id: Named[str] = Column(primary_key=True)
    name: Named[str]
    secret: Named[str] = Column(unique=True)
    roles: Named[dict[str, str]] = Column(JSON)
    owner: Named[int | None] = Column(ROW_NUMBER, ForeignKey("users.number"), index=True)
    author: Named[str]
    created_at: Named[datetime] = Column(UTC_TIME)
    expires_at: Named[datetime] = Column(UTC_TIME)
    revoked_at: Named[datetime | None] = Column(UTC_TIME)


class AuditColumns(TypedColumns):
    """What people did. Rows are added with the change that they describe, and never changed: triggers refuse it."""

    number: Named[int] = _number()
    actor: Named[str]
    action: Named[str]
    subject: Named[str]
    line: Named[str | None]
    detail: Named[dict[str, Any]] = Column(JSON)
    at: Named[datetime] = Column(UTC_TIME)


class AuditSealColumns(TypedColumns):
    """A hash chain over the audit, in the order of sealing: each seal covers one entry and the seal before."""

    position: Named[int] = Column(ROW_NUMBER, primary_key=True, autoincrement=False)
    entry: Named[int] = Column(ROW_NUMBER, ForeignKey("audit.number"), unique=True)
    seal: Named[str]


class EventColumns(TypedColumns):
    number: Named[int] = _number()
    event_id: Named[str] = Column(unique=True)
    line: Named[str]
    camera: Named[str | None]
    kind: Named[str]
    severity: Named[str]
    text: Named[str] = Column(FREE_TEXT)
    at: Named[datetime] = Column(UTC_TIME)
    count: Named[int] = Column(BIG_INTEGER)
    acknowledged_by: Named[str | None]
    acknowledged_at: Named[datetime | None] = Column(UTC_TIME)


evidence = Table("evidence", metadata, EvidenceColumns, sqlite_with_rowid=False)
parts = Table(
    "parts",
    metadata,
    PartColumns,
    UniqueConstraint("line", "camera", "trigger_id", "identity"),
    sqlite_autoincrement=True,  # a number is never reused, even after the newest part was deleted
)
votes = Table("votes", metadata, VoteColumns, sqlite_with_rowid=False)
shadow_votes = Table("shadow_votes", metadata, ShadowVoteColumns, sqlite_with_rowid=False)
reviews = Table("reviews", metadata, ReviewColumns)
truths = Table("truths", metadata, TruthColumns)
review_leases = Table("review_leases", metadata, ReviewLeaseColumns)
reports = Table("reports", metadata, ReportColumns)
part_defects = Table("part_defects", metadata, PartDefectColumns, sqlite_with_rowid=False)
heat_maps = Table("heat_maps", metadata, HeatMapColumns)
outbox = Table("outbox", metadata, OutboxColumns, sqlite_autoincrement=True)
pipeline_versions = Table("pipeline_versions", metadata, PipelineVersionColumns)
drafts = Table("drafts", metadata, DraftColumns)
shadow_results = Table("shadow_results", metadata, ShadowResultColumns)
jobs = Table("jobs", metadata, JobColumns, sqlite_autoincrement=True)
line_states = Table("line_states", metadata, LineStateColumns)
camera_states = Table("camera_states", metadata, CameraStateColumns)
pass_rights = Table("pass_rights", metadata, PassRightColumns)
challenge_parts = Table("challenge_parts", metadata, ChallengePartColumns)
remembered_pictures = Table("remembered_pictures", metadata, RememberedPictureColumns, sqlite_with_rowid=False)
challenge_judgements = Table("challenge_judgements", metadata, ChallengeJudgementColumns)
challenge_votes = Table("challenge_votes", metadata, ChallengeVoteColumns, sqlite_with_rowid=False)
qualifications = Table("qualifications", metadata, QualificationColumns)
cameras = Table("cameras", metadata, CameraColumns)
unknown_cameras = Table("unknown_cameras", metadata, UnknownCameraColumns)
losses = Table("losses", metadata, LossColumns)
counts = Table("counts", metadata, CountColumns, UniqueConstraint("line", "camera", "since", "until"))
sweeps = Table("sweeps", metadata, SweepColumns)
events = Table("events", metadata, EventColumns)
users = Table("users", metadata, UserColumns)
sessions = Table("sessions", metadata, SessionColumns)
tokens = Table("tokens", metadata, TokenColumns)
audit = Table("audit", metadata, AuditColumns, sqlite_autoincrement=True)
audit_seals = Table("audit_seals", metadata, AuditSealColumns)


def _latency_buckets() -> list[Column[int]]:
    """Return a column for each bucket of latencies."""
    return [Column(name, BIG_INTEGER, nullable=False, server_default="0") for name in BUCKET_COLUMNS]


BUCKET_COLUMNS: Final = tuple(f"bucket_{number}" for number in range(BUCKETS))
part_minutes = Table("part_minutes", metadata, PartSumColumns, *_latency_buckets(), sqlite_with_rowid=False)
part_quarters = Table("part_quarters", metadata, PartSumColumns, *_latency_buckets(), sqlite_with_rowid=False)
camera_minutes = Table("camera_minutes", metadata, CameraMinuteColumns, sqlite_with_rowid=False)
defect_quarters = Table("defect_quarters", metadata, DefectSumColumns, sqlite_with_rowid=False)

is_waiting: Final = outbox.c.published_at.is_(None)
is_pending: Final = reports.c.words_state == literal(WordsState.PENDING.value, literal_execute=True)
is_unacknowledged: Final = outbox.c.ack_due_at.is_not(None)
is_due: Final = evidence.c.removal == literal("DUE", literal_execute=True)
is_uncompared: Final = counts.c.decided.is_(None)
is_open_job: Final = jobs.c.ended_at.is_(None)
is_open_draft: Final = drafts.c.ended_at.is_(None)
is_in_challenge_set: Final = challenge_parts.c.removed_at.is_(None)
is_numbered: Final = parts.c.run.is_not(None)
is_reviewed: Final = parts.c.reviewed_at.is_not(None)
is_pictured: Final = parts.c.evidence.is_not(None)
is_review_message: Final = is_waiting & outbox.c.review.is_not(None)
is_judged: Final = parts.c.vote_count > literal(0, literal_execute=True)
is_named: Final = parts.c.part_id.is_not(None)
is_of_lot: Final = parts.c.lot.is_not(None)
is_scored: Final = parts.c.p_ng.is_not(None)
is_unnoted: Final = events.c.acknowledged_at.is_(None)
is_unreviewed: Final = parts.c.reviewed_at.is_(None)
is_left_open: Final = parts.c.would_be_disposition == literal(Disposition.REVIEW.value, literal_execute=True)
is_open: Final = is_unreviewed & is_judged & is_left_open
is_auditable: Final = is_unreviewed & is_judged & is_pictured
is_never_judged: Final = is_unreviewed & (parts.c.vote_count == literal(0, literal_execute=True))


def compared(column: ColumnElement[Any], *ends: tuple[Callable[[Any, Any], Any], object]) -> list[ColumnElement[bool]]:
    """Return the conditions that compare a column with values; none for a value of None."""
    return [compare(column, value) for compare, value in ends if value is not None]


def _partial_index(name: str, where: ColumnElement[bool], *columns: ColumnElement[Any], unique: bool = False) -> None:
    """Add an index of the rows that are queried: it stays small, and costs other rows nothing."""
    Index(name, *columns, sqlite_where=where, postgresql_where=where, unique=unique)


_partial_index("ix_outbox_waiting", is_waiting, outbox.c.number, outbox.c.line)
_partial_index("ix_outbox_ack_due", is_unacknowledged, outbox.c.ack_due_at)
_partial_index("ix_reports_pending", is_pending, reports.c.part)
_partial_index("ix_evidence_due", is_due, evidence.c.sha256)
_partial_index("ix_counts_waiting", is_uncompared, counts.c.number)
_partial_index("ix_parts_runs", is_numbered, parts.c.line, parts.c.camera, parts.c.run, parts.c.seq)
_partial_index("ix_parts_reviewed", is_reviewed, parts.c.decided_at)
_partial_index("ix_parts_evidence", is_pictured, parts.c.evidence)
_partial_index("ix_outbox_reviews", is_review_message, outbox.c.number, outbox.c.line)
# The queue of reviews (review_queue.py): its parts are found from an end of a range, however many parts there are.
_partial_index("ix_parts_open", is_open, parts.c.line, parts.c.number)
_partial_index("ix_parts_never_judged", is_never_judged, parts.c.line, parts.c.number)
_partial_index("ix_parts_unreviewed", is_auditable, parts.c.line, parts.c.fingerprint, parts.c.p_ng)
_partial_index("ix_parts_draw", is_auditable, parts.c.line, parts.c.would_be_disposition, parts.c.result_id)
Index(None, truths.c.line, truths.c.state, truths.c.label, truths.c.part)
Index(None, review_leases.c.line, review_leases.c.reviewer)
_partial_index(
    "ix_challenge_parts_set", is_in_challenge_set, challenge_parts.c.line, challenge_parts.c.sha256, unique=True
)
Index(None, losses.c.line, losses.c.camera)
Index(None, jobs.c.kind, jobs.c.subject)

# Lists read the newest parts of each outcome from the end of its range in an index (archive.py).
Index(None, parts.c.reason, parts.c.disposition, parts.c.number)
Index(None, parts.c.line, parts.c.reason, parts.c.disposition, parts.c.number)
Index(None, parts.c.camera, parts.c.reason, parts.c.disposition, parts.c.number)
Index(None, parts.c.line, parts.c.camera, parts.c.reason, parts.c.disposition, parts.c.number)

# Other settings are replayed on the newest parts of one fingerprint, and all of them are counted by disposition.
Index(None, parts.c.line, parts.c.fingerprint, parts.c.number, parts.c.would_be_disposition)

# Statistics are rebuilt, and compared with the parts, by time. Searches turn a span of time into a range of numbers.
Index(None, parts.c.decided_at, parts.c.number)

# Searches start at what few parts have (part_search.py), lists by p(NG) at an end of a disposition's (part_ranking.py).
Index(None, parts.c.trigger_id, parts.c.number)
_partial_index("ix_parts_part_id", is_named, parts.c.part_id, parts.c.number)
_partial_index("ix_parts_lot", is_of_lot, parts.c.lot, parts.c.disposition, parts.c.number)
_partial_index("ix_parts_p_ng", is_scored, parts.c.disposition, parts.c.p_ng, parts.c.number, parts.c.line)

# People read the events of a line, and those that nobody took note of.
Index(None, events.c.line, events.c.number)
_partial_index("ix_events_open", is_unnoted, events.c.number)

# The audit is read from its end: all of it, or what concerns one line, person, action or thing.
for _column in (audit.c.line, audit.c.actor, audit.c.action, audit.c.subject):
    Index(None, _column, audit.c.number)
