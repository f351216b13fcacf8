"""Field types and enumerations that a pipeline declaration is built from."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
)

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}$")]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Severity(StrEnum):
    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"


class ViewName(StrEnum):
    DIRECT = "direct"
    PARAPHRASE = "paraphrase"
    INVERTED = "inverted"
    OPTIONS = "options"
    REFUTE = "refute"
    CHECKLIST = "checklist"
    COMPARE = "compare"
    ZOOM = "zoom"


class Reasoning(StrEnum):
    """What the model writes before its verdict: nothing, a few words (Chain of Draft, Xu 2025), its thoughts step by
    step (chain of thought), or these with an end neither too soon nor too late (budget forcing, s1, Muennighoff
    2025)."""

    NONE = "none"
    DRAFT = "draft"
    COT = "cot"
    BUDGET = "budget"


class Disposition(StrEnum):
    PASS = "PASS"
    REJECT = "REJECT"
    REVIEW = "REVIEW"


class StrictModel(BaseModel):
    """Declarations refuse unknown keys and endless numbers, and never change after they were read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
