"""A model replica as a plain class: an engine and a judge in one process. Knows nothing of Ray."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from inspector.domain.declared import ViewName
from inspector.domain.prompts import Question
from inspector.domain.report import Words
from inspector.errors import ModelError
from inspector.judging.judge import Judge
from inspector.log_context import set_current_part
from inspector.ports.engine import Engine, Picture
from inspector.ports.evidence import EvidenceStore
from inspector.ports.pool import Job, Judgement, ShadowResult


class VisionModel:
    """Judges jobs with its engine. `golden` is a small picture for the health check."""

    def __init__(self, engine: Engine, evidence: EvidenceStore, golden: bytes) -> None:
        self._engine = engine
        self._judge = Judge(engine, evidence)
        self._golden = golden

    async def judge(self, job: Job) -> AsyncGenerator[Judgement | Words | ShadowResult, None]:
        """Yield a Judgement, then Words unless the part passes, then the ShadowResult of a shadow part."""
        set_current_part(job.key, job.traceparent)
        async for outcome in self._judge.judge(job):
            yield outcome

    async def check_health(self) -> None:
        """Run one real inference. Raises ModelError if the engine gives no answer."""
        prefix = await self._engine.open([Picture(self._golden)], "This picture is a test.\n")
        try:
            async for _ in self._engine.ask(
                prefix, [Question(ViewName.DIRECT, "Is there a defect? Answer Yes or No.")]
            ):
                return
        finally:
            await self._engine.close(prefix)
        raise ModelError("the engine gave no answer about the health check picture")
