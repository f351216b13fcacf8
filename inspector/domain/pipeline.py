"""The grammar of a pipeline (`pipelines/*.yaml`): the settings of one product line. Pure.

Rules between fields are validators of the later field. They are therefore reported together with all other faults,
under the field's own name. Their messages have the form "problem; remedy".
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Final, Literal, NamedTuple, TypeVar

from pydantic import (
    AfterValidator,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from inspector.domain.cameras import ANY_CAMERA, CameraGroup, Cameras, Region, camera_groups
from inspector.domain.declared import Disposition, Name, Reasoning, Severity, Share, StrictModel, ViewName
from inspector.domain.learned import LearnedSettings
from inspector.text import printable

T = TypeVar("T")


def _spoken(text: str) -> str:
    """Normalise to one line of plain words. A model would read special tokens (`<|…|>`) as pictures or turns."""
    if "<|" in text:
        raise ValueError("contains '<|', which a model reads as a control token; write plain words")
    return " ".join(printable(text).split())


def _distinct(values: tuple[T, ...]) -> tuple[T, ...]:
    """Refuse duplicates: a question that is asked twice would count as two votes."""
    twice = next((value for at, value in enumerate(values) if value in values[:at]), None)
    if twice is not None:
        raise ValueError(f"{str(twice)!r} is listed twice; remove one")
    return values


Text = Annotated[str, StringConstraints(min_length=3, max_length=400, strip_whitespace=True), AfterValidator(_spoken)]
Product = Annotated[str, StringConstraints(min_length=1, max_length=60, strip_whitespace=True), AfterValidator(_spoken)]
ProductName = Annotated[str, StringConstraints(min_length=1, max_length=128, strip_whitespace=True)]
Texts = Annotated[tuple[Text, ...], Field(max_length=32), AfterValidator(_distinct)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
PicturePath = Annotated[str, StringConstraints(min_length=1, max_length=255)]
MIN_VOTES_TO_DISAGREE: Final = 2
MAX_REASONING_TOKENS: Final = 4096  # upper limit of max_tokens and min_tokens
NOISE_SHARE: Final = 0.05  # of the probability: where NG and OK have less together, their ratio is noise
MIN_READABLE: Final = 0.5  # default of settle.min_readable


class TokenLimits(NamedTuple):
    """The least and the greatest number of tokens that the model writes before a verdict."""

    least: int = 0
    most: int = 0


REASONING_TOKENS: Final[Mapping[Reasoning, TokenLimits]] = MappingProxyType(
    {
        Reasoning.NONE: TokenLimits(),
        Reasoning.DRAFT: TokenLimits(most=24),
        Reasoning.COT: TokenLimits(most=256),
        Reasoning.BUDGET: TokenLimits(least=128, most=256),
    }
)


class CountMethod(StrEnum):
    """How votes are combined.

    `soft`: the mean of their log-odds. `majority`: one hard vote each. `weighted`: hard votes, weighted by their
    certainty.
    """

    SOFT = "soft"
    MAJORITY = "majority"
    WEIGHTED = "weighted"


class WeightSource(StrEnum):
    """The source of a vote's weight under count: weighted.

    `margin`: how clear its verdict was. `p_true`: the probability of being right that the model gives when asked
    (P(True), Kadavath 2022).
    """

    MARGIN = "margin"
    P_TRUE = "p_true"


class Quality(StrictModel):
    """The limits below which a picture is too poor to be judged.

    Sharpness: variance of the Laplacian (grey levels²). Luminance: mean grey, from 0 (black) to 1 (white). Change: mean
    grey difference from the camera's last frame; a value slightly above 0 detects a frozen camera, and 0 requires no
    change. `max_unlike`: the greatest distance of a passing picture from the golden samples, in multiples of their
    usual distance from each other. It is not checked where it is left out.
    """

    min_sharpness: float = Field(default=0.0, ge=0.0, description="least variance of the Laplacian, in grey levels²")
    luminance: tuple[Share, Share] = Field(default=(0.02, 0.98), description="darkest and brightest mean grey")
    min_change: Share = Field(default=0.0, description="least mean grey difference from the camera's last frame")
    max_unlike: float | None = Field(
        default=None, ge=1.0, description="distance from golden samples up to which a picture may pass; 1 is usual"
    )
    min_side_px: int = Field(default=32, ge=1, le=100_000, description="least width and height in pixels")

    @field_validator("luminance")
    @classmethod
    def _ordered(cls, luminance: tuple[float, float]) -> tuple[float, float]:
        if luminance[0] >= luminance[1]:
            raise ValueError("the darkest value is not below the brightest; write [darkest, brightest]")
        return luminance


class PictureSettings(StrictModel):
    """How the line's cameras encode their pictures.

    `bit_depth` is the depth of pixels in 16-bit files that do not declare it: without it, 12-bit pixels in 16-bit
    samples are refused, because a model would see them nearly black.
    """

    bit_depth: int | None = Field(
        default=None, ge=9, le=16, description="bits per sample in 16-bit files that declare none; empty: 16"
    )


class Rung(StrictModel):
    """One step of the ladder: views that are asked together.

    `samples` is the number per view. `max_tokens` cuts the reasoning text (default: 24 for draft, 256 for cot and
    budget). `min_tokens` is the least length of the text under reasoning: budget (default: half of `max_tokens`).
    """

    views: tuple[ViewName, ...] = Field(min_length=1, description="ways to ask about the frame, each at most once")
    samples: int = Field(default=1, ge=1, le=16, description="answers per view")
    reasoning: Reasoning = Field(default=Reasoning.NONE, description="what the model writes before its verdict")
    temperature: float = Field(default=0.8, ge=0.0, le=2.0, description="of sampled text")
    max_tokens: int | None = Field(
        default=None,
        ge=1,
        le=MAX_REASONING_TOKENS,
        description="a thought is cut here; empty: 24 for draft, 256 for cot and budget",
    )
    min_tokens: int | None = Field(
        default=None,
        ge=1,
        le=MAX_REASONING_TOKENS,
        description="a thought of reasoning: budget is kept going until here; empty: half of max_tokens",
    )

    @field_validator("views")
    @classmethod
    def _no_view_twice(cls, views: tuple[ViewName, ...]) -> tuple[ViewName, ...]:
        if len(set(views)) != len(views):
            raise ValueError("a view is listed twice in one rung; raise samples instead")
        return views

    @field_validator("min_tokens")
    @classmethod
    def _fits(cls, least: int | None, info: ValidationInfo) -> int | None:
        most = info.data.get("max_tokens") or REASONING_TOKENS[Reasoning.BUDGET].most
        if least is not None and least > most:
            raise ValueError(f"{least} is above max_tokens {most}; raise max_tokens to at least {least}")
        return least

    @property
    def limits(self) -> TokenLimits:
        most = self.max_tokens or REASONING_TOKENS[self.reasoning].most
        return TokenLimits((self.min_tokens or most // 2) if self.reasoning is Reasoning.BUDGET else 0, most)

    def scored(self) -> dict[str, object]:
        """Return the settings that change a score.

        Token limits are included only where they are set, so that lines qualified before these settings existed stay
        qualified.
        """
        limits = {"max_tokens", "min_tokens"}
        return self.model_dump(mode="json", exclude=limits) | self.model_dump(include=limits, exclude_defaults=True)


class SettlePolicy(StrictModel):
    """When asking stops: the required confidence of the correlation-discounted votes, and a hard cap on votes.

    `prior` is the share of NG parts on this line. 0.5 takes the votes as they are; a low value passes doubtful parts,
    so thresholds must be tuned together with it. Under count: weighted, `weight_by` chooses the source of the weights
    and `weight_temperature` evens them out (above 10 the result is close to a majority). `shadow` is the share of parts
    whose whole ladder is asked after the verdict, for learning only.
    """

    confidence: float = Field(default=0.95, gt=0.5, lt=1.0, description="asking stops at this certainty")
    max_votes: int = Field(default=12, ge=1, le=64, description="no part gets more votes")
    vote_correlation: Literal["learned"] | Share = Field(
        default="learned", description="how alike votes are: 0 independent, 1 identical"
    )
    prior: float = Field(default=0.5, gt=0.0, lt=1.0, description="share of NG parts that scores assume")
    weight_temperature: float = Field(
        default=2.0, gt=0.0, le=100.0, description="evens out weights under count: weighted; above 10 almost a majority"
    )
    weight_by: WeightSource = Field(default=WeightSource.MARGIN, description="source of weights under count: weighted")
    min_readable: float = Field(
        default=MIN_READABLE,
        ge=NOISE_SHARE,
        le=1.0,
        description="a vote counts if its OK and NG words have this share of the probability; the rest is doubt",
    )
    shadow: Share = Field(default=0.01, description="share of parts whose whole ladder is asked after their verdict")


class SecondOpinion(StrictModel):
    """An opinion about the part in addition to the model's votes.

    `patches` compares the part's patches with those of the golden samples (`judging/patch_distance.py`). `taught` asks
    the model that `inspector teach` learned (`judging/taught_opinion.py`) and named in `model`; until then, and where
    its features are missing, the part is REVIEW.

    Until the line has learned a fusion of both opinions, this one can only withhold a PASS: it does so where its p_ng
    is above `doubt_above`. For patches 0.5 is as far from the golden samples as they are from each other, 0.6 half as
    far again, 0.67 twice as far; `inspector teach` sets it for a taught model. With `points`, its heat map instead of
    the model chooses the region of the zoom view.
    """

    by: Literal["patches", "taught"] = Field(
        description="patches: compare with golden samples; taught: ask the model of inspector teach"
    )
    doubt_above: Share = Field(default=0.6, description="p_ng above which no PASS is given")
    points: bool = Field(default=False, description="the zoom view looks where the part is most suspicious")
    model: Sha256 | None = Field(default=None, description="sha256 of the taught model; written by inspector teach")

    @field_validator("model")
    @classmethod
    def _belongs_to_taught(cls, model: str | None, info: ValidationInfo) -> str | None:
        if model is not None and info.data.get("by") == "patches":
            raise ValueError("by: patches has no model; remove it, or write by: taught")
        return model

    @property
    def is_taught(self) -> bool:
        return self.by == "taught"


class Thresholds(StrictModel):
    """PASS below `pass_below`, REJECT above `reject_above`, REVIEW between them."""

    pass_below: Share = Field(default=0.20, description="scores below it are OK and PASS")
    reject_above: Share = Field(default=0.80, validate_default=True, description="scores above it are NG and REJECT")

    @field_validator("reject_above")
    @classmethod
    def _ordered(cls, reject_above: float, info: ValidationInfo) -> float:
        pass_below = info.data.get("pass_below", 0.0)
        if pass_below > reject_above:
            raise ValueError(f"{reject_above:g} is below pass_below {pass_below:g}; use at least {pass_below:g}")
        return reject_above


class QualificationLimits(StrictModel):
    """What the line must prove on its challenge set before its parts may pass.

    `escape` limits the share of NG parts that pass, `overkill` the share of OK parts that are rejected. Each limit is
    held to the one-sided upper bound of the measured share at `confidence`.
    """

    escape: float = Field(default=0.05, gt=0.0, lt=1.0, description="share of NG parts that may pass, at most")
    confidence: float = Field(default=0.95, ge=0.5, lt=1.0, description="certainty of the upper bounds")
    overkill: float | None = Field(
        default=None, gt=0.0, lt=1.0, description="share of OK parts that may be rejected, at most; empty: any"
    )


class GuardAction(StrEnum):
    """What follows when a version's reject share leaves its band: an event only, or the line is paused too."""

    EVENT = "event"
    PAUSE = "pause"


