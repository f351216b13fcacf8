"""The challenge set of a line: labelled parts whose replay qualifies it, and what a model said about them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from inspector.domain.quality import Measurements
from inspector.domain.vote import Opinion, StoppedBy, Vote


@dataclass(frozen=True, slots=True)
class ChallengePart:
    """A labelled picture that is kept with a line.

    `sha256` is that of its bytes. `camera` took it: it is judged by that camera's region. A picture of no named camera
    (empty) stands for every camera without a region. Pictures of one `group` show the same part, lot or shift.
    `number` grows with time.
    """

    number: int
    line: str
    sha256: str
    camera: str
    is_ng: bool
    group: str
    note: str
    author: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ChallengeAnswer:
    """What one model said about one challenge part, asked under one policy.

    `measured` are the measurements of its picture, by which any limits of quality can be applied later.
    `is_bad_image`: its votes would have passed a picture that does not show the product; they were left out.
    `max_unlike` is the limit of that check when the part was asked.
    """

    part: int
    fingerprint: str
    policy: str
    votes: tuple[Vote, ...]
    stopped_by: StoppedBy
    opinion: Opinion | None
    is_bad_image: bool
    max_unlike: float | None
    latency_ms: float
    measured: Measurements
    at: datetime
