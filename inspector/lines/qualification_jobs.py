"""Qualify lines in the running service: a job asks the replicas where stored votes do not suffice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from inspector.lines.jobs import JobProgress, Jobs
from inspector.lines.qualification import Qualifications
from inspector.ports.challenge import ChallengeModel, QualificationBasis
from inspector.ports.jobs import JobKind, LineJob
from inspector.ports.ledger import PipelineVersion

FingerprintOf = Callable[[PipelineVersion], str]


@dataclass(frozen=True, slots=True)
class QualificationJobs:
    """Starts qualifications.

    `fingerprint_of` names what judges a version's challenge parts; it may take the time of hashing a checkpoint.
    """

    qualifications: Qualifications
    jobs: Jobs
    model: ChallengeModel
    fingerprint_of: FingerprintOf

    def start(self, line: str, author: str, reason: str) -> LineJob:
        """Start a job that qualifies the live version; its result is recorded whether it passes or not.

        An interrupted one continues where it stopped: each answer is stored at once. Raises LedgerError, and
        InspectorError for an unknown line.
        """
        version = self.qualifications.sets.states.version(line)

        def work(progress: JobProgress) -> Mapping[str, Any]:
            return self._qualify(version, author, reason, progress)

        return self.jobs.start(JobKind.QUALIFICATION, line, line, author, work)

    def _qualify(self, version: PipelineVersion, author: str, reason: str, progress: JobProgress) -> Mapping[str, Any]:
        service = self.qualifications
        replay = service.replay(version, self.fingerprint_of(version))
        basis = QualificationBasis.ASKED if replay.unknown else QualificationBasis.STORED_VOTES
        if replay.unknown:
            replay = asyncio.run(service.ask(replay, self.model, progress.report))
        result = service.assess(replay, basis)
        progress.check()
        service.record(result, author, reason)
        return result.as_json()
