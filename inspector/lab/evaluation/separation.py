"""Record what separates an NG claim from a good part (`judging/separation.py`), whatever the votes say."""

from __future__ import annotations

import time

from inspector.domain.pipeline import Pipeline
from inspector.domain.prompts import Pictures, claim_orders, separating_questions
from inspector.judging.part_pictures import PartPictures
from inspector.judging.separation import DefectClaim, Separation
from inspector.lab.evaluation.recording import AnswerBatch, RecordedSeparation, recorded_answer
from inspector.lab.evaluation.stopwatch import ms_since
from inspector.ports.engine import Engine


class SeparationRecorder:
    """Asks an engine for the claim about one part, and what separates it from a good part."""

    def __init__(self, engine: Engine, pictures: PartPictures, pipeline: Pipeline) -> None:
        self._separation = Separation(engine, pictures, pipeline)
        self._pipeline = pipeline

    async def record(self) -> RecordedSeparation:
        started = time.perf_counter()
        text = await self._separation.write_claim()
        claim_ms, claim = ms_since(started), self._separation.read_claim(text.text)
        orders = claim_orders(self._pipeline) if claim else ()
        return RecordedSeparation(text, claim_ms, tuple([await self._asked(claim, order) for order in orders if claim]))

    async def _asked(self, claim: DefectClaim, pictures: Pictures) -> AnswerBatch:
        """Encode one order of the pictures, and ask. The time includes the encoding."""
        asked, started = separating_questions(self._pipeline, claim.defect, pictures), time.perf_counter()
        answers = [
            recorded_answer(asked, answer, ms_since(started))
            async for answer in self._separation.answers(claim, pictures)
        ]
        return AnswerBatch(pictures, ms_since(started), tuple(answers))
