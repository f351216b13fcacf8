"""Build the input on which two disagreeing answers must differ (S*, Li 2025, 2502.14382), and ask about it.

One vote says NG, another OK. What the first one claims is written as a report: a class and its region. If it is right,
the magnified region of the part differs from the same region of a golden sample by that defect; if it is wrong, it does
not. Both orders are asked, so that a preference for the first or the last picture cancels out, and the claim's own
question. Without a golden sample the region is asked about alone.
"""

from __future__ import annotations

import time
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from inspector.domain.declared import ViewName
from inspector.domain.pipeline import Pipeline
from inspector.domain.prompts import ANSWER, REPORT_TOKENS, Pictures, Question, report_request, word
from inspector.domain.report import Finding, read_words, report_schema
from inspector.judging.part_pictures import PartPictures
from inspector.judging.report_writer import REPORT_START
from inspector.judging.second_opinion import golden_picture
from inspector.lab.evaluation.recording import AnswerBatch, RecordedAnswer, RecordedSeparation, recorded_answer
from inspector.lab.evaluation.stopwatch import ms_since
from inspector.ports.engine import Engine, Picture
from inspector.ports.evidence import EvidenceStore
from inspector.ports.pool import Job

OWN_QUESTION: Final = "Is there a {defect} on {shown}?" + ANSWER
COMPARED: Final = "Does {shown} show a {defect} that the other detail does not show?" + ANSWER
ALONE_PREAMBLE: Final = "This picture is an enlarged detail of a {product} on a production line.\n"
SAME_DETAIL: Final = "Both pictures show the same enlarged detail of a {product}. "
ORDER: Final = "{golden} shows a good one; {part} is to be inspected.\n"


class SeparationRecorder:
    """Asks an engine for the claim about one part, and what separates it from a good part."""

    def __init__(self, engine: Engine, evidence: EvidenceStore, job: Job) -> None:
        self._engine = engine
        self._evidence = evidence
        self._job = job

    async def record(self, pictures: PartPictures) -> RecordedSeparation:
        prefix, pipeline = await pictures.prefix(Pictures.FRAME), self._job.pipeline
        started = time.perf_counter()
        claim = await self._engine.write(
            prefix,
            report_request(pipeline),
            start=REPORT_START,
            max_tokens=REPORT_TOKENS,
            schema=report_schema(pipeline),
        )
        claim_ms, found = ms_since(started), read_words(claim.text, pipeline).main
        if found is None or found.bbox_norm is None:
            return RecordedSeparation(claim, claim_ms, ())
        return RecordedSeparation(claim, claim_ms, tuple([await self._asked(found, order) for order in self._orders]))

    @property
    def _orders(self) -> tuple[bool, ...]:
        """Whether the golden sample comes first; only the part is shown where the line has none."""
        return (True, False) if self._job.golden else (True,)

    async def _asked(self, claim: Finding, golden_first: bool) -> AnswerBatch:
        """Encode one order of the pictures, and ask. The time includes the encoding."""
        asked = separating_questions(self._job.pipeline, claim, golden_first, compared=bool(self._job.golden))
        started, answers = time.perf_counter(), list[RecordedAnswer]()
        prefix = await self._engine.open(self._shown(claim, golden_first), self._preamble(golden_first))
        try:
            async with aclosing(self._engine.ask(prefix, asked)) as given:
                async for answer in given:
                    answers.append(recorded_answer(asked, answer, ms_since(started)))
        finally:
            await self._engine.close(prefix)
        return AnswerBatch(Pictures.ZOOM, ms_since(started), tuple(answers))

    def _shown(self, claim: Finding, golden_first: bool) -> list[Picture]:
        job = self._job
        golden = [golden_picture(self._evidence, sha256, job.pipeline, job.region) for sha256 in job.golden[:1]]
        shown = [*golden, job.picture] if golden_first else [job.picture, *golden]
        return [replace(picture, crop=claim.bbox_norm) for picture in shown]

    def _preamble(self, golden_first: bool) -> str:
        product = self._job.pipeline.product
        if not self._job.golden:
            return ALONE_PREAMBLE.format(product=product)
        golden, part = ("The first one", "the second one") if golden_first else ("The second one", "the first one")
        return SAME_DETAIL.format(product=product) + ORDER.format(golden=golden, part=part)


def separating_questions(
    pipeline: Pipeline, claim: Finding, golden_first: bool, *, compared: bool
) -> tuple[Question, ...]:
    """The claim's own question and, next to a golden sample, what only the part shows; Yes is NG."""
    defect = word(claim.defect) if claim.defect in pipeline.defects else "defect"
    shown = "this detail" if not compared else "the second detail" if golden_first else "the first detail"
    texts = (OWN_QUESTION, COMPARED) if compared else (OWN_QUESTION,)
    return tuple(Question(ViewName.ZOOM, text.format(defect=defect, shown=shown)) for text in texts)
