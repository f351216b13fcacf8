"""Has an engine answer a whole question set about every labelled part, and keeps the answers."""

from __future__ import annotations

import hashlib
import time
import zlib
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import NamedTuple

from inspector.domain.frame import FrameKey
from inspector.domain.ladder import QuestionGroup
from inspector.domain.pipeline import Pipeline, line_fingerprint
from inspector.domain.prompts import Pictures, Question
from inspector.domain.report import JsonSchema
from inspector.errors import ModelError, PictureError
from inspector.judging.part_pictures import PartPictures
from inspector.judging.second_opinion import PatchOpinionSource
from inspector.lab.evaluation.question_set import question_set
from inspector.lab.evaluation.recording import (
    AnswerBatch,
    NamedSuspect,
    PictureEncoding,
    RecordedAnswer,
    RecordedOpinion,
    Recording,
    question_limits,
)
from inspector.lab.evaluation.recording_file import RecordingFile
from inspector.ports.engine import Answer, Engine, GeneratedText, PatchMap, Picture, Prefix
from inspector.ports.evidence import EvidenceStore
from inspector.ports.pool import Job


@dataclass(frozen=True, slots=True)
class LabelledPart:
    """A picture and the truth about it. `golden`: sha256 of its golden samples. `visibility`: how plain its plainest
    defect is, on any scale; None where nobody knows."""

    name: str
    pipeline: Pipeline
    picture: bytes
    is_ng: bool
    golden: tuple[str, ...] = ()
    visibility: float | None = None


class RecordedPart(NamedTuple):
    """A labelled part without its picture, and what was said about it."""

    pipeline: Pipeline
    is_ng: bool
    visibility: float | None
    recording: Recording


@dataclass(slots=True)
class RecordedParts:
    """Everything said about a set of parts. `unreadable` names those whose picture can't be read."""

    cases: list[RecordedPart] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


class PartRecorder:
    """Asks one engine about parts, unless the file holds their answers already."""

    def __init__(self, engine: Engine, evidence: EvidenceStore, recordings: RecordingFile) -> None:
        self._engine = RecordingEngine(engine)
        self._evidence = evidence
        self._opinions = PatchOpinionSource(engine, evidence)
        self._recordings = recordings
        self._warm = False

    async def hear(self, parts: Iterable[LabelledPart], tell: Callable[[int], None] = lambda _: None) -> RecordedParts:
        """`tell` hears how many parts are done. Raises ModelError where the engine can't answer."""
        heard = RecordedParts()
        for done, part in enumerate(parts, 1):
            try:
                recording = await self._recording(part)
            except PictureError:
                heard.unreadable.append(part.name)
            else:
                heard.cases.append(RecordedPart(part.pipeline, part.is_ng, part.visibility, recording))
            tell(done)
        return heard

    async def _recording(self, part: LabelledPart) -> Recording:
        sha256 = hashlib.sha256(part.picture).hexdigest()
        fingerprint = line_fingerprint(part.pipeline.settings_fingerprint(), self._engine.fingerprint, part.golden)
        known = self._recordings.find(sha256, fingerprint)
        if known is not None:
            return known
        if not self._warm:  # the first part of a run pays for what an engine only does once
            await self._record(part, sha256, fingerprint)
            self._warm = True
        recording = await self._record(part, sha256, fingerprint)
        self._recordings.add(recording)
        return recording

    async def _record(self, part: LabelledPart, sha256: str, fingerprint: str) -> Recording:
        seed = zlib.crc32(part.picture)
        job = Job(FrameKey(part.pipeline.line, "eval", sha256), part.picture, part.pipeline, part.golden, 0.0, seed)
        sight = PartPictures(self._engine, self._evidence, job, self._opinions)
        try:
            recorded = await AnswerRecorder(self._engine, sight).record(question_set(part.pipeline, seed))
        finally:
            await sight.close()
        return Recording(part.name, sha256, self._engine.fingerprint, part.golden, fingerprint, seed, *recorded)


class PartAnswers(NamedTuple):
    """What a recording holds of one part's answers."""

    looks: tuple[PictureEncoding, ...]
    pointed: NamedSuspect
    batches: tuple[AnswerBatch, ...]
    compared: RecordedOpinion | None


