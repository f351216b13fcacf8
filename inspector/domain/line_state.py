"""The states of a line, and its right to pass parts. Pure.

A line passes only what it was proved for: one fingerprint (everything that changes scores) and one policy (everything
that turns scores into dispositions).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from inspector.domain.cameras import ANY_CAMERA
from inspector.domain.decision import JUDGED_REASONS, Decision, Reason, fail_safe
from inspector.domain.declared import Disposition

EXPIRED_DETAIL: Final = "the override expired"


class LineState(StrEnum):
    """The state of a line.

    COMMISSIONING: judged and stored, and every part gets the fail-safe. LIVE: qualified, so that parts may pass.
    UNQUALIFIED: set LIVE by people, but fingerprint or policy is not the one that was qualified. PAUSED: stored and not
    judged.

    People set COMMISSIONING, LIVE and PAUSED. UNQUALIFIED follows from the part's judgement.
    """

    COMMISSIONING = "COMMISSIONING"
    LIVE = "LIVE"
    UNQUALIFIED = "UNQUALIFIED"
    PAUSED = "PAUSED"


class RightOrigin(StrEnum):
    """What a right to pass rests on: a qualification by the challenge set, or a person's override."""

    QUALIFICATION = "QUALIFICATION"
    OVERRIDE = "OVERRIDE"


@dataclass(frozen=True, slots=True)
class PassRight:
    """The right of one line to pass parts under one fingerprint and one policy, from the cameras that it names.

    `until` ends an override; a qualification has no end. `reason` says why it was given. `scoring` hashes what the
    fingerprint covers besides the model; it is empty for rights that were given before it was stored.
    """

    fingerprint: str
    policy: str
    origin: RightOrigin
    cameras: tuple[str, ...]
    until: datetime | None = None
    reason: str = ""
    scoring: str = ""

    def covers(self, camera: str) -> bool:
        return camera in self.cameras or ANY_CAMERA in self.cameras

    def holds(self, now: datetime) -> bool:
        return self.until is None or now < self.until


class PassQuestion(NamedTuple):
    """Whether parts of this camera may pass under this fingerprint and policy, at this time."""

    fingerprint: str
    policy: str
    camera: str
    now: datetime


@dataclass(frozen=True, slots=True)
class LineStatus:
    """The state that people gave a line, its rights to pass, and which of its cameras are paused by themselves.

    `number` is that of the newest change of the state, and grows with each; 0 before the first.
    """

    state: LineState
    rights: tuple[PassRight, ...] = ()
    paused_cameras: frozenset[str] = frozenset()
    number: int = 0

    def is_paused(self, camera: str) -> bool:
        """Return whether parts of this camera are stored and not judged."""
        return self.state is LineState.PAUSED or camera in self.paused_cameras

    def right(self, asked: PassQuestion) -> PassRight | None:
        """Return the right that covers these parts; a qualification before an override."""
        covering = [each for each in self._of(asked) if each.covers(asked.camera) and each.holds(asked.now)]
        return min(covering, key=lambda each: each.origin is RightOrigin.OVERRIDE, default=None)

    def objection(self, asked: PassQuestion) -> str:
        """Say why these parts may not pass; empty where they may."""
        if self.state is LineState.COMMISSIONING:
            return "commissioning: the line is not live"
        if self.right(asked):
            return ""
        if alike := self._of(asked):
            covered = any(each.covers(asked.camera) for each in alike)
            return f"expired: {EXPIRED_DETAIL}; qualify the line" if covered else _new_camera(asked.camera)
        if not self.rights:
            return "qualification: the line has none; qualify it"
        if any(each.fingerprint == asked.fingerprint for each in self.rights):
            return "policy: not the qualified one; qualify the line"
        return "fingerprint: not the qualified one; qualify the line"

    def state_of(self, asked: PassQuestion) -> LineState:
        """Return the state in which these parts are decided."""
        if self.is_paused(asked.camera):
            return LineState.PAUSED
        if self.state is LineState.LIVE and self.objection(asked):
            return LineState.UNQUALIFIED
        return self.state

    def _of(self, asked: PassQuestion) -> Sequence[PassRight]:
        return [each for each in self.rights if (each.fingerprint, each.policy) == (asked.fingerprint, asked.policy)]


def _new_camera(camera: str) -> str:
    return f"camera: {camera} was added after the line was qualified; qualify the line"


def withhold(decision: Decision, objection: str, disposition: Disposition) -> Decision:
    """Replace what the judgement said by the fail-safe where the line may not pass parts.

    Other reasons come first and stay: they are fail-safe already.
    """
    if not objection or decision.reason not in JUDGED_REASONS:
        return decision
    return fail_safe(disposition, Reason.UNQUALIFIED, objection)
