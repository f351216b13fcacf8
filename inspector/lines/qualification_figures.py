"""What a replayed challenge set proves: shares with exact one-sided bounds, and what is missing. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from inspector.domain.challenge import ChallengePart
from inspector.domain.declared import Disposition
from inspector.domain.pipeline import QualificationLimits
from inspector.numerics.exact_bounds import parts_to_prove, upper_bound

LATENCY_QUANTILES: Final = (0.5, 0.95)


class ChallengeOutcome(NamedTuple):
    """What the line's policy does with one challenge part. `latency_ms` is the time that asking took."""

    part: ChallengePart
    disposition: Disposition
    votes: int
    latency_ms: float


class BoundedShare(NamedTuple):
    """`found` of `parts` parts, and the upper bound of that share. `share` is None where there are no parts."""

    found: int
    parts: int
    share: float | None
    upper: float


class QualificationFigures(NamedTuple):
    """The figures of one replay.

    `escape` is of NG parts, `overkill` and `review_ok` are of OK parts, `review` is of all parts. `groups` count what
    the pictures show apart: pictures of one group are alike. `slow` parts took longer than the line's deadline.
    """

    escape: BoundedShare
    overkill: BoundedShare
    review: BoundedShare
    review_ok: BoundedShare
    ok_groups: int
    ng_groups: int
    votes_mean: float | None
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    slow: int
    confidence: float

    def as_json(self) -> dict[str, Any]:
        return {
            name: value._asdict() if isinstance(value, BoundedShare) else value
            for name, value in self._asdict().items()
        }


def qualification_figures(
    outcomes: Sequence[ChallengeOutcome], limits: QualificationLimits, deadline_ms: float
) -> QualificationFigures:
    """Work out the figures of all challenge parts."""
    ng, ok = ([each for each in outcomes if each.part.is_ng is kind] for kind in (True, False))
    latencies = [each.latency_ms for each in outcomes]
    p50, p95 = (float(np.quantile(latencies, at)) if latencies else None for at in LATENCY_QUANTILES)
    return QualificationFigures(
        escape=_share(ng, Disposition.PASS, limits),
        overkill=_share(ok, Disposition.REJECT, limits),
        review=_share(outcomes, Disposition.REVIEW, limits),
        review_ok=_share(ok, Disposition.REVIEW, limits),
        ok_groups=_groups(ok),
        ng_groups=_groups(ng),
        votes_mean=sum(each.votes for each in outcomes) / len(outcomes) if outcomes else None,
        latency_p50_ms=p50,
        latency_p95_ms=p95,
        slow=sum(each > deadline_ms for each in latencies),
        confidence=limits.confidence,
    )


def missing_evidence(figures: QualificationFigures, limits: QualificationLimits) -> list[str]:
    """Say what keeps the line from being qualified; empty where nothing does."""
    missing = _excess(figures.escape, limits.escape, limits, "NG", "pass", "a miss")
    if limits.overkill is not None:
        missing += _excess(figures.overkill, limits.overkill, limits, "OK", "are rejected", "a rejected one")
    return missing


def _excess(
    share: BoundedShare, limit: float, limits: QualificationLimits, kind: str, happens: str, miss: str
) -> list[str]:
    """Say how far a bound is above its limit, and what would bring it down."""
    more = parts_to_prove(share.found, share.parts, limit, limits.confidence)
    if not more:
        return []
    found = f"{share.found} of {share.parts} {kind} parts {happens}; " if share.found else ""
    enough = f"{more} more {kind} without {miss} for {100 * limit:.3g} % (bound now {100 * share.upper:.3g} %)"
    is_above = share.share is not None and share.share > limit
    return [found + enough + ("; or change thresholds, ladder or model" if is_above else "")]


def _share(outcomes: Sequence[ChallengeOutcome], disposition: Disposition, limits: QualificationLimits) -> BoundedShare:
    found, parts = sum(each.disposition is disposition for each in outcomes), len(outcomes)
    return BoundedShare(found, parts, found / parts if parts else None, upper_bound(found, parts, limits.confidence))


def _groups(outcomes: Sequence[ChallengeOutcome]) -> int:
    """Count groups; a picture without one is a group of its own."""
    named = {each.part.group for each in outcomes} - {""}
    return len(named) + sum(not each.part.group for each in outcomes)
