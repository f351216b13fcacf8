"""Ask an engine the whole question set about labelled parts, and record the answers with their times."""

from __future__ import annotations

import asyncio
import hashlib
import time
import zlib
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from inspector.domain.frame import FrameKey
from inspector.domain.ladder import QuestionGroup
from inspector.domain.pipeline import Pipeline, line_fingerprint
from inspector.domain.prompts import Pictures, Question
from inspector.domain.report import JsonSchema
from inspector.errors import ModelError, PictureError
from inspector.judging.part_pictures import PartPictures
from inspector.judging.second_opinion import PatchOpinionSource
from inspector.lab.evaluation.question_set import FurtherBatch, further_group, question_set
from inspector.lab.evaluation.recording import (
    AnswerBatch,
    NamedSuspect,
    PictureEncoding,
    RecordedAnswer,
    RecordedOpinion,
    Recording,
    recorded_answer,
)
from inspector.lab.evaluation.recording_file import RecordingFile
from inspector.lab.evaluation.separation import SeparationRecorder
from inspector.lab.evaluation.stopwatch import ms_since
from inspector.lab.evaluation.thought_beam import search_thoughts
from inspector.ports.engine import Answer, Engine, GeneratedText, PatchMap, Picture, Prefix
from inspector.ports.evidence import EvidenceStore
from inspector.ports.pool import Job


@dataclass(frozen=True, slots=True)
class LabelledPart:
    """A picture and its label. `golden`: sha256 of its golden samples. `visibility`: how visible its most visible
    defect is, on any scale; None if unknown. `defects_px`: boxes of its marked defects (x0, y0, x1, y1)."""

    name: str
    pipeline: Pipeline
    picture: bytes
    is_ng: bool
    golden: tuple[str, ...] = ()
    visibility: float | None = None
    defects_px: tuple[tuple[float, float, float, float], ...] = ()


CheckPart = Callable[[LabelledPart], None]


class RecordedPart(NamedTuple):
    """The label of a part and its recording, without the picture."""

    pipeline: Pipeline
    is_ng: bool
    visibility: float | None
    recording: Recording


@dataclass(slots=True)
class RecordedParts:
    """The recordings of a set of parts. `unreadable` names those that a line would not judge, each with the reason."""

    parts: list[RecordedPart] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


def accept_part(_part: LabelledPart) -> None:
    """Accept the part."""


class PartRecorder:
    """Records the answers of one engine, unless the file holds them already.

    `check` raises PictureError for a part that a line would not judge. `further`: batches that the strategies need
    beyond the question set. `separates`: what separates an NG claim from a good part is asked too, as it is on a line
    whose ladder asks it. `searches`: a thought is searched for too. A part recorded without them is asked only these.
    """

    def __init__(
        self,
        engine: Engine,
        evidence: EvidenceStore,
        recordings: RecordingFile,
        further: Sequence[FurtherBatch] = (),
        *,
        separates: bool = False,
        check: CheckPart = accept_part,
        searches: bool = False,
    ) -> None:
        self._engine = RecordingEngine(engine)
        self._evidence = evidence
        self._opinions = PatchOpinionSource(engine, evidence)
        self._recordings = recordings
        self._further = further
        self._separates = separates
        self._check = check
        self._searches = searches
        self._is_warm = False

    async def record_all(
        self, parts: Iterable[LabelledPart], report: Callable[[int], None] = lambda _: None
    ) -> RecordedParts:
        """Record all parts; calls `report` with the number of finished ones. Raises ModelError if the engine fails."""
        recorded = RecordedParts()
        for done, part in enumerate(parts, 1):
            try:
                recording = await self._recording(part)
            except PictureError as error:
                recorded.unreadable.append(f"{part.name}: {error}")
            else:
                recorded.parts.append(RecordedPart(part.pipeline, part.is_ng, part.visibility, recording))
            report(done)
        return recorded

    async def _recording(self, part: LabelledPart) -> Recording:
        await asyncio.to_thread(self._check, part)
        sha256 = hashlib.sha256(part.picture).hexdigest()
        fingerprint = line_fingerprint(part.pipeline.settings_fingerprint(), self._engine.fingerprint, part.golden)
        known = self._recordings.find(sha256, fingerprint)
        seed = zlib.crc32(part.picture)
        further = [further_group(part.pipeline, seed, batch) for batch in self._further]
        missing = [group for group in further if known is None or not known.holds(group.questions)]
        if known is not None and not missing and not self._lacks(known, part):
            return known
        if not self._is_warm:  # the first recording includes the engine's one-time work, so it is made twice
            await self._record(part, sha256, fingerprint, known, missing)
            self._is_warm = True
        recording = await self._record(part, sha256, fingerprint, known, missing)
        self._recordings.add(recording)
        return recording

    def _lacks(self, known: Recording, part: LabelledPart) -> bool:
        return (self._needs_separation(part) and known.separation is None) or (self._searches and not known.beam)

    def _needs_separation(self, part: LabelledPart) -> bool:
        return self._separates or part.pipeline.separates

    async def _record(
        self,
        part: LabelledPart,
        sha256: str,
        fingerprint: str,
        known: Recording | None,
        further: Sequence[QuestionGroup],
    ) -> Recording:
        """Ask the question set and the further groups, or the further groups alone about a part that is known."""
        seed = zlib.crc32(part.picture)
        job = Job(FrameKey(part.pipeline.line, "eval", sha256), part.picture, part.pipeline, part.golden, 0.0, seed)
        pictures = PartPictures(self._engine, self._evidence, job, self._opinions)
        recorder = AnswerRecorder(self._engine, pictures)
        try:
            if known is None:
                answers = await recorder.record([*question_set(part.pipeline, seed), *further])
                model = self._engine.fingerprint
                known = Recording(part.name, sha256, model, part.golden, fingerprint, seed, *answers)
            else:
                known = replace(known, batches=(*known.batches, *await recorder.record_batches(further)))
            if self._needs_separation(part) and known.separation is None:
                separation = await SeparationRecorder(self._engine, pictures, part.pipeline).record()
                known = replace(known, separation=separation)
            if self._searches and not known.beam:
                prefix = await pictures.prefix(Pictures.FRAME)
                known = replace(known, beam=await search_thoughts(self._engine, prefix, part.pipeline, seed))
        finally:
            await pictures.close()
        return known


