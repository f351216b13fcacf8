"""The writer of a line's checklist: a model writes it from golden samples, and its questions are tried as the judge
would ask them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Final, NamedTuple

from inspector.domain.declared import ViewName
from inspector.domain.frame import FrameKey
from inspector.domain.ladder import question_groups
from inspector.domain.pipeline import Rung
from inspector.domain.prompts import CHECKLIST_ITEM_TOKENS, checklist_request, golden_preamble
from inspector.errors import PictureError
from inspector.judging.part_pictures import PartPictures
from inspector.judging.second_opinion import golden_picture
from inspector.ports.engine import Engine
from inspector.ports.evidence import EvidenceStore
from inspector.ports.ledger import PipelineVersion
from inspector.ports.pool import Job
from inspector.tuning.checklist import (
    CandidateQuestion,
    WrittenChecklist,
    checklist_schema,
    checklist_start,
    read_questions,
)
from inspector.tuning.checklist_trial import Scores, TrialAnswers

MAX_SHOWN_GOLDEN: Final = 4  # golden samples from which questions are written
TRIAL_RUNG: Final = Rung(views=(ViewName.CHECKLIST,))

OnProgress = Callable[[int], None]  # called with the number of pictures asked about


class ReviewedPicture(NamedTuple):
    """The picture of a reviewed part, and its truth."""

    sha256: str
    is_ng: bool


class ChecklistWriter:
    """Works on one version of a line with one engine."""

    def __init__(self, engine: Engine, evidence: EvidenceStore, version: PipelineVersion) -> None:
        self._engine = engine
        self._evidence = evidence
        self._version = version

    async def write(self) -> WrittenChecklist:
        """Have the model write a checklist.

        Raises ModelError where the engine can't write text, or a golden sample is missing.
        """
        pipeline, shown = self._version.pipeline, self._version.golden[:MAX_SHOWN_GOLDEN]
        pictures = [
            await asyncio.to_thread(golden_picture, self._evidence, sha256, self._version.pipeline) for sha256 in shown
        ]
        prefix = await self._engine.open(pictures, golden_preamble(pipeline, len(pictures)))
        try:
            written = await self._engine.write(
                prefix,
                checklist_request(pipeline),
                start=checklist_start(pipeline),
                max_tokens=CHECKLIST_ITEM_TOKENS * len(pipeline.defects),
                schema=checklist_schema(pipeline),
            )
        finally:
            await self._engine.close(prefix)
        return read_questions(written.text, pipeline)

    async def try_out(
        self, asked: Sequence[CandidateQuestion], reviewed: Sequence[ReviewedPicture], on_progress: OnProgress
    ) -> TrialAnswers:
        """Ask all questions about every golden sample, then about the reviewed parts."""
        golden: list[Scores] = []
        for sha256 in self._version.golden:
            golden.append(await self._ask_about_golden(asked, sha256))
            on_progress(len(golden))
        scored: dict[bool, list[Scores]] = {False: [], True: []}
        for number, part in enumerate(reviewed, 1):
            scores = await self._ask_about_part(asked, part)
            scored[part.is_ng] += [scores] if scores is not None else []
            on_progress(len(golden) + number)
        ok, ng = map(tuple, scored.values())
        return TrialAnswers(tuple(golden), ok, ng, missing=len(reviewed) - len(ok) - len(ng))

    async def _ask_about_golden(self, asked: Sequence[CandidateQuestion], sha256: str) -> Scores:
        """Ask with the other golden samples as references: the sample would resemble itself too closely."""
        picture = await asyncio.to_thread(golden_picture, self._evidence, sha256, self._version.pipeline)
        others = (each for each in self._version.golden if each != sha256)
        return await self._ask(asked, picture.data, (*others, sha256))

    async def _ask_about_part(self, asked: Sequence[CandidateQuestion], part: ReviewedPicture) -> Scores | None:
        """Return the scores, or None where the picture is missing or unreadable."""
        try:
            picture = await asyncio.to_thread(self._evidence.get, part.sha256)
            return await self._ask(asked, picture, self._version.golden)
        except (KeyError, PictureError):
            return None

    async def _ask(self, asked: Sequence[CandidateQuestion], picture: bytes, golden: tuple[str, ...]) -> Scores:
        """Ask with the prompt and the pictures that the judge would use."""
        pipeline = self._version.pipeline.model_copy(update={"checklist": tuple(each.text for each in asked)})
        [listed] = question_groups(pipeline, TRIAL_RUNG, seed=0)
        job = Job(FrameKey(pipeline.line, "checklist", "trial"), picture, pipeline, golden, remaining_ms=0.0)
        pictures = PartPictures(self._engine, self._evidence, job)
        try:
            prefix = await pictures.prefix(listed.pictures)
            async with aclosing(self._engine.ask(prefix, listed.questions)) as answers:
                scores = {
                    answer.index: answer.p_ng
                    async for answer in answers
                    if answer.readable >= pipeline.settle.min_readable
                }
        finally:
            await pictures.close()
        return tuple(scores.get(place) for place in range(len(asked)))
