"""Test shots: judge one picture of a camera as the line would, with a declaration that need not be saved.

The whole way of a frame is gone: region, quality, ladder, decision. Nothing is stored and nothing is published.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from inspector.domain.decision import Decision, Reason, fail_safe
from inspector.domain.frame import Frame, FrameKey
from inspector.domain.pipeline import Pipeline
from inspector.domain.quality import Measurements, quality_fault
from inspector.domain.vote import Vote
from inspector.errors import DeclarationError, Fault, PictureError, PoolOverload
from inspector.judging.judged_decision import decision_of
from inspector.ports.camera import PictureReader
from inspector.ports.challenge import ChallengeModel
from inspector.ports.pool import Job
from inspector.utc import utc_now

SHOT_TIME_MS: Final = 60_000.0  # nobody waits at a gate; a shot may take longer than the line's deadline
SHOT_TRIGGER: Final = "test-shot"


class ShotDeclaration(NamedTuple):
    """What a picture is judged by: a pipeline, saved or not, and the sha256 of its golden samples."""

    pipeline: Pipeline
    golden: tuple[str, ...] = ()


class ShotResult(NamedTuple):
    """What the line would say about a picture. `over_deadline`: judging took longer than the line's deadline.

    `decision` is that of a LIVE line. `measured` is None for a picture that could not be read.
    """

    decision: Decision
    measured: Measurements | None
    votes: Sequence[Vote] = ()
    p_ng: float | None = None
    agreement: float | None = None
    rungs: int = 0
    fingerprint: str = ""
    latency_ms: float = 0.0
    over_deadline: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "verdict": self.decision.verdict,
            "disposition": self.decision.disposition,
            "reason": self.decision.reason,
            "detail": self.decision.detail,
            "p_ng": self.p_ng,
            "agreement": self.agreement,
            "rungs": self.rungs,
            "votes": [{"view": each.view, "rung": each.rung, "p_ng": each.p_ng} for each in self.votes],
            "width_px": self.measured and self.measured.width_px,
            "height_px": self.measured and self.measured.height_px,
            "sharpness": self.measured and self.measured.sharpness,
            "luminance": self.measured and self.measured.luminance,
            "fingerprint": self.fingerprint,
            "latency_ms": self.latency_ms,
            "over_deadline": self.over_deadline,
        }


@dataclass(frozen=True, slots=True)
class CameraShots:
    """Takes test shots, one at a time: frames of lines come first."""

    pictures: PictureReader
    model: ChallengeModel
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def shoot(self, declared: ShotDeclaration, camera: str, picture: bytes) -> ShotResult:
        """Judge a picture as this declaration says.

        Raises PoolOverload while another shot is judged or all replicas are busy, DeclarationError where the
        declaration does not accept the camera, and ModelError.
        """
        _require_camera(declared.pipeline, camera)
        if self._turn.locked():
            raise PoolOverload("another test shot is being judged; repeat yours in a moment")
        async with self._turn:
            return await self._shoot(declared, camera, picture)

    async def _shoot(self, declared: ShotDeclaration, camera: str, picture: bytes) -> ShotResult:
        pipeline, began_s = declared.pipeline, time.monotonic()
        frame = Frame(FrameKey(pipeline.line, camera, SHOT_TRIGGER), picture, utc_now())
        try:
            measured = await asyncio.to_thread(self._measure, frame, pipeline)
        except PictureError as error:
            return ShotResult(fail_safe(pipeline.fail_safe, Reason.BAD_IMAGE, str(error)), None)
        if fault := quality_fault(measured, pipeline.quality):
            return ShotResult(fail_safe(pipeline.fail_safe, Reason.BAD_IMAGE, fault), measured)
        judgement = await self.model.judge(_job(frame, declared))
        took_ms = (time.monotonic() - began_s) * 1000.0
        return ShotResult(
            decision_of(pipeline, judgement),
            measured,
            judgement.votes,
            judgement.tally.score,
            judgement.tally.agreement,
            judgement.rungs,
            judgement.fingerprint,
            took_ms,
            took_ms > pipeline.deadline_ms,
        )

    def _measure(self, frame: Frame, pipeline: Pipeline) -> Measurements:
        region = pipeline.region(frame.key.camera)
        return self.pictures.measure(frame, pipeline.quality, pipeline.picture, region)


def _job(frame: Frame, declared: ShotDeclaration) -> Job:
    seed = zlib.crc32(str(frame.key).encode())
    return Job(frame.key, frame.payload, declared.pipeline, declared.golden, SHOT_TIME_MS, seed)


def _require_camera(pipeline: Pipeline, camera: str) -> None:
    if not pipeline.accepts_camera(camera):
        remedy = f"add {camera} to cameras"
        raise DeclarationError([Fault(pipeline.line, "cameras", f"the line does not name {camera}", remedy)])
