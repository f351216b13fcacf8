"""Whether a line keeps its right to pass over a change: its qualification is recomputed from stored votes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from inspector.config.diff import Declaration, compare
from inspector.domain.line_state import LineState, PassRight, RightOrigin
from inspector.lines.qualification import ChallengeReplay, Qualifications
from inspector.ports.challenge import QualificationBasis
from inspector.ports.ledger import PipelineVersion


class KeptRight(NamedTuple):
    """Whether a line keeps its right to pass when its policy changes, and why."""

    line: str
    keeps: bool
    text: str

    def as_json(self) -> dict[str, Any]:
        return {"keeps_right": self.keeps, "text": self.text}


def keep_right(
    service: Qualifications, live: PipelineVersion, content: Declaration, author: str, *, dry_run: bool = False
) -> KeptRight | None:
    """Recompute the qualification of the live version for a new content, before that is live, and record it.

    Returns None where nothing changes about the right: the policy stays, or the line has none to lose.
    """
    line, policy = content.pipeline.line, live.pipeline.policy_fingerprint()
    rescores = compare(live, content).rescores
    held = [right for right in live.status.rights if right.policy == policy and right.holds(service.sets.now())]
    next_version = live._replace(pipeline=content.pipeline, golden=tuple(content.golden), version=live.version + 1)
    is_same = next_version.pipeline.policy_fingerprint() == policy and not rescores
    if is_same or not held:
        return None
    remedy = f"run: inspector qualify {line}"
    if rescores:
        return KeptRight(line, False, f"scores change, so its right to pass ends; {remedy}")
    proved = dict.fromkeys(right.fingerprint for right in held if right.origin is RightOrigin.QUALIFICATION)
    if not proved:
        is_live = live.status.state is LineState.LIVE
        return KeptRight(line, False, f"its override ends with this version; {remedy}") if is_live else None
    results = [service.assess(service.replay(next_version, each), QualificationBasis.STORED_VOTES) for each in proved]
    if not dry_run:
        for each in results:
            if not each.replay.unknown:
                cameras = _covered(held, each.replay)
                service.record(each, author, f"recomputed for version {next_version.version}", cameras)
    newest = results[-1]
    if newest.passed:
        escape = newest.figures.escape
        shown = f"{escape.found} of {escape.parts} NG parts pass, at most {100 * escape.upper:.3g} %"
        return KeptRight(line, True, f"keeps its right to pass, recomputed from stored votes: {shown}")
    return KeptRight(line, False, f"loses its right to pass: {'; '.join(newest.missing)}; {remedy}")


def _covered(held: Sequence[PassRight], replay: ChallengeReplay) -> list[str]:
    """List the cameras that a right covered before: a change of the policy qualifies no new camera."""
    rights = [right for right in held if right.fingerprint == replay.fingerprint]
    return [name for name in replay.cameras if any(right.covers(name) for right in rights)]
