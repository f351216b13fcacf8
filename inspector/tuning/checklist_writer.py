"""Has a model write a line's checklist from its golden samples, and tries the questions as the judge would ask them."""

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

MAX_SHOWN_GOLDEN: Final = 4  # golden samples that questions are written from
TRIAL_RUNG: Final = Rung(views=(ViewName.CHECKLIST,))

OnProgress = Callable[[int], None]  # hears how many pictures were asked about


class ReviewedPicture(NamedTuple):
    """The picture of a part whose truth a person has said."""

    sha256: str
    is_ng: bool


class ChecklistWriter:
    """Works on one version of a line with one engine."""

    def __init__(self, engine: Engine, evidence: EvidenceStore, version: PipelineVersion) -> None:
        self._engine = engine
        self._evidence = evidence
        self._version = version

    async def write(self) -> WrittenChecklist:
        """Raises ModelError where the engine can't write, or a golden sample is not there."""
        pipeline, shown = self._version.pipeline, self._version.golden[:MAX_SHOWN_GOLDEN]
        pictures = [await asyncio.to_thread(golden_picture, self._evidence, sha256) for sha256 in shown]
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
        self, asked: Sequence[CandidateQuestion], reviewed: Sequence[ReviewedPicture], tell: OnProgress
    ) -> TrialAnswers:
        """Asks all about every golden sample, then about the reviewed parts."""
        golden: list[Scores] = []
        for sha256 in self._version.golden:
            golden.append(await self._hear_golden(asked, sha256))
            tell(len(golden))
        said: dict[bool, list[Scores]] = {False: [], True: []}
        for number, part in enumerate(reviewed, 1):
            scores = await self._hear_part(asked, part)
            said[part.is_ng] += [scores] if scores is not None else []
            tell(len(golden) + number)
        ok, ng = map(tuple, said.values())
        return TrialAnswers(tuple(golden), ok, ng, missing=len(reviewed) - len(ok) - len(ng))

    async def _hear_golden(self, asked: Sequence[CandidateQuestion], sha256: str) -> Scores:
        """Beside the other golden samples, where there are any: it would look very much like itself."""
        picture = await asyncio.to_thread(golden_picture, self._evidence, sha256)
        others = (each for each in self._version.golden if each != sha256)
        return await self._hear(asked, picture.data, (*others, sha256))

    async def _hear_part(self, asked: Sequence[CandidateQuestion], part: ReviewedPicture) -> Scores | None:
        """None where its picture is gone, or can't be read."""
        try:
            picture = await asyncio.to_thread(self._evidence.get, part.sha256)
            return await self._hear(asked, picture, self._version.golden)
        except (KeyError, PictureError):
            return None

    async def _hear(self, asked: Sequence[CandidateQuestion], picture: bytes, golden: tuple[str, ...]) -> Scores:
        """In the words, and beside the pictures, that the judge would use."""
        pipeline = self._version.pipeline.model_copy(update={"checklist": tuple(each.text for each in asked)})
        [listed] = question_groups(pipeline, TRIAL_RUNG, seed=0)
        job = Job(FrameKey(pipeline.line, "checklist", "trial"), picture, pipeline, golden, remaining_ms=0.0)
        sight = PartPictures(self._engine, self._evidence, job)
        try:
            prefix = await sight.prefix(listed.pictures)
            async with aclosing(self._engine.ask(prefix, listed.questions)) as answers:
                found = {answer.index: answer.p_ng async for answer in answers}
        finally:
            await sight.close()
        return tuple(found.get(place) for place in range(len(asked)))
