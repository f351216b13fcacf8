"""Whether a line has the right to pass after a change: its qualification is recomputed from stored votes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from inspector.config.diff import Declaration, compare
from inspector.domain.line_state import LineState, PassRight, RightOrigin
from inspector.lines.qualification import ChallengeReplay, Qualification, Qualifications
from inspector.ports.challenge import QualificationBasis
from inspector.ports.ledger import PipelineVersion


class KeptRight(NamedTuple):
    """Whether a line has the right to pass when it changes, and why."""

    line: str
    keeps: bool
    text: str

    def as_json(self) -> dict[str, Any]:
        return {"keeps_right": self.keeps, "text": self.text}


def keep_right(
    service: Qualifications,
    live: PipelineVersion,
    content: Declaration,
    author: str,
    scored_under: Sequence[str] = (),
    *,
    dry_run: bool = False,
) -> KeptRight | None:
    """Recompute the qualification of a line for a new content, before that is live, and record it.

    `scored_under` are fingerprints under which parts were scored as the content does, the price's: a line that goes
    back to a qualified version gets its right back. Returns None where nothing changes about the right: the policy
    stays, or the line has none to lose and none to get back.
    """
    line, policy = content.pipeline.line, live.pipeline.policy_fingerprint()
    rescores = compare(live, content).rescores
    next_version = live._replace(pipeline=content.pipeline, golden=tuple(content.golden), version=live.version + 1)
    if next_version.pipeline.policy_fingerprint() == policy and not rescores:
        return None
    holding = [right for right in live.status.rights if right.holds(service.sets.now())]
    held = [right for right in holding if right.policy == policy]
    proved = [] if rescores else [right.fingerprint for right in held if right.origin is RightOrigin.QUALIFICATION]
    results = _assessed(service, next_version, proved, scored_under)
    if not results:
        return _lost(line, live, held, rescores=rescores)
    if not dry_run:
        for each in results:
            _record(service, each, author, holding)
    return _shown(line, results, holding, has_right=bool(held))


def _assessed(
    service: Qualifications, version: PipelineVersion, proved: Sequence[str], scored_under: Sequence[str]
) -> list[Qualification]:
    """Assess the version under each proved fingerprint, and under others where the ledger has challenge votes."""
    replays = [service.replay(version, each) for each in dict.fromkeys([*proved, *scored_under])]
    known = [each for each in replays if each.outcomes or each.fingerprint in proved]
    return [service.assess(each, QualificationBasis.STORED_VOTES) for each in known]


def _lost(line: str, live: PipelineVersion, held: Sequence[PassRight], *, rescores: bool) -> KeptRight | None:
    remedy = f"run: inspector qualify {line}"
    if held and rescores:
        return KeptRight(line, False, f"scores change, so its right to pass ends; {remedy}")
    if held and live.status.state is LineState.LIVE:
        return KeptRight(line, False, f"its override ends with this version; {remedy}")
    return None


def _record(service: Qualifications, result: Qualification, author: str, holding: Sequence[PassRight]) -> None:
    """Record a result that all challenge parts have votes for."""
    replay = result.replay
    if not replay.unknown:
        why = f"recomputed for version {replay.version.version}"
        service.record(result, author, why, _covered(holding, replay))


def _shown(
    line: str, results: Sequence[Qualification], holding: Sequence[PassRight], *, has_right: bool
) -> KeptRight | None:
    newest = results[-1]
    if newest.passed:
        escape = newest.figures.escape
        figures = f"{escape.found} of {escape.parts} NG parts pass, at most {100 * escape.upper:.3g} %"
        kept = "keeps its right to pass" if has_right else "has the right to pass"
        return KeptRight(line, True, f"{kept}, recomputed from stored votes: {figures}")
    if newest.replay.unknown and _has_qualified(holding, newest.replay):
        text = f"has the right to pass from its qualification; {len(newest.replay.unknown)} challenge part(s) are newer"
        return KeptRight(line, True, f"{text}; to count them too, run: inspector qualify {line}")
    lost = "loses its right to pass" if has_right else "has no right to pass"
    return KeptRight(line, False, f"{lost}: {'; '.join(newest.missing)}; run: inspector qualify {line}")


def _has_qualified(holding: Sequence[PassRight], replay: ChallengeReplay) -> bool:
    asked = (replay.fingerprint, replay.version.pipeline.policy_fingerprint(), RightOrigin.QUALIFICATION)
    return any((each.fingerprint, each.policy, each.origin) == asked for each in holding)


def _covered(holding: Sequence[PassRight], replay: ChallengeReplay) -> list[str]:
    """List the cameras that rights under this fingerprint cover: a change of the policy qualifies no new camera."""
    rights = [right for right in holding if right.fingerprint == replay.fingerprint]
    return [name for name in replay.cameras if not rights or any(right.covers(name) for right in rights)]
