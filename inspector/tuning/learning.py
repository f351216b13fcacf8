"""What a line's stored votes teach, or why they don't yet. Pure.

Which votes were asked depends on what the first ones said, and which parts were reviewed on what became of them.
Figures over such a choice would be wrong, so:

- how alike votes are, and what rungs do, is learned from shadow parts, whose whole ladder was asked whatever was said;
- calibration uses shadow parts and the first vote of all others, and lets each reviewed part stand for as many as its
  disposition has for each reviewed one;
- what rungs do is looked at in as large a share of every disposition (`review.evenly`).

The share of NG parts is measured with that, and stays out of `settle.prior`: where 2 parts in 100 are NG, being 95 %
sure that one is OK takes no look at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from inspector.domain.declared import Disposition
from inspector.domain.learned import Calibration, Fusion, LearnedSettings, ViewPair
from inspector.domain.pipeline import Pipeline
from inspector.domain.review import RARE_SHARE, History, StoredPart, balanced_sample
from inspector.domain.vote import Counting, LabelledVotes, counting
from inspector.tuning import calibration, correlation, fusion
from inspector.tuning.correlation import PRIOR_PARTS, Estimate
from inspector.tuning.rung_effects import (
    RungEffect,
    TokenSlope,
    harmful_rungs,
    rung_effects,
    rung_outcomes,
    token_slope,
)

MIN_SHADOW_PARTS: Final = PRIOR_PARTS  # below that the published correlation outweighs the line's own
MIN_REVIEWED_PER_CLASS: Final = (
    40  # twice the least of ten parts of the rarer kind for each of a sigmoid's two parameters
)
MIN_REVIEWED_PER_DISPOSITION: Final = 10  # of a disposition: each stands for all the others that nobody looked at
LEAST_HARM: Final = 6  # harmed parts, none rescued, before the exact test can tell a rung's harm from chance


class LearningReport(NamedTuple):
    """What is to be kept, where it comes from, and what is missing for the rest."""

    learned: LearnedSettings
    pairs: tuple[Estimate, ...]
    rungs: tuple[RungEffect, ...]
    slope: TokenSlope | None
    missing: tuple[str, ...]


def learn_from_history(history: History, pipeline: Pipeline, fingerprint: str, *, fuse: bool = False) -> LearningReport:
    """Values of an earlier lesson under this fingerprint stay where nothing new is known. `fuse`: how to weigh the
    second opinion is learned too, which changes scores."""
    missing: list[str] = []
    kept = pipeline.learned_under(fingerprint) or LearnedSettings(fingerprint=fingerprint)
    shadows = [past for past in history.parts if past.shadow]
    even = balanced_sample(shadows)
    pairs = _alike(even if len(even) >= MIN_SHADOW_PARTS else [past._replace(is_ng=None) for past in shadows], missing)
    told = _reviewed(history)
    fused = _fusion(told, counting(pipeline, fingerprint), missing) if fuse else None
    rungs, bend = _rungs(even, pipeline, fingerprint, missing)
    capped = tuple(change.rung for change in harmful_rungs(rungs)) if rungs else kept.capped
    platt = _calibration(told, capped, missing)
    learned = kept.model_copy(
        update={
            "correlations": _pairs(pairs) or kept.correlations,
            "calibration": platt or kept.calibration,
            "fusion": fused or kept.fusion,
            "capped": capped,
        }
    )
    return LearningReport(learned, tuple(pairs), tuple(rungs), bend, tuple(missing))


def _alike(shadows: Sequence[StoredPart], missing: list[str]) -> list[Estimate]:
    found = correlation.estimate(_labelled(shadows))
    enough = [each for each in found if each.parts >= MIN_SHADOW_PARTS]
    if not enough:
        missing.append(
            f"vote correlations: {len(shadows)} parts whose whole ladder was asked, {MIN_SHADOW_PARTS} are needed; "
            "wait, or raise settle.shadow"
        )
    return enough


def _pairs(found: Sequence[Estimate]) -> tuple[ViewPair, ...]:
    return tuple(ViewPair(one=each.one, other=each.other, rho=round(each.rho, 4)) for each in found)


class ReviewedParts(NamedTuple):
    """Reviewed parts, how many parts of the line each stands for, and what is wanting before they speak for all."""

    parts: list[StoredPart]
    standing: list[float]
    missing: str


def _reviewed(history: History) -> ReviewedParts:
    told = [past for past in history.parts if past.is_ng is not None and (past.shadow or past.part.votes)]
    kinds = [past.part.decision.disposition for past in told]
    reviewed = Counter(kinds)
    return ReviewedParts(
        told, [history.totals[kind] / reviewed[kind] for kind in kinds], _wanting(history, told, reviewed)
    )


def _calibration(told: ReviewedParts, capped: Sequence[int], missing: list[str]) -> Calibration | None:
    """Of the votes that will be asked."""
    if told.missing:
        missing.append(f"calibration: {told.missing}")
        return None
    every = ((past.shadow or past.part.votes[:1], past.is_ng) for past in told.parts)
    votes = [LabelledVotes(tuple(vote for vote in asked if vote.rung not in capped), ng) for asked, ng in every]
    found = calibration.fit_votes(votes, told.standing)
    if found.slope <= 0.0:
        missing.append("calibration: higher scores are no sign of NG among the reviewed parts; look at them again")
        return None
    return found


def _fusion(told: ReviewedParts, counts: Counting, missing: list[str]) -> Fusion | None:
    if told.missing:
        missing.append(f"weights of the second opinion: {told.missing}")
        return None
    parts = [LabelledVotes(past.part.votes, past.is_ng, past.part.opinion) for past in told.parts]
    try:
        return fusion.learn(parts, counts, told.standing)
    except ValueError as error:
        missing.append(f"weights of the second opinion: {error}")
        return None


def _wanting(history: History, told: Sequence[StoredPart], reviewed: Mapping[Disposition, int]) -> str:
    for name, count in _kinds(told).items():
        if count < MIN_REVIEWED_PER_CLASS:
            more = MIN_REVIEWED_PER_CLASS - count
            return f"{count} reviewed {name} parts, {MIN_REVIEWED_PER_CLASS} are needed; review {more} more"
    every = sum(history.totals.values())
    for kind, count in history.totals.items():
        least = min(MIN_REVIEWED_PER_DISPOSITION, count)
        if count > RARE_SHARE * every and reviewed[kind] < least:
            return f"{reviewed[kind]} of {count} {kind} parts are reviewed, {least} are needed; review some at random"
    return ""


def _kinds(told: Sequence[StoredPart]) -> dict[str, int]:
    ng = sum(past.is_ng is True for past in told)
    return {"OK": len(told) - ng, "NG": ng}


def _rungs(
    even: Sequence[StoredPart], pipeline: Pipeline, fingerprint: str, missing: list[str]
) -> tuple[list[RungEffect], TokenSlope | None]:
    """What each rung rescued and harmed, and how correctness moves with the tokens spent."""
    if len(even) < MIN_SHADOW_PARTS:
        missing.append(
            f"what rungs do: {len(even)} parts whose whole ladder was asked are reviewed alike in all dispositions, "
            f"{MIN_SHADOW_PARTS} are needed; review shadow parts, passed ones too"
        )
        return [], None
    parts, counts = _labelled(even), counting(pipeline, fingerprint)
    middle = (pipeline.thresholds.pass_below + pipeline.thresholds.reject_above) / 2.0
    return rung_effects(parts, counts, middle), token_slope(rung_outcomes(parts, counts, middle))


def _labelled(parts: Sequence[StoredPart]) -> list[LabelledVotes]:
    return [LabelledVotes(past.shadow, past.is_ng) for past in parts]
