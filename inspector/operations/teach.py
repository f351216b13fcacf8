"""Teach a line on its ledger: golden samples and reviewed parts, measured on the newest fifth, with its price."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

import numpy as np

from inspector.adapters.ledger import DeclaredVersion, FileEvidence, store_versions
from inspector.bootstrap.part_features import FeatureReader
from inspector.domain.line_version import VersionOrigin
from inspector.domain.pipeline import Pipeline, SecondOpinion
from inspector.errors import InspectorError
from inspector.judging.taught_opinion import pass_limit
from inspector.numerics.classification_metrics import auroc
from inspector.operations.line_states import user_name
from inspector.operations.progress import ReportProgress, no_progress
from inspector.operations.taught_figures import (
    MAX_LISTED_MOVES,
    MeasuredResult,
    MovedPart,
    TaughtHeat,
    TaughtReplay,
    TeachingStep,
    learning_curve,
    taught_heat,
)
from inspector.operations.taught_parts import LineKnowledge, PartFeatureReader, TeachingParts, read_knowledge
from inspector.ports.ledger import PipelineVersion
from inspector.teaching.advice import Advice
from inspector.teaching.part_features import TaughtPart
from inspector.teaching.taught_model import MEDIA_TYPE, TaughtModel, read_taught_model
from inspector.teaching.teacher import ReportStep, TeachingReport, teach
from inspector.tuning.counterfactual import Impact

KNOWN_NG_SHARE: Final = 0.9  # of the lowest p_ng of a known NG part, above which the model doubts
MIN_MEASURED_PER_KIND: Final = 5  # measured OK and NG parts, before a model is compared with the live one
MAX_LOSS: Final = 0.02  # AUROC that a new model may lose against the live one


class TaughtStorage(StrEnum):
    """What a run stores: nothing, the model alone, or the model and a new version of the line."""

    NOTHING = "nothing"
    MODEL = "model"
    VERSION = "version"


class TeachingObjection(StrEnum):
    """Why a result is refused."""

    CHANCE = "chance"
    NO_LIMIT = "no_limit"
    RANKS_WORSE = "ranks_worse"
    NG_WOULD_PASS = "ng_would_pass"


class RefusedTeaching(NamedTuple):
    """A refusal, in words that say what to do."""

    objection: TeachingObjection
    text: str


class TaughtResult(NamedTuple):
    """The taught model, its figures, its price, and the new version; None where none was stored.

    `base` is the version that it was taught over, `opinion` what a version with it declares. `moved` are all reviewed
    parts that would have ended otherwise. `without_picture` counts reviewed parts whose picture is no longer stored,
    `challenge` those that were left out for the challenge set.
    """

    line: str
    base: int
    report: TeachingReport
    opinion: SecondOpinion
    grouped_by: str
    measured: MeasuredResult
    curve: tuple[TeachingStep, ...]
    price: Impact
    moved: tuple[MovedPart, ...]
    heat: tuple[TaughtHeat, ...]
    without_picture: int
    challenge: int
    refused: RefusedTeaching | None
    sha256: str
    version: int | None

    def as_json(self) -> dict[str, Any]:
        report, evidence = self.report, self.report.evidence
        return {
            "line": self.line,
            "base": self.base,
            "advice": str(report.advice),
            "refused": self.refused.text if self.refused else "",
            "objection": self.refused and self.refused.objection,
            "model": self.sha256,
            "second_opinion": self.opinion.model_dump(mode="json"),
            "backbones": [name for name, _ in report.model.backbones],
            "new_version": self.version,
            "members": [str(member.name) for member in report.model.members],
            "methods": report.methods,
            "grouped_by": self.grouped_by,
            "used": evidence._asdict(),
            "measured": self.measured.as_json(),
            "curve": [each.as_json() for each in self.curve],
            "auroc": report.ranking.auroc,
            "decided_share": report.ranking.decided_share,
            "missing": list(report.missing),
            "left_out": list(report.outliers),
            "without_picture": self.without_picture,
            "left_out_for_challenge_set": self.challenge,
            "price": self.price.as_json(),
            "moved": [each.as_json() for each in self.moved[:MAX_LISTED_MOVES]],
            "heat_maps": [each.as_json() for each in self.heat],
        }


def teach_line(
    database: str,
    evidence: FileEvidence,
    line: str,
    features: FeatureReader,
    *,
    store: TaughtStorage = TaughtStorage.VERSION,
    report: ReportProgress = no_progress,
) -> TaughtResult:
    """Teach the line, and store what `store` says unless the result is refused.

    Raises InspectorError for an unknown line, or where nothing can be learned.
    """
    records = read_knowledge(database, line)
    reader = PartFeatureReader(records, evidence, features)
    reviewed = reader.reviewed_parts(report)
    golden = [] if reviewed.name_templates else reader.golden_parts(reviewed.pictures | records.challenge_pictures)
    lesson = _Lesson(records, reviewed, golden, features.backbones)
    learned = lesson.learn(lesson.teaching, lambda done, steps: report(f"teaching {line}", done, steps))
    data, before = learned.model.to_bytes(), records.live.pipeline
    sha256 = hashlib.sha256(data).hexdigest()
    opinion = _opinion(before, sha256, learned.model, lesson.measured)
    after = before.model_copy(update={"second_opinion": opinion, "learned": None})
    price = TaughtReplay.of(reviewed, before, after, learned.model, records.fingerprint)
    moved = tuple(price.moved)
    refused = _refusal(learned) or _worse(before, learned.model, lesson.measured, evidence) or _harm(moved)
    stored = TaughtStorage.NOTHING if refused else store
    return TaughtResult(
        line=line,
        base=records.live.version,
        report=learned,
        opinion=opinion,
        grouped_by=reviewed.grouped_by,
        measured=MeasuredResult.of(learned.model, lesson.measured),
        curve=lesson.curve(learned, report),
        price=price.impact,
        moved=moved,
        heat=tuple(taught_heat(learned.model, reviewed, before)),
        without_picture=reviewed.without_picture,
        challenge=records.challenge,
        refused=refused,
        sha256=sha256,
        version=_store(database, evidence, data, after, records.live, stored),
    )


@dataclass(frozen=True, slots=True)
class _Lesson:
    """The parts that teach one line, and those that measure what was learned."""

    records: LineKnowledge
    reviewed: TeachingParts
    golden: Sequence[TaughtPart]
    backbones: Sequence[tuple[str, str]]

    @property
    def measured(self) -> list[TaughtPart]:
        held = self.reviewed.measured_groups
        return [part for part in self.reviewed.parts if part.group in held]

    @property
    def teaching(self) -> list[TaughtPart]:
        """The reviewed parts that teach, oldest first."""
        held = self.reviewed.measured_groups
        return [part for part in self.reviewed.parts if part.group not in held]

    def learn(self, parts: Sequence[TaughtPart], report: ReportStep = lambda *_: None) -> TeachingReport:
        """Teach with the golden samples and these reviewed parts."""
        return teach(
            [*self.golden, *parts],
            grouped=self.reviewed.grouped,
            declared=list(self.records.live.pipeline.defects),
            backbones=self.backbones,
            report=report,
        )

    def curve(self, learned: TeachingReport, report: ReportProgress) -> tuple[TeachingStep, ...]:
        """Return what fewer parts taught, and last what all of them did."""
        steps = learning_curve(lambda parts: self.learn(parts).model, self.teaching, self.measured, report)
        return (*steps, *([TeachingStep.of(learned.model, self.teaching, self.measured)] if self.measured else []))


def _opinion(pipeline: Pipeline, sha256: str, model: TaughtModel, measured: Sequence[TaughtPart]) -> SecondOpinion:
    """Declare the taught model. It doubts every known NG part, those that measured it included."""
    known = pipeline.second_opinion
    lowest = min((model.opinion(part.features).p_ng for part in measured if part.is_ng), default=1.0)
    return SecondOpinion(
        by="taught",
        doubt_above=min(pass_limit(model), lowest * KNOWN_NG_SHARE),
        points=known.points if known else False,
        model=sha256,
    )


def _refusal(learned: TeachingReport) -> RefusedTeaching | None:
    if learned.advice is Advice.REFUSE:
        text = f"the methods rank the parts no better than by chance; missing: {'; '.join(learned.missing)}"
        return RefusedTeaching(TeachingObjection.CHANCE, text)
    if learned.model.limits.pass_below is None:
        text = "no limit certifies that few NG parts would get no doubt; add NG parts, or leave the line untaught"
        return RefusedTeaching(TeachingObjection.NO_LIMIT, text)
    return None


def _worse(
    before: Pipeline, model: TaughtModel, measured: Sequence[TaughtPart], evidence: FileEvidence
) -> RefusedTeaching | None:
    """Refuse a model that ranks the newest fifth worse than the live taught model, where that can read its features."""
    known = before.second_opinion
    is_ng = np.array([part.is_ng for part in measured], bool)
    if known is None or known.model is None or min(is_ng.sum(), (~is_ng).sum()) < MIN_MEASURED_PER_KIND:
        return None
    try:
        live = read_taught_model(evidence.get(known.model))
    except (KeyError, InspectorError):
        return None
    if any(live.missing(part.features) for part in measured):
        return None
    then, now = (
        auroc(np.array([each.opinion(part.features).log_odds for part in measured]), is_ng) for each in (live, model)
    )
    text = f"it ranks the newest fifth at AUROC {now:.3f}, the live model at {then:.3f}; review more parts"
    return RefusedTeaching(TeachingObjection.RANKS_WORSE, text) if now < then - MAX_LOSS else None


def _harm(moved: Sequence[MovedPart]) -> RefusedTeaching | None:
    """Refuse a model under which a known NG part passes that does not pass now."""
    turned = sum(part.is_escape for part in moved)
    text = f"{turned} known NG part(s) would turn PASS; look at them, and correct their reviews or review more NG parts"
    return RefusedTeaching(TeachingObjection.NG_WOULD_PASS, text) if turned else None


def _store(
    database: str, evidence: FileEvidence, data: bytes, after: Pipeline, live: PipelineVersion, stored: TaughtStorage
) -> int | None:
    if stored is not TaughtStorage.NOTHING:
        evidence.put(data, MEDIA_TYPE)
    if stored is not TaughtStorage.VERSION:
        return None
    taught = DeclaredVersion(
        after, live.golden, user_name(), parent=live.version, reason="taught model", origin=VersionOrigin.TEACH
    )
    new = store_versions(database, [taught])
    return new[0].version if new else None
