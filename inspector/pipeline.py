"""The grammar of a pipeline: what a factory wants of one product line (`pipelines/*.yaml`). Pure."""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}$")]
Text = Annotated[str, StringConstraints(min_length=3, max_length=400, strip_whitespace=True)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Severity(StrEnum):
    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"


class ViewName(StrEnum):
    DIRECT = "direct"
    PARAPHRASE = "paraphrase"
    INVERTED = "inverted"
    CHECKLIST = "checklist"
    COMPARE = "compare"
    ZOOM = "zoom"


class Reasoning(StrEnum):
    NONE = "none"
    DRAFT = "draft"


class Count(StrEnum):
    """How votes are counted: the mean of their log-odds, or one part one vote."""

    SOFT = "soft"
    MAJORITY = "majority"


class Disposition(StrEnum):
    PASS = "PASS"
    REJECT = "REJECT"
    REVIEW = "REVIEW"


class Strict(BaseModel):
    """Declarations refuse unknown keys and never change after they were read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Quality(Strict):
    """When a picture is too poor to be judged. Sharpness: variance of the Laplacian (grey levels²);
    luminance: mean grey, 0 black to 1 white."""

    min_sharpness: float = Field(default=0.0, ge=0.0)
    luminance: tuple[Share, Share] = (0.02, 0.98)
    min_side_px: int = Field(default=32, ge=1)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.luminance[0] >= self.luminance[1]:
            raise ValueError("luminance must be [darkest, brightest] with darkest below brightest")
        return self


class Rung(Strict):
    """One step of the ladder: views asked together. `samples` counts per view."""

    views: tuple[ViewName, ...] = Field(min_length=1)
    samples: int = Field(default=1, ge=1, le=16)
    reasoning: Reasoning = Reasoning.NONE
    temperature: float = Field(default=0.8, ge=0.0, le=2.0)

    @model_validator(mode="after")
    def _no_view_twice(self) -> Self:
        if len(set(self.views)) != len(self.views):
            raise ValueError("a view stands twice in one rung; raise samples instead")
        return self


class Settle(Strict):
    """When asking stops: confidence of the correlation-discounted votes, and a hard cap on votes."""

    confidence: float = Field(default=0.95, gt=0.5, lt=1.0)
    max_votes: int = Field(default=12, ge=1, le=64)
    vote_correlation: Literal["learned"] | Share = "learned"


class Thresholds(Strict):
    """PASS below the first, REJECT above the second, REVIEW between."""

    pass_below: Share = 0.20
    reject_above: Share = 0.80

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.pass_below > self.reject_above:
            raise ValueError("pass_below must not exceed reject_above")
        return self


class Pipeline(Strict):
    """One product line's declaration. `question` is phrased so that Yes means a defect."""

    line: Name
    product: Annotated[str, StringConstraints(min_length=1, max_length=60, strip_whitespace=True)]
    question: Text
    defects: dict[Name, Severity] = Field(min_length=1, max_length=32)
    cameras: tuple[Name, ...] = ()
    paraphrases: tuple[Text, ...] = ()
    checklist: tuple[Text, ...] = ()
    references: int = Field(default=0, ge=0, le=4)
    golden_samples: tuple[str, ...] = ()
    quality: Quality = Quality()
    ladder: tuple[Rung, ...] = Field(min_length=1, max_length=8)
    count: Count = Count.SOFT
    settle: Settle = Settle()
    thresholds: Thresholds = Thresholds()
    deadline_ms: float = Field(default=1500.0, ge=50.0, le=600_000.0)
    fail_safe: Literal[Disposition.REVIEW, Disposition.REJECT] = Disposition.REVIEW

    @model_validator(mode="after")
    def _golden_samples_suffice(self) -> Self:
        compares = any(ViewName.COMPARE in rung.views for rung in self.ladder)
        needed = max(self.references, int(compares))
        if len(self.golden_samples) < needed:
            raise ValueError(
                f"references or the compare view need {needed} golden sample(s), {len(self.golden_samples)} declared; "
                "list pictures under golden_samples"
            )
        return self

    def score_key(self) -> str:
        """Hash (16 hex) of everything here that changes a score: words, views, pictures; not thresholds, deadlines."""
        scored = self.model_dump(
            mode="json",
            include={
                "product",
                "question",
                "defects",
                "paraphrases",
                "checklist",
                "references",
                "golden_samples",
                "ladder",
                "count",
            },
        )
        return hashlib.sha256(json.dumps(scored, sort_keys=True).encode()).hexdigest()[:16]


def fingerprint(score_key: str, model_fingerprint: str, golden: tuple[str, ...] = ()) -> str:
    """16 hex that change whenever scores may change: thresholds are valid for one fingerprint only.

    `golden` are the sha256 of the golden samples' bytes.
    """
    return hashlib.sha256("/".join((score_key, model_fingerprint, *golden)).encode()).hexdigest()[:16]