class GuardSettings(StrictModel):
    """The guard of the line: it compares the reject share of a new version with that of the version before it.

    The band is the exact 95 % interval of the earlier share, wider by `reject_share` on both sides. The guard never
    changes the version by itself.
    """

    reject_share: Share = Field(
        default=0.02, description="share by which rejects may change beyond the earlier version's interval"
    )
    action: GuardAction = Field(
        default=GuardAction.EVENT, description="event: raise REJECT_SHARE; pause: pause the line too"
    )


class GateSettings(StrictModel):
    """The gate of the line.

    `ack_within_ms`: the time after a verdict within which the gate acknowledges; a late or missing acknowledgement
    raises an event. Leave it out for a gate that does not acknowledge.
    """

    ack_within_ms: float | None = Field(
        default=None, gt=0.0, le=3_600_000.0, description="time for the gate's acknowledgement; empty: it sends none"
    )


class Resend(StrEnum):
    """What another picture under a trigger_id is while the first part is open.

    `same_picture`: another part, because a camera resends the same bytes. `same_trigger`: the same part again, for
    cameras that encode a picture anew when they resend it.
    """

    SAME_PICTURE = "same_picture"
    SAME_TRIGGER = "same_trigger"


UNIQUE_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.\-]{0,63}")
ALWAYS_UNIQUE: Final = frozenset({"trigger_id", "part_id", "sha256"})  # part of every identity
NEVER_UNIQUE: Final = frozenset(  # a resend may change them
    {"seq", "captured_at", "deadline_ms", "is_simulated", "traceparent", "template"}
)


