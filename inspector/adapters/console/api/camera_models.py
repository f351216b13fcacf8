"""Response models of cameras."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from inspector.adapters.console.api.models import ApiModel
from inspector.domain.cameras import Region
from inspector.domain.decision import Reason, Verdict
from inspector.domain.declared import Disposition
from inspector.lines.camera_shots import ShotResult
from inspector.lines.cameras import CameraEntry
from inspector.ports.camera_minutes import CameraMinute
from inspector.ports.unknown_cameras import StoredUnknownPicture


class KeptPicture(ApiModel):
    """A kept picture of a camera that no line declares."""

    sha256: str
    size_bytes: int
    received_at: datetime
    pinned_until: datetime | None = Field(description="until then no newer picture takes its place")

    @classmethod
    def of(cls, stored: StoredUnknownPicture) -> KeptPicture:
        return cls.model_validate({name: getattr(stored, name) for name in cls.model_fields})


class CameraDetails(ApiModel):
    """A camera. Figures are null or 0 before it sent anything."""

    line: str = Field(description="* stands for all further lines that no pipeline declares")
    camera: str = Field(description="* stands for all further cameras that the line does not declare")
    known: bool = Field(description="false when no pipeline uses this camera")
    paused: bool = Field(description="whether this camera alone is paused")
    region: Region | None = Field(description="the part of its pictures that is inspected; null: all of it")
    status: str | None = Field(description="online, offline, or null when the camera never published a status")
    first_seen: datetime | None
    last_seen: datetime | None
    frames: int = Field(ge=0)
    lost: int = Field(ge=0, description="sequence numbers that never arrived")
    resent: int = Field(ge=0, description="frames that came before")
    retained: int = Field(ge=0, description="stored copies of messages, which are no parts")
    last_seq: int | None
    pictures: tuple[KeptPicture, ...] = Field(description="kept pictures of an undeclared camera, newest first")

    @classmethod
    def of(cls, camera: CameraEntry) -> CameraDetails:
        row = camera.row
        return cls(
            line=camera.line,
            camera=camera.camera,
            known=camera.is_declared,
            paused=camera.is_paused,
            region=camera.region,
            status=row.status if row else None,
            first_seen=row.first_seen if row else None,
            last_seen=row.last_seen if row else None,
            frames=row.frames if row else 0,
            lost=row.lost if row else 0,
            resent=row.resent if row else 0,
            retained=row.retained if row else 0,
            last_seq=row.last_seq if row else None,
            pictures=tuple(KeptPicture.of(each) for each in camera.pictures),
        )


class CameraPage(ApiModel):
    """Cameras by line and name. `next_after` is the `after` of the next page; null on the last page."""

    cameras: tuple[CameraDetails, ...]
    next_after: str | None


class CameraMinuteAnswer(ApiModel):
    """What the camera sent in one minute."""

    minute: datetime
    frames: int
    frames_per_s: float
    lost: int
    frozen: int = Field(description="pictures that equal the one before")
    sharpness: float | None = Field(description="focus: variance of the Laplacian, in grey levels²")
    luminance: float | None = Field(description="exposure: mean grey, 0 black to 1 white")
    width_px: int | None
    height_px: int | None
    picture_format: str | None
    skew_ms: float | None = Field(description="least time from capture to receipt; below 0 the camera's clock is ahead")
    mqtt_version: str | None = Field(description="3.1.1 where messages carry no properties")

    @classmethod
    def of(cls, minute: CameraMinute) -> CameraMinuteAnswer:
        shown = minute._asdict() | {"sharpness": minute.mean_sharpness, "luminance": minute.mean_luminance}
        names = cls.model_fields.keys() - {"frames_per_s"}
        return cls(frames_per_s=minute.frames_per_s, **{name: shown[name] for name in names})


class CameraHealthAnswer(ApiModel):
    since: datetime
    until: datetime
    minutes: tuple[CameraMinuteAnswer, ...]


class ShotVote(ApiModel):
    view: str
    rung: int
    p_ng: float | None


class ShotAnswer(ApiModel):
    """What a LIVE line would say about the picture."""

    verdict: Verdict
    disposition: Disposition
    reason: Reason
    detail: str
    p_ng: float | None
    agreement: float | None
    rungs: int
    votes: tuple[ShotVote, ...]
    width_px: int | None
    height_px: int | None
    sharpness: float | None
    luminance: float | None
    fingerprint: str
    latency_ms: float
    over_deadline: bool = Field(description="judging took longer than the line's deadline")

    @classmethod
    def of(cls, shot: ShotResult) -> ShotAnswer:
        return cls.model_validate(shot.as_json())