class PartAnswers(NamedTuple):
    """The answers about one part, as a recording holds them."""

    encodings: tuple[PictureEncoding, ...]
    named_suspect: NamedSuspect
    batches: tuple[AnswerBatch, ...]
    second_opinion: RecordedOpinion | None


class AnswerRecorder:
    """Asks everything about one part, one batch after the other, and times each batch undisturbed."""

    def __init__(self, engine: RecordingEngine, pictures: PartPictures) -> None:
        self._engine = engine
        self._pictures = pictures
        self._encodings: dict[Pictures, PictureEncoding] = {}

    async def record(self, groups: Sequence[QuestionGroup]) -> PartAnswers:
        await self._encode(Pictures.FRAME)
        started = time.perf_counter()
        suspect = await self._pictures.locate_suspect()
        named_suspect = NamedSuspect(self._engine.written, ms_since(started))
        zooms = await self._pictures.zoom_to(suspect)
        possible = [group for group in groups if zooms or group.pictures is not Pictures.ZOOM]
        batches = await self.record_batches(possible)
        opinion = await self._second_opinion([group for group in groups if group.pictures is Pictures.ZOOM])
        return PartAnswers(tuple(self._encodings.values()), named_suspect, batches, opinion)

    async def record_batches(self, groups: Sequence[QuestionGroup]) -> tuple[AnswerBatch, ...]:
        """Ask these groups alone."""
        return tuple([await self._batch(await self._encode(group.pictures), group) for group in groups])

    async def _second_opinion(self, zooms: Sequence[QuestionGroup]) -> RecordedOpinion | None:
        try:
            opinion, suspect, *_ = await self._pictures.second_opinion()
        except ModelError:  # no golden samples, or no patches: strategies that need them raise an error of their own
            return None
        started = time.perf_counter()
        shows_more = await self._pictures.zoom_to(suspect)
        encoding = PictureEncoding(Pictures.ZOOM, ms_since(started))
        prefix = await self._pictures.prefix(Pictures.ZOOM)
        batches = [await self._batch(prefix, group) for group in zooms] if shows_more else []
        return RecordedOpinion(opinion.p_ng, suspect, opinion.ms, encoding, tuple(batches))

    async def _encode(self, pictures: Pictures) -> Prefix:
        started = time.perf_counter()
        prefix = await self._pictures.prefix(pictures)
        self._encodings.setdefault(pictures, PictureEncoding(pictures, ms_since(started)))
        return prefix

    async def _batch(self, prefix: Prefix, group: QuestionGroup) -> AnswerBatch:
        started, recorded = time.perf_counter(), list[RecordedAnswer]()
        async with aclosing(self._engine.ask(prefix, group.questions)) as answers:
            async for answer in answers:
                recorded += [recorded_answer(group.questions, answer, ms_since(started))]
        return AnswerBatch(group.pictures, ms_since(started), tuple(recorded))


class RecordingEngine:
    """An engine (`ports.Engine`) that keeps the latest written text: PartPictures returns only the region it names."""

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
