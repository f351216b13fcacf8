"""Teach a line on its ledger: golden samples and reviewed parts, measured on the newest fifth, with its price."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np

from inspector.adapters.ledger import DeclaredVersion, FileEvidence, store_versions
from inspector.bootstrap.part_features import FeatureReader
from inspector.domain.declared import Disposition
from inspector.domain.line_version import VersionOrigin
from inspector.domain.pipeline import Pipeline, SecondOpinion
from inspector.domain.vote import Opinion
from inspector.errors import InspectorError
from inspector.judging.taught_opinion import pass_limit
from inspector.numerics.classification_metrics import auroc
from inspector.numerics.exact_bounds import MeasuredShare, measured_share
from inspector.operations.line_states import user_name
from inspector.operations.progress import ReportProgress, no_progress
from inspector.operations.taught_parts import PartFeatureReader, TeachingParts, read_knowledge
from inspector.ports.ledger import PipelineVersion
from inspector.teaching.advice import Advice
from inspector.teaching.part_features import TaughtPart
from inspector.teaching.taught_model import MEDIA_TYPE, TaughtModel, read_taught_model
from inspector.teaching.teacher import TeachingReport, teach
from inspector.tuning.counterfactual import Impact, impact

KNOWN_NG_SHARE: Final = 0.9  # of the lowest p_ng of a known NG part, above which the model doubts
MIN_MEASURED_PER_KIND: Final = 5  # measured OK and NG parts, before a model is compared with the live one
MAX_LOSS: Final = 0.02  # AUROC that a new model may lose against the live one


class MeasuredResult(NamedTuple):
    """The taught model on the newest fifth, which nothing saw. Escape and overkill at the limit of the model."""

    ng: int
    ok: int
    escape: MeasuredShare
    overkill: MeasuredShare


class TaughtResult(NamedTuple):
    """The taught model, its figures, its price, and the new version; None where nothing was stored.

    `refused` says why. `without_picture` counts reviewed parts whose picture is no longer stored, `challenge` those
    that were left out for the challenge set.
    """

    line: str
    report: TeachingReport
    grouped_by: str
    measured: MeasuredResult
    price: Impact
    without_picture: int
    challenge: int
    refused: str
    sha256: str
    version: int | None

    def as_json(self) -> dict[str, Any]:
        report, evidence = self.report, self.report.evidence
        return {
            "line": self.line,
            "advice": str(report.advice),
            "refused": self.refused,
            "model": self.sha256,
            "new_version": self.version,
            "members": [str(member.name) for member in report.model.members],
            "methods": report.methods,
            "grouped_by": self.grouped_by,
            "used": evidence._asdict(),
            "measured": {
                "ng": self.measured.ng,
                "ok": self.measured.ok,
                "escape": self.measured.escape.as_json(),
                "overkill": self.measured.overkill.as_json(),
            },
            "decided_share": report.ranking.decided_share,
            "missing": list(report.missing),
            "left_out": list(report.outliers),
            "without_picture": self.without_picture,
            "left_out_for_challenge_set": self.challenge,
            "price": self.price.as_json(),
        }


def teach_line(
    database: str,
    evidence: FileEvidence,
    line: str,
    features: FeatureReader,
    *,
    dry_run: bool = False,
    report: ReportProgress = no_progress,
) -> TaughtResult:
    """Teach the line, and store model and new version unless `dry_run` or the result is refused.

    Raises InspectorError for an unknown line, or where nothing can be learned.
    """
    records = read_knowledge(database, line)
    reader = PartFeatureReader(records, evidence, features)
    reviewed = reader.reviewed_parts(report)
    held = reviewed.measured_groups
    measured = [part for part in reviewed.parts if part.group in held]
    golden = [] if reviewed.name_templates else reader.golden_parts(reviewed.pictures | records.challenge_pictures)
    learned = teach(
        [*golden, *(part for part in reviewed.parts if part.group not in held)],
        grouped=reviewed.grouped,
        declared=list(records.live.pipeline.defects),
        backbones=features.backbones,
        report=lambda done, steps: report(f"teaching {line}", done, steps),
    )
    data, before = learned.model.to_bytes(), records.live.pipeline
    after = _taught(before, hashlib.sha256(data).hexdigest(), learned.model, measured)
    price = _price(reviewed, before, after, learned.model, records.fingerprint)
    refused = _refusal(learned) or _worse(before, learned.model, measured, evidence)
    refused = refused or _harm(reviewed.ng_only, before, after, learned.model, records.fingerprint)
    version = None if dry_run or refused else _store(database, evidence, data, after, records.live)
    return TaughtResult(
        line,
        learned,
        reviewed.grouped_by,
        _measured_result(learned.model, measured),
        price,
        reviewed.without_picture,
        records.challenge,
        refused,
        hashlib.sha256(data).hexdigest(),
        version,
    )


def _taught(pipeline: Pipeline, sha256: str, model: TaughtModel, measured: Sequence[TaughtPart]) -> Pipeline:
    """Declare the taught model. It doubts every known NG part, those that measured it included."""
    known = pipeline.second_opinion
    lowest = min((model.opinion(part.features).p_ng for part in measured if part.is_ng), default=1.0)
    opinion = SecondOpinion(
        by="taught",
        doubt_above=min(pass_limit(model), lowest * KNOWN_NG_SHARE),
        points=known.points if known else False,
        model=sha256,
    )
    return pipeline.model_copy(update={"second_opinion": opinion, "learned": None})


def _refusal(learned: TeachingReport) -> str:
    if learned.advice is Advice.REFUSE:
        return f"the methods rank the parts no better than by chance; missing: {'; '.join(learned.missing)}"
    if learned.model.limits.pass_below is None:
        return "no limit certifies that few NG parts would get no doubt; add NG parts, or leave the line untaught"
    return ""


def _worse(before: Pipeline, model: TaughtModel, measured: Sequence[TaughtPart], evidence: FileEvidence) -> str:
    """Refuse a model that ranks the newest fifth worse than the live taught model, where that can read its features."""
    known = before.second_opinion
    is_ng = np.array([part.is_ng for part in measured], bool)
    if known is None or known.model is None or min(is_ng.sum(), (~is_ng).sum()) < MIN_MEASURED_PER_KIND:
        return ""
    try:
        live = read_taught_model(evidence.get(known.model))
    except (KeyError, InspectorError):
        return ""
    if any(live.missing(part.features) for part in measured):
        return ""
    then, now = (
        auroc(np.array([each.opinion(part.features).log_odds for part in measured]), is_ng) for each in (live, model)
    )
    return (
        f"it ranks the newest fifth at AUROC {now:.3f}, the live model at {then:.3f}" if now < then - MAX_LOSS else ""
    )


def _passes(model: TaughtModel, part: TaughtPart) -> bool:
    return model.opinion(part.features).p_ng <= pass_limit(model)


def _measured_result(model: TaughtModel, measured: Sequence[TaughtPart]) -> MeasuredResult:
    is_ng = np.array([part.is_ng for part in measured], bool)
    passes = np.array([_passes(model, part) for part in measured], bool)
    ng, ok = int(is_ng.sum()), int((~is_ng).sum())
    escape, overkill = int((passes & is_ng).sum()), int((~passes & ~is_ng).sum())
    return MeasuredResult(ng, ok, measured_share(escape, ng), measured_share(overkill, ok))


def _price(reviewed: TeachingParts, before: Pipeline, after: Pipeline, model: TaughtModel, fingerprint: str) -> Impact:
    """Replay the votes of the reviewed parts that the live fingerprint judged, with both opinions."""
    judged = [
        (each, part)
        for each, part in zip(reviewed.histories, reviewed.parts, strict=True)
        if each.part.pipeline.fingerprint == fingerprint
    ]
    new = [each._replace(part=replace(each.part, opinion=_opinion(model, part))) for each, part in judged]
    return impact([each for each, _ in judged], before, after, fingerprint, new)


def _opinion(model: TaughtModel, part: TaughtPart) -> Opinion:
    return Opinion(model.opinion(part.features).p_ng)


def _harm(known_ng: TeachingParts, before: Pipeline, after: Pipeline, model: TaughtModel, fingerprint: str) -> str:
    """Refuse a model under which a known NG part passes that does not pass now."""
    moved = _price(known_ng, before, after, model, fingerprint).moved
    turned = sum(count for (_, new), count in moved.items() if new is Disposition.PASS)
    return f"{turned} known NG part(s) would turn PASS" if turned else ""


def _store(database: str, evidence: FileEvidence, data: bytes, after: Pipeline, live: PipelineVersion) -> int | None:
    evidence.put(data, MEDIA_TYPE)
    taught = DeclaredVersion(
        after, live.golden, user_name(), parent=live.version, reason="taught model", origin=VersionOrigin.TEACH
    )
    stored = store_versions(database, [taught])
    return stored[0].version if stored else None
