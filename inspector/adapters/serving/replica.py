"""A model replica as a plain class: an engine and a judge in one process. Knows nothing of Ray."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing
from dataclasses import replace
from functools import partial

from inspector.adapters.serving.server_watch import ServerWatch
from inspector.domain.declared import ViewName
from inspector.domain.prompts import Question
from inspector.domain.report import Words
from inspector.errors import ModelError
from inspector.judging.judge import Judge, not_judged
from inspector.judging.nearest_golden import GreyNearestGolden, declared_order
from inspector.judging.rung_timing import RungTimes
from inspector.judging.similar_parts import RememberedSimilarParts, no_similar_parts
from inspector.judging.taught_opinion import LineOpinionSource
from inspector.judging.yielding_engine import LiveParts, YieldingEngine
from inspector.ports.backbone import FeatureSources
from inspector.ports.engine import Engine, Picture
from inspector.ports.evidence import EvidenceStore
from inspector.ports.pool import Job, Judgement, ShadowResult
from inspector.runtime.log_context import set_current_part
from inspector.runtime.tracing import span

TEST_QUESTION = Question(ViewName.DIRECT, "Is there a defect? Answer Yes or No.")


class VisionModel:
    """Judges jobs with its engine. `golden` is a small picture for the health check.

    `features` computes what taught models read.

    `is_client`: the model runs on a server. Faults of the server are no faults of this process, which then waits for
    the server instead of being replaced.
    """

    def __init__(
        self,
        engine: Engine,
        evidence: EvidenceStore,
        golden: bytes,
        *,
        is_client: bool = False,
        features: FeatureSources | None = None,
    ) -> None:
        self._engine = engine
        opinions = LineOpinionSource(engine, evidence, features)
        nearest = GreyNearestGolden(evidence, features.grey_pixels) if features else declared_order
        similar = RememberedSimilarParts(evidence, features.grey_pixels) if features else no_similar_parts
        self._judge_with = partial(Judge, evidence=evidence, opinions=opinions, nearest=nearest, find_similar=similar)
        self._judge = self._judge_with(engine)
        self._live = LiveParts()
        self._golden = golden
        self._server = ServerWatch(self.test) if is_client else None

    @property
    def server_fault(self) -> str | None:
        """The reason why the model's server can't be used now, in its own words; None where it can."""
        return self._server.fault if self._server else None

    async def judge(self, job: Job) -> AsyncGenerator[Judgement | Words | ShadowResult, None]:
        """Yield a Judgement, then Words unless the part passes, then the ShadowResult of a shadow part."""
        set_current_part(job.key, job.traceparent)
        if self._server and (silence := self._server.silence):
            yield not_judged(job, silence)
            return
        if job.can_wait:
            yield self._noted(await self._judge_between(job))
            return
        with ExitStack() as judged:
            judged.enter_context(self._live.part())
            traced = judged.enter_context(span("judge part", job.traceparent, line=job.key.line))
            async for outcome in self._judge.judge(job):
                if isinstance(outcome, Judgement):
                    traced.note(rungs=outcome.rungs, votes=len(outcome.votes))
                judged.close()
                yield self._noted(outcome) if isinstance(outcome, Judgement) else outcome

    async def _judge_between(self, job: Job) -> Judgement:
        """Judge a part while no part of a line is judged; its rungs take other times than those of frames."""
        began_s, engine = time.monotonic(), YieldingEngine(self._engine, self._live)
        judge = self._judge_with(engine, rung_times=RungTimes())
        async with aclosing(judge.judge(job)) as outcomes:
            judgement = await anext(outcomes)
        if not isinstance(judgement, Judgement):
            raise ModelError("the model gave words before a judgement")
        return replace(judgement, judged_ms=(time.monotonic() - began_s - engine.waited_s) * 1000.0)

    def _noted(self, judgement: Judgement) -> Judgement:
        if self._server:
            self._server.note(judgement)
        return judgement

    async def check_health(self) -> None:
        """Raise ModelError if this process should be replaced: its own engine gives no answer."""
        if self._server is None:
            await self.test()
        else:
            await self._server.probe()

    async def test(self) -> None:
        """Run one real inference. Raises ModelError if the engine gives no answer."""
        prefix = await self._engine.open([Picture(self._golden)], "This picture is a test.\n")
        try:
            async for _ in self._engine.ask(prefix, [TEST_QUESTION]):
                return
        finally:
            await self._engine.close(prefix)
        raise ModelError("the engine gave no answer about the health check picture")
