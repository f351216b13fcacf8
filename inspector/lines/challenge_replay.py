"""A challenge set under one version and fingerprint: what its policy does with the parts, on stored votes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from inspector.domain.cameras import CameraGroup
from inspector.domain.challenge import ChallengeAnswer, ChallengePart
from inspector.domain.decision import decide
from inspector.domain.declared import Disposition
from inspector.domain.pipeline import Pipeline, scoring_fingerprint
from inspector.domain.quality import quality_fault
from inspector.domain.vote import StoppedBy, Tally, counting
from inspector.lines.qualification_figures import ChallengeOutcome
from inspector.ports.ledger import PipelineVersion
from inspector.tuning.counterfactual import Replay


class ReplayBasis(NamedTuple):
    """What a challenge set is replayed through: a version, as it judges cameras of one region under a fingerprint."""

    version: PipelineVersion
    group: CameraGroup
    fingerprint: str

    @property
    def line(self) -> str:
        return self.version.pipeline.line

    @property
    def scoring(self) -> str:
        return scoring_fingerprint(self.version.pipeline, self.version.golden, self.group.cameras[0])


class ChallengeReplay(NamedTuple):
    """A challenge set under one basis, as far as votes are stored.

    `unknown` are the parts that must be asked: about them no votes are stored, or their votes end too early. `held`
    are the numbers of all parts in the line's set, those of other regions too.
    """

    basis: ReplayBasis
    outcomes: tuple[ChallengeOutcome, ...]
    unknown: tuple[ChallengePart, ...]
    held: tuple[int, ...]


def replay_votes(
    basis: ReplayBasis, parts: Sequence[ChallengePart], answers: Mapping[int, ChallengeAnswer]
) -> ChallengeReplay:
    """Replay those of the set's `parts` that these cameras judge, on the votes of the fingerprint. Asks no model."""
    outcome = _Outcomes(basis.version.pipeline, basis.fingerprint, answers)
    found = [(part, outcome.of(part)) for part in parts if basis.group.includes(part.camera)]
    known = tuple(each for _, each in found if each is not None)
    unknown = tuple(part for part, each in found if each is None)
    return ChallengeReplay(basis, known, unknown, tuple(part.number for part in parts))


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