def _unique_name(name: str) -> str:
    if not UNIQUE_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a property; use a letter and up to 63 of A-Z a-z 0-9 _ . -")
    if name in ALWAYS_UNIQUE:
        raise ValueError(f"{name} always tells parts apart; remove it")
    if name in NEVER_UNIQUE:
        raise ValueError(f"{name} may differ when a camera resends a frame; use lot, product or a property of your own")
    return name


class TriggerSettings(StrictModel):
    """What makes a trigger_id unique on the line.

    `unique_by` names properties of a frame, such as lot or boot_id: the same trigger_id with another value of them is
    another trigger. `resend` says what another picture under a trigger_id is while the first part is open.
    """

    unique_by: Annotated[
        tuple[Annotated[str, AfterValidator(_unique_name)], ...], Field(max_length=4), AfterValidator(_distinct)
    ] = Field(default=(), description="properties that make a trigger_id unique, such as lot")
    resend: Resend = Field(
        default=Resend.SAME_PICTURE, description="what another picture under an open part's trigger_id is"
    )


class Retention(StrictModel):
    """Which pictures are kept.

    Pictures of reviewed parts and of parts that did not pass are always kept. Of the passed parts, the share
    `pass_pictures` is kept, chosen by hash, and all of them for `after_hours`.
    """

    pass_pictures: Share = Field(default=0.10, description="share of passed parts whose pictures stay")
    after_hours: float = Field(default=24.0, ge=24.0, le=1_000_000.0, description="age from which pictures are removed")


