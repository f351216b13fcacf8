"""What was learned from the stored votes of a line: correlation, calibration, fusion."""

from __future__ import annotations

from typing import Annotated

from pydantic import (
    Field,
    StringConstraints,
)

from inspector.domain.declared import Share, StrictModel, ViewName


class ViewPair(StrictModel):
    """Correlation of the votes of two kinds of view (of two votes of one kind where both are the same)."""

    one: ViewName
    other: ViewName
    rho: Share


class Calibration(StrictModel):
    """Platt's sigmoid: log-odds of NG = slope * the vote's log-odds + intercept, among `frames` votes on labelled
    parts of which `ng_share` were NG."""

    slope: float
    intercept: float
    frames: int = Field(ge=1)
    ng_share: float = Field(gt=0.0, lt=1.0)


class Fusion(StrictModel):
    """The log-odds of NG from both opinions: votes * the votes' own log-odds + patches * those of the second opinion +
    intercept, among `frames` labelled parts of which `ng_share` were NG. Neither speaks against what it says."""

    votes: float = Field(ge=0.0)
    patches: float = Field(ge=0.0)
    intercept: float
    frames: int = Field(ge=1)
    ng_share: float = Field(gt=0.0, lt=1.0)


class LearnedSettings(StrictModel):
    """What was learned from the line's stored votes, written by the program. It holds for the fingerprint that gave
    those votes, and is left aside under another. No vote depends on it; of a part's score nothing but `fusion` does, so
    that thresholds must be tuned with that. `capped` are the numbers (from 0) of
    rungs that did more harm than good and are not asked."""

    fingerprint: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
    correlations: tuple[ViewPair, ...] = ()
    calibration: Calibration | None = None
    fusion: Fusion | None = None
    capped: tuple[Annotated[int, Field(ge=1, le=7)], ...] = ()
