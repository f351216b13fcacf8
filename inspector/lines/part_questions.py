"""What the model was asked about a part: each view's question, and the pictures that it was shown. Blocking.

Questions and golden samples are worked out anew from the version that judged the part, as its replica did.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import NamedTuple

from inspector.domain.declared import ViewName
from inspector.domain.ladder import question_groups
from inspector.domain.part import PartRecord
from inspector.domain.pipeline import Pipeline
from inspector.domain.prompts import Pictures, claim_orders, separating_questions
from inspector.errors import ModelError, PictureError
from inspector.judging.nearest_golden import NearestGolden
from inspector.judging.separation import claimed_defect
from inspector.judging.similar_parts import FindSimilar
from inspector.lines.versions import ReadableVersion, Versions, readable
from inspector.ports.evidence import EvidenceStore
from inspector.ports.pool import Job


class AskedView(NamedTuple):
    """One view of one rung: its questions in order, and its pictures.

    `golden` holds the sha256 of the golden samples that came before the frame, `similar` those of the reviewed OK and
    NG part of the view similar. `is_detail`: golden samples and frame were cut to the same suspicious region.
    """

    rung: int
    view: str
    questions: tuple[str, ...]
    golden: tuple[str, ...]
    is_detail: bool
    similar: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PartQuestions:
    """The questions about stored parts."""

    versions: Versions
    evidence: EvidenceStore
    nearest: NearestGolden
    find_similar: FindSimilar

    def of(self, part: PartRecord) -> tuple[AskedView, ...]:
        """Return the views whose votes are stored. Raises InspectorError where the part's version can't be read."""
        version = readable(self.versions.version(part.pipeline.line, part.pipeline.version))
        pipeline, found = version.pipeline, list[AskedView]()
        asked = {(vote.rung, vote.view): vote.text for vote in part.votes}
        shows_similar = any(view is ViewName.SIMILAR for _, view in asked)
        job = self._job(part, version) if version.golden or shows_similar else None
        golden = self.nearest(job.picture, job) if job and version.golden else version.golden
        similar = self._similar(job) if shows_similar else ()
        for number, rung in enumerate(pipeline.ladder[: part.rungs]):
            for group in question_groups(pipeline, rung, seed_of(part)):
                shown = golden[: _golden_count(group.pictures, pipeline)]
                beside = similar if group.pictures is Pictures.SIMILAR else ()
                for view in dict.fromkeys(question.view for question in group.questions):
                    texts = tuple(question.text for question in group.questions if question.view is view)
                    if (number, view) in asked:
                        is_detail = group.pictures in (Pictures.ZOOM, Pictures.CLAIM)
                        texts = _about_claim(pipeline, asked[number, view]) if view is ViewName.SEPARATE else texts
                        found.append(AskedView(number, view, texts, shown, is_detail, beside))
        return tuple(found)

    def _job(self, part: PartRecord, version: ReadableVersion) -> Job | None:
        """Return the job as the replica had it; None where the part has no picture any more."""
        try:
            payload = self.evidence.get(part.evidence.sha256) if part.evidence else None
        except KeyError:
            return None
        if payload is None:
            return None
        return Job(part.key, payload, version.pipeline, version.golden, 0.0, template=part.template_sha256)

    def _similar(self, job: Job | None) -> tuple[str, ...]:
        try:
            found = self.find_similar(job.picture, job) if job else None
        except (ModelError, PictureError):
            return ()
        return tuple(found or ())


def seed_of(part: PartRecord) -> int:
    return zlib.crc32(str(part.key).encode())


def _about_claim(pipeline: Pipeline, claim: str) -> tuple[str, ...]:
    """List the questions about a claim, of both orders of the pictures."""
    defect = claimed_defect(claim)
    return tuple(
        question.text
        for pictures in claim_orders(pipeline)
        for question in separating_questions(pipeline, defect, pictures)
    )


def _golden_count(pictures: Pictures, pipeline: Pipeline) -> int:
    return {Pictures.FRAME: pipeline.references, Pictures.SIMILAR: 0}.get(pictures, 1)