class ReviewSettings(StrictModel):
    """Which parts people audit, and how many open parts may wait for people.

    An audit share is the probability with which a judged part of that disposition is drawn.
    """

    audit_pass: Share = Field(default=0.01, description="share of passed parts that people audit")
    audit_review: Share = Field(default=0.05, description="share of parts left open that count as an audit")
    audit_reject: Share = Field(default=0.05, description="share of rejected parts that people audit")
    max_open: int = Field(
        default=500, ge=1, le=10_000, description="open parts without a review, above which REVIEW_BACKLOG is raised"
    )
    max_open_hours: float = Field(
        default=24.0,
        gt=0.0,
        le=8_760.0,
        description="age of the oldest open part, above which REVIEW_BACKLOG is raised",
    )

    def audit_share(self, disposition: Disposition) -> float:
        shares = {Disposition.PASS: self.audit_pass, Disposition.REJECT: self.audit_reject}
        return shares.get(disposition, self.audit_review)


def _folded(product: str) -> str:
    """Return a product's name without regard to case, and with space, `-` and `_` alike."""
    return " ".join(re.split(r"[\s_-]+", product.casefold()))


class Pipeline(StrictModel):
    """The declaration of one product line. `question` is phrased so that Yes means a defect."""

    line: Name = Field(description="name of the line, as in its topics")
    product: Product = Field(description="what is inspected, in words for the model")
    products: Annotated[tuple[ProductName, ...], Field(max_length=256), AfterValidator(_distinct)] = Field(
        default=(), description="further names of the product, as frames declare it; line and product always count"
    )
    question: Text = Field(description="the direct question; Yes must mean a defect")
    defects: dict[Name, Severity] = Field(min_length=1, max_length=32, description="defect classes with their severity")
    cameras: Cameras = Field(
        description='cameras of the line: a list of names, or names with their settings; `["*"]`: any camera'
    )
    paraphrases: Texts = Field(default=(), description="the question in other words, for view paraphrase")
    checklist: Texts = Field(default=(), description="questions about single defects, for view checklist")
    ladder: tuple[Rung, ...] = Field(min_length=1, max_length=8, description="rungs from cheap to dear")
    references: int = Field(default=0, ge=0, le=4, description="golden samples shown with every frame")
    golden_samples: Annotated[
        tuple[PicturePath, ...],
        Field(max_length=64, validate_default=True, description="pictures of good parts, relative to the file"),
        AfterValidator(_distinct),
    ] = ()
    second_opinion: SecondOpinion | None = Field(default=None, description="an opinion in addition to votes")
    similar_parts: Sha256 | None = Field(
        default=None, description="sha256 of the memory that view similar shows parts of; written by inspector remember"
    )
    picture: PictureSettings = Field(default=PictureSettings(), description="how cameras encode pictures")
    quality: Quality = Field(default=Quality(), description="pictures that are too poor to be judged")
    count: CountMethod = Field(default=CountMethod.SOFT, description="how votes become a score")
    settle: SettlePolicy = Field(default=SettlePolicy(), description="when asking stops")
    thresholds: Thresholds = Field(default=Thresholds(), description="scores that PASS and REJECT need")
    deadline_ms: float = Field(
        default=1500.0, ge=50.0, le=600_000.0, description="milliseconds from capture until the gate acts"
    )
    fail_safe: Literal[Disposition.REVIEW, Disposition.REJECT] = Field(
        default=Disposition.REVIEW, description="disposition of parts about which nothing could be proved"
    )
    trigger: TriggerSettings = Field(default=TriggerSettings(), description="what makes a trigger_id unique")
    gate: GateSettings = Field(default=GateSettings(), description="what the line's gate sends back")
    retention: Retention = Field(default=Retention(), description="which pictures stay")
    reviews: ReviewSettings = Field(default=ReviewSettings(), description="what people review")
    close_looks: int = Field(default=2, ge=0, le=4, description="crops on which each defect is localised again")
    qualification: QualificationLimits = Field(
        default=QualificationLimits(), description="what the line must prove before its parts may pass"
    )
    guard: GuardSettings | None = Field(
        default=None,
        description="what happens when a new version rejects another share than the one before; empty: nothing",
    )
    learned: LearnedSettings | None = Field(default=None, description="written by inspector learn")

    @field_validator("defects")
    @classmethod
    def _distinguishable(cls, defects: dict[str, Severity]) -> dict[str, Severity]:
        if len({name.lower() for name in defects}) < len(defects):
            raise ValueError("two classes differ only in upper and lower case, which answers ignore; rename one")
        return defects

    @field_validator("ladder")
    @classmethod
    def _separates_votes(cls, ladder: tuple[Rung, ...]) -> tuple[Rung, ...]:
        votes = 0
        for rung in ladder:
            votes += rung.samples * sum(view is not ViewName.SEPARATE for view in rung.views)
            if ViewName.SEPARATE in rung.views and votes < MIN_VOTES_TO_DISAGREE:
                raise ValueError(
                    "separate is asked only where votes disagree, and fewer than two can come before it; "
                    "put it after rungs with two views or samples"
                )
        return ladder

    @field_validator("golden_samples")
    @classmethod
    def _golden_samples_suffice(cls, golden: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        compares = any(ViewName.COMPARE in rung.views for rung in info.data.get("ladder", ()))
        needed = max(info.data.get("references", 0), int(compares))
        if len(golden) < needed:
            raise ValueError(
                f"{len(golden)} declared, but references or the compare view need {needed}; "
                "list that many pictures of good parts, relative to this file"
            )
        return golden

    @field_validator("second_opinion")
    @classmethod
    def _has_golden_samples(cls, opinion: SecondOpinion | None, info: ValidationInfo) -> SecondOpinion | None:
        if opinion is not None and not opinion.is_taught and info.data.get("golden_samples") == ():
            raise ValueError(
                "needs golden samples to compare with; list pictures of good parts in golden_samples, best four"
            )
        return opinion

    @field_validator("quality")
    @classmethod
    def _unlike_needs_golden_samples(cls, quality: Quality, info: ValidationInfo) -> Quality:
        if quality.max_unlike is not None and info.data.get("golden_samples") == ():
            raise ValueError("max_unlike compares with golden samples, and none are listed; list some, best four")
        return quality

    def accepts_product(self, declared: str | None) -> bool:
        """Return whether a frame of this product is the line's to judge. A frame need not declare one."""
        names = {_folded(name) for name in (self.line, self.product, *self.products)}
        return declared is None or _folded(declared) in names

    def accepts_camera(self, camera: str) -> bool:
        """Return whether this camera's frames are the line's to judge."""
        return camera in self.cameras or ANY_CAMERA in self.cameras

    @property
    def named_cameras(self) -> tuple[str, ...]:
        """The cameras that the line names; none where it accepts any."""
        return tuple(name for name in self.cameras if name != ANY_CAMERA)

    def region(self, camera: str) -> Region | None:
        """Return the region of this camera's pictures that is inspected; None for all of them."""
        return self.cameras[camera].region if camera in self.cameras else None

    @property
    def camera_groups(self) -> tuple[CameraGroup, ...]:
        """The cameras that are judged alike, by their regions."""
        return camera_groups(self.cameras)

    @property
    def looks_at_patches(self) -> bool:
        """Whether the part's patches are compared with those of the golden samples."""
        return self.second_opinion is not None or self.quality.max_unlike is not None

    @property
    def asks_p_true(self) -> bool:
        """Whether the model is asked for each vote if it is right."""
        return self.count is CountMethod.WEIGHTED and self.settle.weight_by is WeightSource.P_TRUE

    @property
    def shows_similar(self) -> bool:
        """Whether the ladder shows reviewed parts before the frame."""
        return any(ViewName.SIMILAR in rung.views for rung in self.ladder)

    @property
    def separates(self) -> bool:
        """Whether the ladder asks what separates an NG claim from a good part."""
        return any(ViewName.SEPARATE in rung.views for rung in self.ladder)

    def learned_under(self, fingerprint: str) -> LearnedSettings | None:
        """Return the learned settings if they hold under this fingerprint."""
        return self.learned if self.learned and self.learned.fingerprint == fingerprint else None

    def settings_fingerprint(self, camera: str = ANY_CAMERA) -> str:
        """Hash (16 hex) the settings that change the scores of this camera's parts, but not thresholds or deadlines.

        It holds for all cameras of the line without a region; each region has a hash of its own.
        Golden samples are not part of it: `line_fingerprint` adds them by their bytes, so that their paths may change.
        """
        scored = self.model_dump(mode="json", include=set(SCORED_SETTINGS))
        # prompts name the classes in declared order, without their severities
        scored["defects"] = list(self.defects)
        scored["ladder"] = [rung.scored() for rung in self.ladder]
        scored["min_readable"] = self.settle.min_readable
        # included only where changed, so that lines qualified before these settings existed stay qualified
        scored |= self.settle.model_dump(include={"prior", "weight_temperature"}, exclude_defaults=True)
        if self.picture != PictureSettings():
            scored["picture"] = self.picture.model_dump()
        if region := self.region(camera):
            scored["region"] = region
        if self.second_opinion is not None:
            version = self.second_opinion.model if self.second_opinion.is_taught else SECOND_OPINION_VERSION
            scored["second_opinion"] = [version, self.second_opinion.points]
        if any(rung.reasoning in (Reasoning.COT, Reasoning.BUDGET) for rung in self.ladder):
            scored["thoughts"] = REASONING_VERSION
        if self.asks_p_true:
            scored["p_true"] = P_TRUE_VERSION
        if self.shows_similar:
            scored["similar"] = [SIMILAR_VERSION, self.similar_parts]
        if self.separates:
            scored["separate"] = SEPARATE_VERSION
        return hashlib.sha256(json.dumps(scored, sort_keys=True).encode()).hexdigest()[:16]

    def policy_fingerprint(self) -> str:
        """Hash (16 hex) the settings that turn scores into dispositions. A qualification holds for one of them.

        Defaults are left out, so that lines qualified before a setting existed stay qualified. So is `settle.shadow`:
        shadow votes decide nothing.
        """
        settle = self.settle.model_copy(update={"shadow": SettlePolicy().shadow})
        decided = self.model_copy(update={"settle": settle})
        policy = decided.model_dump(mode="json", include=set(POLICY_SETTINGS), exclude_defaults=True)
        return hashlib.sha256(json.dumps(policy, sort_keys=True).encode()).hexdigest()[:16]


# Part of the fingerprint of lines that use them: increase one whenever its scores change for the same pictures.
SECOND_OPINION_VERSION: Final = "patches/1"
REASONING_VERSION: Final = "thoughts/1"  # wording of cot and budget, which no model fingerprint covers
SIMILAR_VERSION: Final = "similar/1"  # wording and choice of similar parts, which no model fingerprint covers
SEPARATE_VERSION: Final = "separate/1"  # wording about claims, which no model fingerprint covers
P_TRUE_VERSION: Final = "p_true/2"  # wording of the question whether a verdict is right
SCORED_SETTINGS: Final = frozenset(
    {
        "product",
        "question",
        "defects",
        "paraphrases",
        "checklist",
        "ladder",
        "references",
        "count",
    }
)
POLICY_SETTINGS: Final = frozenset(
    {"count", "settle", "thresholds", "second_opinion", "quality", "deadline_ms", "learned"}
)
SCORED_WHEN_CHANGED: Final = frozenset(  # fields below a setting; most count only where they differ from defaults
    {
        "settle.min_readable",
        "settle.prior",
        "settle.weight_temperature",
        "settle.weight_by",
        "second_opinion.by",
        "second_opinion.points",
        "second_opinion.model",
        "similar_parts",
        "picture.bit_depth",
    }
)


def scoring_fingerprint(pipeline: Pipeline, golden: tuple[str, ...], camera: str) -> str:
    """Hash (16 hex) what changes the scores of this camera's parts, whatever the model."""
    return line_fingerprint(pipeline.settings_fingerprint(camera), "", golden)


def line_fingerprint(settings_fingerprint: str, model_fingerprint: str, golden: tuple[str, ...] = ()) -> str:
    """Hash (16 hex) everything that may change scores: settings, model and golden samples.

    Thresholds are valid for one fingerprint only. `golden` holds the sha256 of each golden sample's bytes.
    """
    return hashlib.sha256("/".join((settings_fingerprint, model_fingerprint, *golden)).encode()).hexdigest()[:16]
