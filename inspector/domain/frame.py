"""A frame: one exposure of one part, as a camera sent it. Pure values, independent of MQTT and pixels."""

from __future__ import annotations

import hashlib
import math
import re
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from inspector.errors import FrameError

NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}")
# a W3C trace context: version, trace id, parent id, flags
TRACEPARENT_PATTERN: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
TRIGGER_ID_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:\-]{0,127}")


class FrameKey(NamedTuple):
    """What the line calls a frame. Its part may share this key with others: see `part_identity`."""

    line: str
    camera: str
    trigger_id: str

    def __str__(self) -> str:
        return f"{self.line}/{self.camera}/{self.trigger_id}"


class Claim(NamedTuple):
    """The address of a claim check's picture, and the sha256 (hex) that it must have; empty where none is declared."""

    url: str
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """One exposure of one part.

    Times are aware UTC datetimes. `deadline_ms` counts from capture, or from receipt where the capture time is unknown.
    `received_s` is the receipt on the monotonic clock; durations are measured from it.

    `fault` is set when the part is known but its picture must not be judged: a wrong sha256, an unreadable claim check,
    another line's product. Such a frame is recorded as BAD_IMAGE. A frame with a `claim` has no payload until the
    picture is fetched. `run` is the run of the camera's counter that `seq` belongs to; the station numbers it.

    `sha256` (hex) is that of the bytes as received, or what a claim check declares. `labels` are further properties of
    the sender's own, by name. `mqtt_version` is 3.1.1 where the message carried no properties. `template` names the
    golden sample that this frame is compared with.
    """

    key: FrameKey
    payload: bytes
    received_at: datetime
    content_type: str = ""
    part_id: str | None = None
    product: str | None = None
    lot: str | None = None
    seq: int | None = None
    run: int | None = None
    captured_at: datetime | None = None
    deadline_ms: float | None = None
    is_simulated: bool = False
    traceparent: str | None = None
    template: str | None = None
    response_topic: str | None = None
    correlation: bytes | None = None
    redelivered: bool = False
    fault: str | None = None
    claim: Claim | None = None
    sha256: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    mqtt_version: str = ""
    received_s: float = field(default_factory=time.monotonic, compare=False)

    def __post_init__(self) -> None:
        for name, value in (("line", self.key.line), ("camera", self.key.camera)):
            if not NAME_PATTERN.fullmatch(value):
                raise FrameError(f"{name} {value!r} is not a name; use 1 to 64 of A-Z a-z 0-9 _ . -")
        if not TRIGGER_ID_PATTERN.fullmatch(self.key.trigger_id):
            raise FrameError(f"trigger_id {self.key.trigger_id!r} is not an id; use 1 to 128 of A-Z a-z 0-9 _ . : -")
        for name, at in (("received_at", self.received_at), ("captured_at", self.captured_at)):
            if at is not None and at.tzinfo is None:
                raise FrameError(f"{name} {at} has no time zone; use UTC")
        if self.deadline_ms is not None and not 0.0 < self.deadline_ms < math.inf:
            raise FrameError(f"deadline_ms {self.deadline_ms} is not a time to come; use milliseconds above 0")
        if not self.sha256:
            object.__setattr__(self, "sha256", self._known_sha256())

    def _known_sha256(self) -> str:
        if self.payload or self.claim is None:
            return hashlib.sha256(self.payload).hexdigest()
        return self.claim.sha256
