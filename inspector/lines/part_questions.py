"""What the model was asked about a part: each view's question, and the pictures that it was shown. Blocking.

Questions and golden samples are worked out anew from the version that judged the part, as its replica did.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import NamedTuple

from inspector.domain.ladder import question_groups
from inspector.domain.part import PartRecord
from inspector.domain.pipeline import Pipeline
from inspector.domain.prompts import Pictures
from inspector.judging.nearest_golden import NearestGolden
from inspector.lines.versions import Versions, readable
from inspector.ports.evidence import EvidenceStore
from inspector.ports.pool import Job


class AskedView(NamedTuple):
    """One view of one rung: its questions in order, and its pictures.

    `golden` holds the sha256 of the golden samples that came before the frame. `is_detail`: golden samples and frame
    were cut to the same suspicious region.
    """

    rung: int
    view: str
    questions: tuple[str, ...]
    golden: tuple[str, ...]
    is_detail: bool


@dataclass(frozen=True, slots=True)
class PartQuestions:
    """The questions about stored parts."""

    versions: Versions
    evidence: EvidenceStore
    nearest: NearestGolden

    def of(self, part: PartRecord) -> tuple[AskedView, ...]:
        """Return the views whose votes are stored. Raises InspectorError where the part's version can't be read."""
        version = readable(self.versions.version(part.pipeline.line, part.pipeline.version))
        golden, asked = self._golden(part, version.pipeline, version.golden), {(v.rung, v.view) for v in part.votes}
        found: list[AskedView] = []
        for number, rung in enumerate(version.pipeline.ladder[: part.rungs]):
            for group in question_groups(version.pipeline, rung, seed_of(part)):
                shown = golden[: _golden_count(group.pictures, version.pipeline)]
                for view in dict.fromkeys(question.view for question in group.questions):
                    texts = tuple(question.text for question in group.questions if question.view is view)
                    if (number, view) in asked:
                        found.append(AskedView(number, view, texts, shown, group.pictures is Pictures.ZOOM))
        return tuple(found)

    def _golden(self, part: PartRecord, pipeline: Pipeline, stored: tuple[str, ...]) -> tuple[str, ...]:
        """Return the version's golden samples in the order in which this part was compared with them."""
        if not stored or part.evidence is None:
            return stored
        try:
            payload = self.evidence.get(part.evidence.sha256)
        except KeyError:
            return stored
        job = Job(part.key, payload, pipeline, stored, 0.0, template=part.template_sha256)
        return self.nearest(job.picture, job)


def seed_of(part: PartRecord) -> int:
    return zlib.crc32(str(part.key).encode())


def _golden_count(pictures: Pictures, pipeline: Pipeline) -> int:
    return pipeline.references if pictures is Pictures.FRAME else 1
