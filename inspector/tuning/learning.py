"""Learning from a line's stored votes, and the reasons why some values can't be learned yet. Pure.

Which votes were asked depends on the first answers, and which parts were reviewed depends on their disposition. Figures
over such a selection would be biased, so:

- Correlations and effects of rungs are learned from shadow parts, whose whole ladder was asked in any case.
- Calibration uses shadow parts and the first vote of all others. Each reviewed part represents as many parts as its
  disposition has for each reviewed one.
- Effects of rungs are computed on the same share of every disposition (`review.balanced_sample`).

The share of NG parts is measured in the process, and does not change `settle.prior`. Where 2 parts in 100 are NG, 98 %
certainty that a part is OK takes no look at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from inspector.domain.declared import Disposition
from inspector.domain.learned import Calibration, Fusion, LearnedSettings, ViewPair
from inspector.domain.part_history import RARE_SHARE, History, PartHistory, balanced_sample
from inspector.domain.pipeline import Pipeline
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

MIN_SHADOW_PARTS: Final = PRIOR_PARTS  # with fewer, the published correlation outweighs the line's own
MIN_REVIEWED_PER_CLASS: Final = 40  # twice the minimum for two parameters: ten parts of the rarer class for each
MIN_REVIEWED_PER_DISPOSITION: Final = 10  # they represent all unreviewed parts of that disposition


class LearningReport(NamedTuple):
    """The learned values, their sources, and the missing evidence for the rest."""

    learned: LearnedSettings
    pairs: tuple[Estimate, ...]
    rungs: tuple[RungEffect, ...]
    slope: TokenSlope | None
    missing: tuple[str, ...]


def learn_from_history(history: History, pipeline: Pipeline, fingerprint: str, *, fuse: bool = False) -> LearningReport:
    """Learn from the line's history under this fingerprint.

    Values learned before under this fingerprint stay where nothing new is known. `fuse`: also learn the fusion with the
    second opinion, which changes scores.
    """
    missing: list[str] = []
    history = history._replace(parts=tuple(part.as_read(pipeline.settle.min_readable) for part in history.parts))
    known = pipeline.learned_under(fingerprint) or LearnedSettings(fingerprint=fingerprint)
    shadows = [part for part in history.parts if part.shadow]
    balanced = balanced_sample(shadows)
    pairs = _correlations(
        balanced if len(balanced) >= MIN_SHADOW_PARTS else [part._replace(is_ng=None) for part in shadows], missing
    )
    reviewed = _reviewed(history)
    fused = _fusion(reviewed, counting(pipeline, fingerprint), missing) if fuse else None
    rungs, slope = _rungs(balanced, pipeline, fingerprint, missing)
    capped = tuple(effect.rung for effect in harmful_rungs(rungs)) if rungs else known.capped
    fitted = _calibration(reviewed, capped, missing)
    learned = known.model_copy(
        update={
            "correlations": _pairs(pairs) or known.correlations,
            "calibration": fitted or known.calibration,
            "fusion": fused or known.fusion,
            "capped": capped,
        }
    )
    return LearningReport(learned, tuple(pairs), tuple(rungs), slope, tuple(missing))


def _correlations(shadows: Sequence[PartHistory], missing: list[str]) -> list[Estimate]:
    estimates = correlation.estimate(_labelled(shadows))
    sufficient = [each for each in estimates if each.parts >= MIN_SHADOW_PARTS]
    if not sufficient:
        missing.append(
            f"vote correlations: {len(shadows)} parts whose whole ladder was asked, {MIN_SHADOW_PARTS} are needed; "
            "wait, or raise settle.shadow"
        )
    return sufficient


def _pairs(estimates: Sequence[Estimate]) -> tuple[ViewPair, ...]:
    return tuple(ViewPair(one=each.one, other=each.other, rho=round(each.rho, 4)) for each in estimates)


class ReviewedParts(NamedTuple):
    """Reviewed parts, the number of the line's parts each represents, and the evidence that is missing before they
    represent all."""

    parts: list[PartHistory]
    part_weights: list[float]
    missing: str


def _reviewed(history: History) -> ReviewedParts:
    parts = [part for part in history.parts if part.is_ng is not None and (part.shadow or part.part.votes)]
    kinds = [part.part.would_be.disposition for part in parts]
    counts = Counter(kinds)
    part_weights = [history.totals[kind] / counts[kind] for kind in kinds]
    return ReviewedParts(parts, part_weights, _missing_reviews(history, parts, counts))


def _calibration(reviewed: ReviewedParts, capped: Sequence[int], missing: list[str]) -> Calibration | None:
    """Calibrate the votes that will be asked; None, with the reason in `missing`, where that is not possible."""
    if reviewed.missing:
        missing.append(f"calibration: {reviewed.missing}")
        return None
    every = ((part.shadow or part.part.votes[:1], part.is_ng) for part in reviewed.parts)
    votes = [LabelledVotes(tuple(vote for vote in asked if vote.rung not in capped), ng) for asked, ng in every]
    fitted = calibration.fit_votes(votes, reviewed.part_weights)
    if fitted.slope <= 0.0:
        missing.append("calibration: higher scores do not indicate NG among the reviewed parts; check their reviews")
        return None
    return fitted


def _fusion(reviewed: ReviewedParts, counts: Counting, missing: list[str]) -> Fusion | None:
    if reviewed.missing:
        missing.append(f"fusion with the second opinion: {reviewed.missing}")
        return None
    parts = [LabelledVotes(part.part.votes, part.is_ng, part.part.opinion) for part in reviewed.parts]
    try:
        return fusion.learn(parts, counts, reviewed.part_weights)
    except ValueError as error:
        missing.append(f"fusion with the second opinion: {error}")
        return None


def _missing_reviews(history: History, parts: Sequence[PartHistory], counts: Mapping[Disposition, int]) -> str:
    for name, count in _class_counts(parts).items():
        if count < MIN_REVIEWED_PER_CLASS:
            more = MIN_REVIEWED_PER_CLASS - count
            return f"{count} reviewed {name} parts, {MIN_REVIEWED_PER_CLASS} are needed; review {more} more"
    every = sum(history.totals.values())
    for kind, count in history.totals.items():
        least = min(MIN_REVIEWED_PER_DISPOSITION, count)
        if count > RARE_SHARE * every and counts[kind] < least:
            return f"{counts[kind]} of {count} {kind} parts are reviewed, {least} are needed; review some at random"
    return ""


def _class_counts(parts: Sequence[PartHistory]) -> dict[str, int]:
    ng = sum(part.is_ng is True for part in parts)
    return {"OK": len(parts) - ng, "NG": ng}


def _rungs(
    balanced: Sequence[PartHistory], pipeline: Pipeline, fingerprint: str, missing: list[str]
) -> tuple[list[RungEffect], TokenSlope | None]:
    """Return what each rung rescued and harmed, and how correctness changes with the tokens spent."""
    if len(balanced) < MIN_SHADOW_PARTS:
        missing.append(
            f"effects of rungs: {len(balanced)} parts whose whole ladder was asked are reviewed at the same share "
            f"of every disposition, {MIN_SHADOW_PARTS} are needed; review shadow parts, including passed ones"
        )
        return [], None
    parts, counts = _labelled(balanced), counting(pipeline, fingerprint)
    middle = (pipeline.thresholds.pass_below + pipeline.thresholds.reject_above) / 2.0
    return rung_effects(parts, counts, middle), token_slope(rung_outcomes(parts, counts, middle))


def _labelled(parts: Sequence[PartHistory]) -> list[LabelledVotes]:
    return [LabelledVotes(part.shadow, part.is_ng) for part in parts]