class AnswerRecorder:
    """Times everything that is asked about one part, one after the other, so that nothing waits for anything else."""

    def __init__(self, engine: RecordingEngine, sight: PartPictures) -> None:
        self._engine = engine
        self._sight = sight
        self._looks: dict[Pictures, PictureEncoding] = {}

    async def record(self, asked: Sequence[QuestionGroup]) -> PartAnswers:
        await self._look(Pictures.FRAME)
        started = time.perf_counter()
        suspect = await self._sight.locate_suspect()
        pointed = NamedSuspect(self._engine.written, _ms_since(started))
        await self._sight.set_zoom(suspect)
        shown = [each for each in asked if suspect or each.pictures is not Pictures.ZOOM]
        batches = [await self._batch(await self._look(each.pictures), each) for each in shown]
        compared = await self._compare([each for each in asked if each.pictures is Pictures.ZOOM])
        return PartAnswers(tuple(self._looks.values()), pointed, tuple(batches), compared)

    async def _compare(self, zooms: Sequence[QuestionGroup]) -> RecordedOpinion | None:
        try:
            opinion, suspect, _ = await self._sight.second_opinion()
        except ModelError:  # no golden samples, or an engine without patches: strategies that need them will say so
            return None
        await self._sight.set_zoom(suspect)
        started = time.perf_counter()
        prefix = await self._sight.prefix(Pictures.ZOOM)
        look = PictureEncoding(Pictures.ZOOM, _ms_since(started))
        batches = [await self._batch(prefix, each) for each in zooms]
        return RecordedOpinion(opinion.p_ng, suspect, opinion.ms, look, tuple(batches))

    async def _look(self, pictures: Pictures) -> Prefix:
        started = time.perf_counter()
        prefix = await self._sight.prefix(pictures)
        self._looks.setdefault(pictures, PictureEncoding(pictures, _ms_since(started)))
        return prefix

    async def _batch(self, prefix: Prefix, each: QuestionGroup) -> AnswerBatch:
        started, said = time.perf_counter(), list[RecordedAnswer]()
        async with aclosing(self._engine.ask(prefix, each.questions)) as answers:
            async for answer in answers:
                said += [_said(each.questions, answer, _ms_since(started))]
        return AnswerBatch(each.pictures, _ms_since(started), tuple(said))


def _said(questions: Sequence[Question], answer: Answer, ms: float) -> RecordedAnswer:
    asked = questions[answer.index]
    return RecordedAnswer(
        view=asked.view,
        sample=sum(before.view is asked.view for before in questions[: answer.index]),
        question=asked.text,
        p_ng=answer.p_ng,
        tokens=answer.tokens,
        ms=ms,
        text=answer.text,
        reasoning=asked.reasoning,
        temperature=asked.temperature,
        seed=asked.seed,
        limits=question_limits(asked),
        p_true=answer.p_true,
    )


class RecordingEngine:
    """An engine (`ports.Engine`) whose latest written text can be heard: the sight keeps only the region it names."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.written = GeneratedText("", 0)

    @property
    def fingerprint(self) -> str:
        return self._engine.fingerprint

    async def open(self, pictures: Sequence[Picture], preamble: str) -> Prefix:
        return await self._engine.open(pictures, preamble)

    def ask(self, prefix: Prefix, questions: Sequence[Question]) -> AsyncGenerator[Answer, None]:
        return self._engine.ask(prefix, questions)

    async def write(
        self,
        prefix: Prefix,
        request: str,
        *,
        start: str,
        max_tokens: int,
        schema: JsonSchema | None = None,
        urgent: bool = False,
    ) -> GeneratedText:
        self.written = await self._engine.write(
            prefix, request, start=start, max_tokens=max_tokens, schema=schema, urgent=urgent
        )
        return self.written

    async def features(self, prefix: Prefix) -> PatchMap:
        return await self._engine.features(prefix)

    async def close(self, prefix: Prefix) -> None:
        await self._engine.close(prefix)


def _ms_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000.0
