"""Qualify lines in the running service: a job asks the replicas where stored votes do not suffice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inspector.domain.cameras import CameraGroup
from inspector.lines.jobs import JobProgress, Jobs
from inspector.lines.qualification import Qualifications, bases, groups_of
from inspector.ports.challenge import ChallengeModel
from inspector.ports.jobs import JobKind, LineJob
from inspector.ports.ledger import PipelineVersion

FingerprintsOf = Callable[[PipelineVersion], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class QualificationJobs:
    """Starts qualifications.

    `fingerprints_of` names what judges the parts of each camera under a version; it may take the time of hashing a
    checkpoint.
    """

    qualifications: Qualifications
    jobs: Jobs
    model: ChallengeModel
    fingerprints_of: FingerprintsOf

    def start(self, line: str, author: str, reason: str, camera: str | None = None) -> LineJob:
        """Start a job that qualifies the live version; its result is recorded whether it passes or not.

        With a camera, only what cameras of its region judge. An interrupted job continues where it stopped: each
        answer is stored at once. Raises LedgerError, and InspectorError for an unknown line or camera.
        """
        version = self.qualifications.sets.states.version(line)
        groups = groups_of(version.pipeline, camera)

        def work(progress: JobProgress) -> Mapping[str, Any]:
            return self._qualify(version, groups, author, reason, progress)

        subject = line if camera is None else f"{line}/{camera}"
        return self.jobs.start(JobKind.QUALIFICATION, line, subject, author, work)

    def _qualify(
        self,
        version: PipelineVersion,
        groups: Sequence[CameraGroup],
        author: str,
        reason: str,
        progress: JobProgress,
    ) -> Mapping[str, Any]:
        service = self.qualifications
        replays = [service.replay(each) for each in bases(version, groups, self.fingerprints_of(version))]
        regions = asyncio.run(service.prove(replays, self.model, progress.report))
        progress.check()
        for each in regions:
            service.record(each, author, reason)
        return service.result(version, regions).as_json()
