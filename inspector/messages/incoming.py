"""Payloads that cameras, gates and PLCs send."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from inspector.domain.declared import Disposition
from inspector.domain.frame import TRACEPARENT_PATTERN
from inspector.utc import in_utc

EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)  # of a device that starts without a battery
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)


def utc(at: datetime) -> datetime:
    """Convert to UTC; a time without a zone is taken for UTC.

    Raises ValueError for a time that no device means: an unset one such as 0001-01-01, or one near an end of the
    calendar, from which nothing can be subtracted and which no time zone can show.
    """
    aware = at.replace(tzinfo=UTC) if at.tzinfo is None else in_utc(at)
    if not EARLIEST <= aware < LATEST:
        raise ValueError("is not between 1970 and 2200; set the device's clock")
    return aware


TriggerId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:\-]{0,127}$")]
ResultId = Annotated[str, StringConstraints(min_length=1, max_length=48, pattern=r"^[!-~]*$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
DeclaredSha256 = Annotated[str, StringConstraints(pattern=r"^[0-9A-Fa-f]{64}$")]
Label = Annotated[str, StringConstraints(max_length=128, pattern=r"^[^\x00-\x1f\x7f]*$")]
Instant = Annotated[AwareDatetime, AfterValidator(utc)]


class Incoming(BaseModel):
    """Base of incoming payloads, as the contract asks for them. Unknown fields are ignored: devices may send more.

    The service reads more than it asks for: a detail that does not follow the contract is left out and reported.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)


class CameraStatus(Incoming):
    """A camera's status, retained. OFFLINE is its last will."""

    state: Literal["online", "offline"]
    at: datetime | None = None


class FrameRef(Incoming):
    """A claim check: the address of a picture that is too large for the broker.

    `url` is a file path or an fsspec URL below a root that the service allows.
    """

    url: str = Field(min_length=1, max_length=2048)
    sha256: DeclaredSha256 | None = None
    content_type: Label = ""
    trigger_id: TriggerId | None = None
    part_id: Label | None = None
    product: Label | None = None
    lot: Label | None = None
    seq: int | None = Field(default=None, ge=0, lt=10**15)
    captured_at: Instant | None = None
    deadline_ms: float | None = Field(default=None, gt=0, le=600_000)
    is_simulated: bool = False
    traceparent: str | None = Field(default=None, pattern=TRACEPARENT_PATTERN.pattern, max_length=55)
    template: Label | None = None


class GateAck(Incoming):
    """The gate's report of its action on a part. Without a time it counts from receipt.

    `result_id` is the verdict's, and wins. A trigger_id alone means the newest part that has it.
    """

    trigger_id: TriggerId | None = None
    result_id: ResultId | None = Field(default=None, validate_default=True)
    disposition: Disposition
    at: Instant | None = None

    @field_validator("result_id")
    @classmethod
    def _names_a_part(cls, result_id: str | None, info: ValidationInfo) -> str | None:
        if result_id is None and info.data.get("trigger_id", "") is None:
            raise ValueError("and trigger_id are both missing; send the verdict's result_id or trigger_id")
        return result_id


class PlcCount(Incoming):
    """The number of triggers of this camera from `since` up to `until`, by the clock that sets `captured_at`.

    Sent at the end of a shift or a lot, or every minute, and compared with the ledger.
    """

    triggers: int = Field(ge=0, lt=10**12)
    since: Instant
    until: Instant

    @field_validator("until")
    @classmethod
    def _comes_after(cls, until: datetime, info: ValidationInfo) -> datetime:
        since = info.data.get("since")
        if since is not None and until <= since:
            raise ValueError("is not later than since; send the end of the period")
        return until
