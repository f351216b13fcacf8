"""The values that are learned from a line's stored votes: correlations, calibration and fusion."""

from __future__ import annotations

from typing import Annotated

from pydantic import (
    Field,
    StringConstraints,
)

from inspector.domain.declared import Share, StrictModel, ViewName


class ViewPair(StrictModel):
    """The correlation between the votes of two views, or between two votes of one view if both names are equal."""

    one: ViewName
    other: ViewName
    rho: Share


class Calibration(StrictModel):
    """Platt's sigmoid: log-odds of NG = slope * the vote's log-odds + intercept.

    It was fitted on `frames` votes about labelled parts, of which `ng_share` were NG.
    """

    slope: float
    intercept: float
    frames: int = Field(ge=1)
    ng_share: float = Field(gt=0.0, lt=1.0)


class Fusion(StrictModel):
    """The log-odds of NG from votes and second opinion: votes * log-odds of the votes + patches * log-odds of the
    second opinion + intercept.

    It was fitted on `frames` labelled parts, of which `ng_share` were NG. No weight is negative, so neither opinion
    counts against its own statement.
    """

    votes: float = Field(ge=0.0)
    patches: float = Field(ge=0.0)
    intercept: float
    frames: int = Field(ge=1)
    ng_share: float = Field(gt=0.0, lt=1.0)


class LearnedSettings(StrictModel):
    """The values learned from the line's stored votes, written by the program.

    They hold for the fingerprint under which those votes were given, and are ignored under any other. No vote depends
    on them. Of a part's score only `fusion` does, so thresholds must be tuned together with it. `capped` lists the
    numbers (from 0) of rungs that did more harm than good; these rungs are not asked.
    """

    fingerprint: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
    correlations: tuple[ViewPair, ...] = ()
    calibration: Calibration | None = None
    fusion: Fusion | None = None
    capped: tuple[Annotated[int, Field(ge=1, le=7)], ...] = ()
