"""The parts that a line is taught with: golden samples and reviewed parts of its ledger, with their features."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from inspector.adapters.ledger import FileEvidence, SqlArchive, SqlChallengeStore
from inspector.bootstrap.part_features import FeatureReader
from inspector.domain.part import PartRecord
from inspector.domain.part_history import PartHistory
from inspector.domain.report import Box, in_region
from inspector.domain.review import Review
from inspector.domain.vote import first_rung_log_odds
from inspector.errors import InspectorError, LedgerError, PictureError
from inspector.lines.states import live_version
from inspector.operations.progress import ReportProgress
from inspector.ports.engine import Picture
from inspector.ports.ledger import PipelineVersion
from inspector.teaching.newest_fifth import DatedPart, GroupKind, group_parts, newest_groups
from inspector.teaching.part_features import CLASS_SEPARATOR, PartFeatures, TaughtPart
from inspector.teaching.taught_model import GOLDEN_PART

MAX_REVIEWED_PARTS: Final = 2000  # newest reviewed parts that are read


class LineKnowledge(NamedTuple):
    """The live version, its reviewed parts without those of the challenge set, and the fingerprint of its judgements.

    `reviews` holds the review that brought each part's truth about: its classes and boxes teach where defects are.
    `challenge` counts reviewed parts that are left out because they, or their group, belong to the challenge set.
    """

    live: PipelineVersion
    taught: tuple[PartHistory, ...]
    reviews: Mapping[str, Review]
    challenge: int
    challenge_pictures: frozenset[str]
    fingerprint: str


@dataclass(frozen=True, slots=True)
class TeachingParts:
    """Reviewed parts with their features, oldest first, those without a picture left out."""

    histories: tuple[PartHistory, ...]
    parts: tuple[TaughtPart, ...]
    grouped_by: str
    grouped: bool
    without_picture: int

    @property
    def pictures(self) -> set[str]:
        """The sha256 of the parts' pictures."""
        return {picture_of(each) for each in self.histories}

    @property
    def measured_groups(self) -> frozenset[str]:
        """The newest groups, which measure a taught model."""
        kind = GroupKind(self.grouped_by, tuple(part.group for part in self.parts))
        return newest_groups([dated(each.part) for each in self.histories], kind)

    @property
    def name_templates(self) -> bool:
        """Whether every part names its template: golden samples are then templates, no parts."""
        return bool(self.histories) and all(each.part.template_sha256 for each in self.histories)


def read_knowledge(database: str, line: str, newest: int = MAX_REVIEWED_PARTS) -> LineKnowledge:
    """Read what the ledger knows of the line's newest reviewed parts. Raises InspectorError for an unknown line."""
    with closing(SqlArchive(database)) as archive:
        live, history = live_version(archive, line), archive.reviewed(line, newest)
        reviews, fingerprint = archive.deciding_reviews(line, newest), archive.fingerprint(line) or ""
    with closing(SqlChallengeStore(database)) as store:
        challenge = store.challenge_parts(line)
    pictures = frozenset(part.sha256 for part in challenge)
    named = {part.group for part in challenge if part.group}
    # frames of a challenge part's own part or lot are as good as the part itself
    own = [each.part for each in history if picture_of(each) in pictures]
    named |= {group for part in own for group in (part.part_id, part.lot) if group}
    kept = tuple(
        each for each in history if picture_of(each) not in pictures and not {each.part.part_id, each.part.lot} & named
    )
    return LineKnowledge(live, kept, reviews, len(history) - len(kept), pictures, fingerprint)


class PartFeatureReader:
    """Reads the features of one line's stored pictures, as its cameras' pictures are declared."""

    def __init__(self, records: LineKnowledge, evidence: FileEvidence, features: FeatureReader) -> None:
        self._records = records
        self._evidence = evidence
        self._features = features

    def reviewed_parts(self, report: ReportProgress) -> TeachingParts:
        history = self._records.taught
        kind = group_parts([dated(each.part) for each in history])
        kept: list[tuple[PartHistory, TaughtPart]] = []
        for number, (each, group) in enumerate(zip(history, kind.groups, strict=True), 1):
            part = self._reviewed_part(each, group)
            kept += [(each, part)] if part else []
            report("features of reviewed parts", number, len(history))
        histories, parts = tuple(each for each, _ in kept), tuple(part for _, part in kept)
        return TeachingParts(histories, parts, kind.name, kind.size > 1, len(history) - len(kept))

    def golden_parts(self, left_out: set[str]) -> list[TaughtPart]:
        """Return the golden samples, without these pictures: each is a group of its own.

        A camera's region is judged alone, so a golden sample gives a part for each region of the line.
        """
        live, parts = self._records.live, list[TaughtPart]()
        for number, sha256 in enumerate(live.golden, 1):
            for camera in {live.pipeline.region(name): name for name in live.pipeline.cameras}.values():
                if sha256 not in left_out:
                    name = f"{GOLDEN_PART} {number}"
                    parts.append(TaughtPart(name, f"golden {sha256}", False, self._read_golden(sha256, camera)))
        return parts

    def _read_golden(self, sha256: str, camera: str) -> PartFeatures:
        try:
            return self._features.read(self._stored(sha256, camera))
        except KeyError as error:
            raise InspectorError(f"golden sample {sha256[:12]}… is not stored; run: inspector apply") from error

    def _reviewed_part(self, each: PartHistory, group: str) -> TaughtPart | None:
        """Return None where the part has no stored, readable picture."""
        part, pipeline = each.part, self._records.live.pipeline
        try:
            picture = self._stored(picture_of(each), part.key.camera)
            template = self._stored(part.template_sha256, part.key.camera) if part.template_sha256 else None
            features = self._features.read(picture, template)
        except (KeyError, LedgerError, PictureError):
            return None
        if part.pipeline.fingerprint == self._records.fingerprint:  # votes of other questions mean something else
            features = replace(features, votes=first_rung_log_odds(part.votes, pipeline.settle.min_readable))
        return TaughtPart(part.result_id, group, each.is_ng is True, features, *self._defects(each))

    def _defects(self, each: PartHistory) -> tuple[tuple[Box, ...], str]:
        """Return the boxes that a person drew on an NG part, in the camera's region, and its defect classes."""
        review, part = self._records.reviews.get(each.part.result_id), each.part
        if review is None or each.is_ng is not True:
            return (), ""
        region = self._records.live.pipeline.region(part.key.camera)
        drawn = (in_region(box.bbox_norm, region) for box in review.boxes)
        classes = dict.fromkeys([*review.classes, *(box.defect for box in review.boxes if box.defect)])
        return tuple(box for box in drawn if box), CLASS_SEPARATOR.join(classes)

    def _stored(self, sha256: str, camera: str) -> Picture:
        pipeline = self._records.live.pipeline
        return Picture(self._evidence.get(sha256), bit_depth=pipeline.picture.bit_depth, region=pipeline.region(camera))


def dated(part: PartRecord) -> DatedPart:
    return DatedPart(part.result_id, part.part_id, part.lot, part.received_at)


def picture_of(each: PartHistory) -> str:
    return each.part.evidence.sha256 if each.part.evidence else ""
