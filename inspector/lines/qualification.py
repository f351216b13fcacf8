"""Qualify a line: replay its challenge set through a version's very policy, and grant or take the right to pass.

Votes are stored for each part and fingerprint. A later policy under the same fingerprint is replayed on them without a
model, as far as they reach. A part is not asked twice under a policy: sampled votes would let a line try its luck.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from inspector.domain.challenge import ChallengeAnswer, ChallengePart
from inspector.domain.decision import decide
from inspector.domain.declared import Disposition
from inspector.domain.frame import FrameKey
from inspector.domain.pipeline import Pipeline
from inspector.domain.quality import quality_fault
from inspector.domain.vote import StoppedBy, Tally, counting
from inspector.errors import InspectorError, PictureError
from inspector.lines.challenge import CHALLENGE_CAMERA, ChallengeSets
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
from inspector.tuning.counterfactual import VOTE_STOPS, Replay

CHALLENGE_TIME_MS: Final = 600_000.0  # for one part: nobody waits for it at a gate, and it yields to live frames
ReportAsked = Callable[[int, int], None]  # parts asked so far, parts to ask


class ChallengeReplay(NamedTuple):
    """A challenge set under one version and fingerprint, as far as votes are stored.

    `unknown` are the parts that must be asked: about them no votes are stored, or their votes end too early.
    """

    version: PipelineVersion
    fingerprint: str
    outcomes: tuple[ChallengeOutcome, ...]
    unknown: tuple[ChallengePart, ...]

    @property
    def line(self) -> str:
        return self.version.pipeline.line

    @property
    def cameras(self) -> tuple[str, ...]:
        """The cameras that are judged as challenge parts are: by their whole pictures."""
        pipeline = self.version.pipeline
        return tuple(name for name in pipeline.cameras if pipeline.region(name) is None)


class Qualification(NamedTuple):
    """The result of a qualification. `missing` says what keeps the line from the right to pass."""

    replay: ChallengeReplay
    figures: QualificationFigures
    missing: tuple[str, ...]
    basis: QualificationBasis

    @property
    def passed(self) -> bool:
        return not self.missing

    @property
    def escaped(self) -> list[ChallengePart]:
        return [each.part for each in self._ended(Disposition.PASS) if each.part.is_ng]

    @property
    def overkilled(self) -> list[ChallengePart]:
        return [each.part for each in self._ended(Disposition.REJECT) if not each.part.is_ng]

    def as_json(self) -> dict[str, Any]:
        pipeline = self.replay.version.pipeline
        return {
            "line": self.replay.line,
            "version": self.replay.version.version,
            "fingerprint": self.replay.fingerprint,
            "policy": pipeline.policy_fingerprint(),
            "basis": self.basis,
            "passed": self.passed,
            "missing": list(self.missing),
            "limits": pipeline.qualification.model_dump(),
            "figures": self.figures.as_json(),
            "escaped": [part.number for part in self.escaped],
            "overkilled": [part.number for part in self.overkilled],
            "must_be_asked": len(self.replay.unknown),
        }

    def _ended(self, disposition: Disposition) -> list[ChallengeOutcome]:
        return [each for each in self.replay.outcomes if each.disposition is disposition]


@dataclass(frozen=True, slots=True)
class Qualifications:
    """Qualifies lines on their challenge sets. Every method raises LedgerError."""

    sets: ChallengeSets
    store: QualificationStore

    def replay(self, version: PipelineVersion, fingerprint: str) -> ChallengeReplay:
        """Replay the line's challenge set through this version on stored votes. Asks no model."""
        line = version.pipeline.line
        parts, answers = self.sets.parts(line), self.sets.store.challenge_answers(line, fingerprint)
        outcome = _Outcomes(version.pipeline, fingerprint, answers)
        found = [(part, outcome.of(part)) for part in parts]
        known = tuple(each for _, each in found if each is not None)
        return ChallengeReplay(version, fingerprint, known, tuple(part for part, each in found if each is None))

    async def ask(self, replay: ChallengeReplay, model: ChallengeModel, report: ReportAsked) -> ChallengeReplay:
        """Ask the model about the unknown parts, one at a time, and replay again.

        Each answer is stored at once: an interrupted run continues where it stopped. Raises InspectorError where the
        model fails, or where another model answers than the one that is to be qualified.
        """
        for done, part in enumerate(replay.unknown):
            report(done, len(replay.unknown))
            answer = await self._answer(replay, part, model)
            await asyncio.to_thread(self.sets.store.add_challenge_answer, answer)
        report(len(replay.unknown), len(replay.unknown))
        return await asyncio.to_thread(self.replay, replay.version, replay.fingerprint)

    def assess(self, replay: ChallengeReplay, basis: QualificationBasis) -> Qualification:
        """Say what the replay proves, without recording it."""
        pipeline = replay.version.pipeline
        figures = qualification_figures(replay.outcomes, pipeline.qualification, pipeline.deadline_ms)
        missing = missing_evidence(figures, pipeline.qualification)
        if replay.unknown:
            missing.insert(0, f"votes of {len(replay.unknown)} challenge part(s): they must be asked")
        return Qualification(replay, figures, tuple(missing), basis)

    def record(
        self, qualification: Qualification, author: str, reason: str = "", cameras: Sequence[str] | None = None
    ) -> None:
        """Record the result. A line that passes gets the right to pass; one that fails loses an earlier one.

        The right covers `cameras`; without them, all cameras that are judged under this fingerprint.
        """
        require_short(reason)
        replay, figures = qualification.replay, qualification.figures
        proof = f"{figures.escape.found} of {figures.escape.parts} NG passed, {figures.overkill.parts} OK parts"
        record = QualificationRecord(
            line=replay.line,
            version=replay.version.version,
            fingerprint=replay.fingerprint,
            policy=replay.version.pipeline.policy_fingerprint(),
            basis=qualification.basis,
            passed=qualification.passed,
            figures=figures.as_json(),
            missing=qualification.missing,
            parts=[each.part.number for each in replay.outcomes] + [part.number for part in replay.unknown],
            cameras=replay.cameras if cameras is None else cameras,
            author=author,
            reason=reason or proof,
            at=self.sets.now(),
        )
        self.store.record_qualification(record)

    async def _answer(self, replay: ChallengeReplay, part: ChallengePart, model: ChallengeModel) -> ChallengeAnswer:
        data = await asyncio.to_thread(self._picture, part)
        try:
            measured = await asyncio.to_thread(measure_for_line, self.sets.pictures, data, "", replay.version.pipeline)
        except PictureError as error:
            raise InspectorError(f"challenge part {part.number}: {error}; {_remedy(part)}") from error
        began_s = time.monotonic()
        judgement = await model.judge(_job(replay.version, part, data))
        latency_ms = (time.monotonic() - began_s) * 1000.0
        _require_judged(judgement, part, replay.fingerprint)
        pipeline = replay.version.pipeline
        return ChallengeAnswer(
            part=part.number,
            fingerprint=replay.fingerprint,
            policy=pipeline.policy_fingerprint(),
            votes=judgement.votes,
            stopped_by=judgement.stopped_by,
            opinion=judgement.opinion,
            is_bad_image=judgement.is_bad_image,
            max_unlike=pipeline.quality.max_unlike,
            latency_ms=latency_ms,
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


class _Outcomes:
    """What one policy does with challenge parts, given what a model said about them."""

    def __init__(self, pipeline: Pipeline, fingerprint: str, answers: Mapping[int, ChallengeAnswer]) -> None:
        self._pipeline = pipeline
        self._policy = pipeline.policy_fingerprint()
        self._fingerprint = fingerprint
        self._answers = answers
        self._replay = Replay(pipeline, fingerprint)

    def of(self, part: ChallengePart) -> ChallengeOutcome | None:
        """Return the part's outcome; None where the model must be asked."""
        answer = self._answers.get(part.number)
        if answer is None:
            return None
        if quality_fault(answer.measured, self._pipeline.quality):
            return ChallengeOutcome(part, self._pipeline.fail_safe, 0, 0.0)
        if answer.max_unlike != self._pipeline.quality.max_unlike:
            return None
        if answer.policy == self._policy:
            return ChallengeOutcome(part, self._as_asked(answer), len(answer.votes), answer.latency_ms)
        return None if answer.is_bad_image else self._replayed(part, answer)

    def _as_asked(self, answer: ChallengeAnswer) -> Disposition:
        if answer.is_bad_image:
            return self._pipeline.fail_safe
        counts = counting(self._pipeline, self._fingerprint, answer.opinion)
        return decide(self._pipeline, Tally(answer.votes, counts), answer.stopped_by).disposition

    def _replayed(self, part: ChallengePart, answer: ChallengeAnswer) -> ChallengeOutcome | None:
        is_whole = answer.stopped_by is StoppedBy.LADDER_END
        outcome = self._replay.of_votes(answer.votes, answer.opinion, is_whole=is_whole)
        return outcome and ChallengeOutcome(part, outcome.disposition, outcome.votes, answer.latency_ms)


def _job(version: PipelineVersion, part: ChallengePart, data: bytes) -> Job:
    key = FrameKey(part.line, CHALLENGE_CAMERA, part.sha256)
    seed = zlib.crc32(str(key).encode())
    return Job(key, data, version.pipeline, version.golden, CHALLENGE_TIME_MS, seed)


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
