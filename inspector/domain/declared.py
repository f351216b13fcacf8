"""Field types and enumerations of a pipeline declaration."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
)

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}$")]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Severity(StrEnum):
    """How serious a defect class is."""

    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"


class ViewName(StrEnum):
    """The ways of asking about one frame."""

    DIRECT = "direct"
    PARAPHRASE = "paraphrase"
    INVERTED = "inverted"
    OPTIONS = "options"
    REFUTE = "refute"
    CHECKLIST = "checklist"
    COMPARE = "compare"
    ZOOM = "zoom"
    SIMILAR = "similar"
    SEPARATE = "separate"


FRAME_VIEWS: Final = frozenset(  # they show the same pictures and differ in their words only
    {
        ViewName.DIRECT,
        ViewName.PARAPHRASE,
        ViewName.INVERTED,
        ViewName.OPTIONS,
        ViewName.REFUTE,
        ViewName.CHECKLIST,
    }
)
JOINT_VIEWS: Final = frozenset({ViewName.CHECKLIST, ViewName.SEPARATE})  # all their questions are one vote, unreasoned


class Reasoning(StrEnum):
    """The text that the model writes before its verdict.

    `none`: nothing. `draft`: a few words (Chain of Draft, Xu 2025). `cot`: step-by-step reasoning (chain of thought).
    `budget`: the same with a lower and an upper length limit (budget forcing, s1, Muennighoff 2025).
    """

    NONE = "none"
    DRAFT = "draft"
    COT = "cot"
    BUDGET = "budget"


class Disposition(StrEnum):
    """The action that the gate must take with the part."""

    PASS = "PASS"
    REJECT = "REJECT"
    REVIEW = "REVIEW"


class StrictModel(BaseModel):
    """Base of all declarations: immutable, without unknown keys or infinite numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
