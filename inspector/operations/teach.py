"""Teach a line on its ledger: golden samples and reviewed parts, measured on the newest fifth, with its price."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import numpy as np

from inspector.adapters.ledger import DeclaredVersion, FileEvidence, SqlArchive, store_versions
from inspector.bootstrap.part_features import FeatureReader
from inspector.domain.part import PartRecord
from inspector.domain.pipeline import Pipeline, SecondOpinion
from inspector.domain.review import PartHistory
from inspector.domain.vote import Opinion
from inspector.errors import InspectorError, LedgerError, PictureError
from inspector.judging.taught_opinion import pass_limit
from inspector.numerics.exact_bounds import MeasuredShare, measured_share
from inspector.operations.line_records import live_version
from inspector.operations.progress import ReportProgress, no_progress
from inspector.ports.ledger import PipelineVersion
from inspector.teaching.advice import Advice
from inspector.teaching.newest_fifth import DatedPart, group_parts, newest_groups
from inspector.teaching.part_features import TaughtPart
from inspector.teaching.taught_model import MEDIA_TYPE, TaughtModel
from inspector.teaching.teacher import TeachingReport, teach
from inspector.tuning.counterfactual import Impact, impact

MAX_REVIEWED_PARTS: Final = 2000  # newest reviewed parts that are read


class MeasuredResult(NamedTuple):
    """The taught model on the newest fifth, which nothing saw. Escape and overkill at the limit of the model."""

    ng: int
    ok: int
    escape: MeasuredShare
    overkill: MeasuredShare


class TaughtResult(NamedTuple):
    """The taught model, its figures, its price, and the new version; None where nothing was stored.

    `refused` says why. `without_picture` counts reviewed parts whose picture is no longer stored.
    """

    line: str
    report: TeachingReport
    grouped_by: str
    measured: MeasuredResult
    price: Impact
    without_picture: int
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
            "price": self.price.as_json(),
        }


@dataclass(frozen=True, slots=True)
class ReviewedParts:
    """Reviewed parts with their features, oldest first, those without a picture left out."""

    histories: tuple[PartHistory, ...]
    parts: tuple[TaughtPart, ...]
    grouped_by: str
    grouped: bool
    without_picture: int


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
    with closing(SqlArchive(database)) as archive:
        live = live_version(archive, line)
        history = archive.reviewed(line, MAX_REVIEWED_PARTS)
        fingerprint = archive.fingerprint(line) or ""
    reviewed = _reviewed_parts(history, evidence, features, report)
    held = _measured_groups(reviewed)
    measured = [part for part in reviewed.parts if part.group in held]
    golden = _golden_parts(live, evidence, features, {_picture(each) for each in reviewed.histories})
    learned = teach(
        [*golden, *(part for part in reviewed.parts if part.group not in held)],
        grouped=reviewed.grouped,
        declared=list(live.pipeline.defects),
        backbones=features.backbones,
        report=lambda done, steps: report(f"teaching {line}", done, steps),
    )
    data = learned.model.to_bytes()
    after = _taught(live.pipeline, hashlib.sha256(data).hexdigest(), learned.model)
    refused = _refusal(learned, measured)
    price = _price(reviewed, live.pipeline, after, learned.model, fingerprint)
    refused = refused or _harm(price)
    version = None if dry_run or refused else _store(database, evidence, data, after, live.golden)
    result = _measured_result(learned.model, measured)
    names = (learned, reviewed.grouped_by, result, price, reviewed.without_picture, refused)
    return TaughtResult(line, *names, hashlib.sha256(data).hexdigest(), version)


def _reviewed_parts(
    history: Sequence[PartHistory], evidence: FileEvidence, features: FeatureReader, report: ReportProgress
) -> ReviewedParts:
    kind = group_parts([_dated(each.part) for each in history])
    kept: list[tuple[PartHistory, TaughtPart]] = []
    for number, (each, group) in enumerate(zip(history, kind.groups, strict=True), 1):
        part = _taught_part(each, group, evidence, features)
        kept += [(each, part)] if part else []
        report("features of reviewed parts", number, len(history))
    histories, parts = tuple(each for each, _ in kept), tuple(part for _, part in kept)
    return ReviewedParts(histories, parts, kind.name, kind.size > 1, len(history) - len(kept))


def _taught_part(each: PartHistory, group: str, evidence: FileEvidence, features: FeatureReader) -> TaughtPart | None:
    """Return None where the part has no stored, readable picture."""
    try:
        data = evidence.get(_picture(each))
        return TaughtPart(each.part.result_id, group, each.is_ng is True, features.read(data))
    except (KeyError, LedgerError, PictureError):
        return None


def _golden_parts(
    live: PipelineVersion, evidence: FileEvidence, features: FeatureReader, reviewed: set[str]
) -> list[TaughtPart]:
    """Return the golden samples; one that was reviewed as a part counts as that part. Each is a group of its own."""
    parts = []
    for number, sha256 in enumerate(live.golden, 1):
        if sha256 in reviewed:
            continue
        try:
            part_features = features.read(evidence.get(sha256))
        except KeyError as error:
            raise InspectorError(f"golden sample {sha256[:12]}… is not stored; run: inspector apply") from error
        parts.append(TaughtPart(f"golden sample {number}", f"golden {sha256}", False, part_features))
    return parts


def _measured_groups(reviewed: ReviewedParts) -> frozenset[str]:
    kind = group_parts([_dated(each.part) for each in reviewed.histories])
    return newest_groups([_dated(each.part) for each in reviewed.histories], kind)


def _dated(part: PartRecord) -> DatedPart:
    return DatedPart(part.result_id, part.part_id, part.lot, part.received_at)


def _picture(each: PartHistory) -> str:
    return each.part.evidence.sha256 if each.part.evidence else ""


def _taught(pipeline: Pipeline, sha256: str, model: TaughtModel) -> Pipeline:
    known = pipeline.second_opinion
    opinion = SecondOpinion(
        by="taught", doubt_above=pass_limit(model), points=known.points if known else False, model=sha256
    )
    return pipeline.model_copy(update={"second_opinion": opinion, "learned": None})


def _refusal(learned: TeachingReport, measured: Sequence[TaughtPart]) -> str:
    if learned.advice is Advice.REFUSE:
        return f"the methods rank the parts no better than by chance; missing: {'; '.join(learned.missing)}"
    if learned.model.limits.pass_below is None:
        return "no limit certifies that few NG parts would pass; add NG parts, or leave the line untaught"
    escapes = [part.name for part in measured if part.is_ng and _passes(learned.model, part)]
    if escapes:
        return f"{len(escapes)} known NG part(s) of the newest fifth would get no doubt, such as {escapes[0]}"
    return ""


def _passes(model: TaughtModel, part: TaughtPart) -> bool:
    return model.opinion(part.features).p_ng <= pass_limit(model)


def _measured_result(model: TaughtModel, measured: Sequence[TaughtPart]) -> MeasuredResult:
    is_ng = np.array([part.is_ng for part in measured], bool)
    passes = np.array([_passes(model, part) for part in measured], bool)
    ng, ok = int(is_ng.sum()), int((~is_ng).sum())
    escape, overkill = int((passes & is_ng).sum()), int((~passes & ~is_ng).sum())
    return MeasuredResult(ng, ok, measured_share(escape, ng), measured_share(overkill, ok))


def _price(reviewed: ReviewedParts, before: Pipeline, after: Pipeline, model: TaughtModel, fingerprint: str) -> Impact:
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


def _harm(price: Impact) -> str:
    """Refuse a model under which a known NG part passes that does not pass now."""
    before, after = price.escapes
    return f"escapes among stored reviewed parts would rise from {before} to {after}" if after > before else ""


def _store(database: str, evidence: FileEvidence, data: bytes, after: Pipeline, golden: tuple[str, ...]) -> int | None:
    evidence.put(data, MEDIA_TYPE)
    stored = store_versions(database, [DeclaredVersion(after, golden, os.environ.get("USER", ""))])
    return stored[0].version if stored else None
