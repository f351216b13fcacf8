"""The states of a line, and its right to pass parts. Pure.

A line passes only what it was proved for: one fingerprint (everything that changes scores) and one policy (everything
that turns scores into dispositions).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

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
    """The right of one line to pass parts under one fingerprint and one policy.

    `until` ends an override; a qualification has no end. `reason` says why it was given.
    """

    fingerprint: str
    policy: str
    origin: RightOrigin
    until: datetime | None = None
    reason: str = ""

    def holds(self, now: datetime) -> bool:
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True)
class LineStatus:
    """The state that people gave a line, and its rights to pass."""

    state: LineState
    rights: tuple[PassRight, ...] = ()

    def right(self, fingerprint: str, policy: str, now: datetime) -> PassRight | None:
        """Return the right that covers this fingerprint and policy; a qualification before an override."""
        covering = [each for each in self._of(fingerprint, policy) if each.holds(now)]
        return min(covering, key=lambda each: each.origin is RightOrigin.OVERRIDE, default=None)

    def objection(self, fingerprint: str, policy: str, now: datetime) -> str:
        """Say why a part of this fingerprint and policy may not pass; empty where it may."""
        if self.state is LineState.COMMISSIONING:
            return "commissioning: the line is not live"
        if self.right(fingerprint, policy, now):
            return ""
        if self._of(fingerprint, policy):
            return f"expired: {EXPIRED_DETAIL}; qualify the line"
        if any(each.fingerprint == fingerprint for each in self.rights):
            return "policy: not the qualified one; qualify the line"
        return "fingerprint: not the qualified one; qualify the line"

    def state_of(self, fingerprint: str, policy: str, now: datetime) -> LineState:
        """Return the state in which a part of this fingerprint and policy is decided."""
        if self.state is LineState.LIVE and self.objection(fingerprint, policy, now):
            return LineState.UNQUALIFIED
        return self.state

    def _of(self, fingerprint: str, policy: str) -> Sequence[PassRight]:
        return [each for each in self.rights if (each.fingerprint, each.policy) == (fingerprint, policy)]


def withhold(decision: Decision, objection: str, disposition: Disposition) -> Decision:
    """Replace what the judgement said by the fail-safe where the line may not pass parts.

    Other reasons come first and stay: they are fail-safe already.
    """
    if not objection or decision.reason not in JUDGED_REASONS:
        return decision
    return fail_safe(disposition, Reason.UNQUALIFIED, objection)
