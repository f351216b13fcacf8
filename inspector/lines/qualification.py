"""Qualify a line: replay its challenge set through a version's very policy, and grant or take the right to pass.

Cameras of one region are judged alike, so each region is qualified by itself, on the pictures of its cameras. Votes are
stored for each part and fingerprint. A later policy under the same fingerprint is replayed on them without a model, as
far as they reach. A part is not asked twice under a policy: sampled votes would let a line try its luck.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from inspector.domain.cameras import ANY_CAMERA, CameraGroup, Region
from inspector.domain.challenge import ChallengeAnswer, ChallengePart
from inspector.domain.declared import Disposition
from inspector.domain.frame import FrameKey
from inspector.domain.pipeline import Pipeline
from inspector.errors import InspectorError, NotFoundError, PictureError
from inspector.lines.challenge import ChallengeSets
from inspector.lines.challenge_replay import ChallengeReplay, ReplayBasis, replay_votes
from inspector.lines.line_pictures import measure_for_line
from inspector.lines.qualification_figures import (
    ChallengeOutcome,
    QualificationFigures,
    missing_evidence,
    qualification_figures,
)
from inspector.lines.states import require_short
from inspector.ports.challenge import ChallengeModel, QualificationBasis, QualificationRecord, QualificationStore
from inspector.ports.ledger import PipelineVersion
from inspector.ports.pool import Job, Judgement
from inspector.tuning.counterfactual import VOTE_STOPS

CHALLENGE_TIME_MS: Final = 600_000.0  # for one part: nobody waits for it at a gate, and it yields to live frames
CHALLENGE_CAMERA: Final = "challenge"  # stands for the camera of a challenge part where the line names none
ReportAsked = Callable[[int, int], None]  # parts asked so far, parts to ask


class RegionQualification(NamedTuple):
    """The result for cameras of one region. `missing` says what keeps them from the right to pass."""

    replay: ChallengeReplay
    figures: QualificationFigures
    missing: tuple[str, ...]
    basis: QualificationBasis

    @property
    def passed(self) -> bool:
        return not self.missing

    @property
    def cameras(self) -> tuple[str, ...]:
        return self.replay.basis.group.cameras

    @property
    def region(self) -> Region | None:
        return self.replay.basis.group.region

    @property
    def escaped(self) -> list[ChallengePart]:
        return [each.part for each in self._ended(Disposition.PASS) if each.part.is_ng]

    @property
    def overkilled(self) -> list[ChallengePart]:
        return [each.part for each in self._ended(Disposition.REJECT) if not each.part.is_ng]

    def as_json(self) -> dict[str, Any]:
        return {
            "cameras": list(self.cameras),
            "region": self.region,
            "fingerprint": self.replay.basis.fingerprint,
            "basis": self.basis,
            "passed": self.passed,
            "missing": list(self.missing),
            "figures": self.figures.as_json(),
            "escaped": [part.number for part in self.escaped],
            "overkilled": [part.number for part in self.overkilled],
            "must_be_asked": len(self.replay.unknown),
        }

    def _ended(self, disposition: Disposition) -> list[ChallengeOutcome]:
        return [each for each in self.replay.outcomes if each.disposition is disposition]


class LineQualification(NamedTuple):
    """The results for the regions of a line that were qualified; a line without regions has one result.

    `left_out` counts challenge parts of cameras that the line does not declare any more.
    """

    version: PipelineVersion
    regions: tuple[RegionQualification, ...]
    left_out: int = 0

    @property
    def passed(self) -> bool:
        return all(each.passed for each in self.regions)

    @property
    def missing(self) -> tuple[str, ...]:
        """What is missing, with the cameras that it is missing for where the line has several regions."""
        several = len(self.regions) > 1
        return tuple(
            f"{', '.join(each.cameras)}: {text}" if several else text for each in self.regions for text in each.missing
        )

    def as_json(self) -> dict[str, Any]:
        pipeline = self.version.pipeline
        return {
            "line": pipeline.line,
            "version": self.version.version,
            "policy": pipeline.policy_fingerprint(),
            "limits": pipeline.qualification.model_dump(),
            "passed": self.passed,
            "missing": list(self.missing),
            "left_out": self.left_out,
            "regions": [each.as_json() for each in self.regions],
        }


def groups_of(pipeline: Pipeline, camera: str | None = None) -> tuple[CameraGroup, ...]:
    """Return the groups of cameras to qualify: all, or that of this camera. Raises NotFoundError for an unknown one."""
    groups = tuple(each for each in pipeline.camera_groups if camera is None or camera in each.cameras)
    if not groups:
        listed = ", ".join(pipeline.cameras)
        raise NotFoundError(f"camera: {pipeline.line} declares no camera {camera!r}; its cameras are {listed}")
    return groups


def bases(
    version: PipelineVersion, groups: Sequence[CameraGroup], fingerprints: Mapping[str, str]
) -> list[ReplayBasis]:
    """List what a challenge set is replayed through; `fingerprints` are those that judge each camera."""
    return [ReplayBasis(version, group, fingerprints[group.cameras[0]]) for group in groups]


@dataclass(frozen=True, slots=True)
class Qualifications:
    """Qualifies lines on their challenge sets. Every method raises LedgerError."""

    sets: ChallengeSets
    store: QualificationStore

    def replay(self, basis: ReplayBasis) -> ChallengeReplay:
        """Replay the line's challenge set on stored votes. Asks no model."""
        parts = self.sets.parts(basis.line)
        return replay_votes(basis, parts, self.sets.store.challenge_answers(basis.line, basis.fingerprint))

    async def prove(
        self, replays: Sequence[ChallengeReplay], model: ChallengeModel, report: ReportAsked
    ) -> list[RegionQualification]:
        """Ask the model about all unknown parts, one at a time, and assess what is known then.

        Each answer is stored at once: an interrupted run continues where it stopped. Raises InspectorError where the
        model fails, or where another model answers than the one that is to be qualified.
        """
        unknown = [(replay.basis, part) for replay in replays for part in replay.unknown]
        for done, (basis, part) in enumerate(unknown):
            report(done, len(unknown))
            answer = await self._answer(basis, part, model)
            await asyncio.to_thread(self.sets.store.add_challenge_answer, answer)
        report(len(unknown), len(unknown))
        return [self.assess(await asyncio.to_thread(self.replay, each.basis), _votes_of(each)) for each in replays]

    def assess(self, replay: ChallengeReplay, basis: QualificationBasis) -> RegionQualification:
        """Say what the replay proves, without recording it."""
        pipeline = replay.basis.version.pipeline
        figures = qualification_figures(replay.outcomes, pipeline.qualification, pipeline.deadline_ms)
        missing = missing_evidence(figures, pipeline.qualification)
        if replay.unknown:
            missing.insert(0, f"votes of {len(replay.unknown)} challenge part(s): they must be asked")
        return RegionQualification(replay, figures, tuple(missing), basis)

    def result(self, version: PipelineVersion, regions: Sequence[RegionQualification]) -> LineQualification:
        """Gather the results for the regions of a line."""
        parts, groups = self.sets.parts(version.pipeline.line), version.pipeline.camera_groups
        counted = [any(group.includes(part.camera) for group in groups) for part in parts]
        return LineQualification(version, tuple(regions), counted.count(False))

    def record(self, qualification: RegionQualification, author: str, reason: str = "") -> None:
        """Record the result. Cameras that pass get the right to pass; those that fail lose an earlier one."""
        self.store.record_qualification(self.entry(qualification, author, reason, qualification.cameras))

    def entry(
        self, qualification: RegionQualification, author: str, reason: str, cameras: Sequence[str]
    ) -> QualificationRecord:
        """Return the result as it is recorded. A right that it gives covers these cameras."""
        require_short(reason)
        replay, figures = qualification.replay, qualification.figures
        version, basis = replay.basis.version, replay.basis
        proof = f"{figures.escape.found} of {figures.escape.parts} NG passed, {figures.overkill.parts} OK parts"
        return QualificationRecord(
            line=basis.line,
            version=version.version,
            fingerprint=basis.fingerprint,
            policy=version.pipeline.policy_fingerprint(),
            basis=qualification.basis,
            passed=qualification.passed,
            figures=figures.as_json(),
            missing=qualification.missing,
            held=replay.held,
            cameras=cameras,
            region=qualification.region,
            scoring=basis.scoring,
            author=author,
            reason=reason or proof,
            at=self.sets.now(),
        )

    async def _answer(self, basis: ReplayBasis, part: ChallengePart, model: ChallengeModel) -> ChallengeAnswer:
        data = await asyncio.to_thread(self._picture, part)
        pipeline = basis.version.pipeline
        shown = (data, "", pipeline, basis.group.region)
        try:
            measured = await asyncio.to_thread(measure_for_line, self.sets.pictures, *shown)
        except PictureError as error:
            raise InspectorError(f"challenge part {part.number}: {error}; {_remedy(part)}") from error
        began_s = time.monotonic()
        judgement = await model.judge(_job(basis, part, data))
        elapsed_ms = (time.monotonic() - began_s) * 1000.0
        _require_judged(judgement, part, basis.fingerprint)
        return ChallengeAnswer(
            part=part.number,
            fingerprint=basis.fingerprint,
            policy=pipeline.policy_fingerprint(),
            votes=judgement.votes,
            stopped_by=judgement.stopped_by,
            opinion=judgement.opinion,
            is_bad_image=judgement.is_bad_image,
            max_unlike=pipeline.quality.max_unlike,
            latency_ms=elapsed_ms if judgement.judged_ms is None else judgement.judged_ms,
            measured=measured,
            at=self.sets.now(),
        )

    def _picture(self, part: ChallengePart) -> bytes:
        try:
            return self.sets.evidence.get(part.sha256)
        except KeyError as error:
            raise InspectorError(
                f"the picture of challenge part {part.number} is missing; restore it from a backup, or {_remedy(part)}"
            ) from error


def _votes_of(replay: ChallengeReplay) -> QualificationBasis:
    return QualificationBasis.ASKED if replay.unknown else QualificationBasis.STORED_VOTES


def _job(basis: ReplayBasis, part: ChallengePart, data: bytes) -> Job:
    """Return what the model is asked. The camera says the region; the seed does not depend on it."""
    seed = zlib.crc32(str(FrameKey(part.line, CHALLENGE_CAMERA, part.sha256)).encode())
    key = FrameKey(part.line, _camera(basis.group), part.sha256)
    return Job(key, data, basis.version.pipeline, basis.version.golden, CHALLENGE_TIME_MS, seed, can_wait=True)


def _camera(group: CameraGroup) -> str:
    return CHALLENGE_CAMERA if ANY_CAMERA in group.cameras else group.cameras[0]


def _require_judged(judgement: Judgement, part: ChallengePart, fingerprint: str) -> None:
    """Raise InspectorError for a part that the model did not judge, or that another model judged."""
    if judgement.fingerprint and judgement.fingerprint != fingerprint:
        raise InspectorError(
            f"challenge part {part.number} was judged under fingerprint {judgement.fingerprint}, not {fingerprint}: "
            "the model was changed meanwhile; run again"
        )
    if not judgement.is_bad_image and judgement.stopped_by not in VOTE_STOPS:
        raise InspectorError(
            f"challenge part {part.number} was not judged ({judgement.stopped_by}: {judgement.detail or 'no answer'}); "
            "answers so far are kept, run again to continue"
        )


def _remedy(part: ChallengePart) -> str:
    return f"run: inspector challenge remove {part.line} {part.number}"
