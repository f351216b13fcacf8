"""Asks a checkpoint about held-out frames in every view, through the service's own engine and judge.

Frames are encoded as JPEG, as a camera sends them.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Final, NamedTuple

from inspector.adapters.camera import CameraPictureReader
from inspector.domain import prompts as view
from inspector.domain.decision import decide
from inspector.domain.declared import Disposition, Reasoning, ViewName
from inspector.domain.frame import Frame, FrameKey
from inspector.domain.part import Evidence
from inspector.domain.pipeline import Pipeline
from inspector.domain.prompts import Question
from inspector.domain.quality import quality_fault
from inspector.domain.vote import Tally, counting
from inspector.errors import PictureError
from inspector.judging.judge import Judge
from inspector.judging.part_pictures import PartPictures
from inspector.judging.report_writer import write_report
from inspector.lab.synthetic import PRODUCTS, Sample, draw, encode, golden
from inspector.lab.training.scores import box_iou
from inspector.ports.engine import Engine, Prefix
from inspector.ports.pool import Job, Judgement
from inspector.utc import utc_now

GOLDEN_SEED: Final = 1  # seed of the first golden sample
JPEG_MEDIA_TYPE: Final = "image/jpeg"
UNLIMITED_DEADLINE_MS: Final = 3_600_000.0  # one hour: no gate waits for the verdict
FRAME_VIEWS: Final = (ViewName.PARAPHRASE, ViewName.INVERTED, ViewName.OPTIONS, ViewName.REFUTE)
HELD_OUT_WORDING: Final = "held-out wording"
HELD_OUT_WORDINGS: Final = (
    "Do any imperfections appear on this {product}?",
    "Could a customer complain about this {product}?",
    "Is some area of the {product} not the way it was designed?",
    "Would you set this {product} aside for rework?",
    "Can damage or contamination be seen?",
    "Is there something on the {product} that should not be there?",
    "Has production of this {product} gone wrong somewhere?",
    "Is at least one defect present on the {product}?",
    "Should an alarm be raised for this {product}?",
    "Do you spot a fault in this image of a {product}?",
)


class DirectVerdict(NamedTuple):
    """p_ng of the direct view, and the milliseconds from the frame's bytes to it."""

    p_ng: float
    ms: float


class LadderVerdict(NamedTuple):
    """The result of the declared ladder: p_ng of all votes, the number of votes, and the disposition for the gate."""

    p_ng: float
    votes: int
    disposition: Disposition


class ReportScore(NamedTuple):
    """The quality of the report about one NG frame.

    `right_class` says whether the report names a class that the frame shows; `iou` is the best overlap with a flaw.
    """

    right_class: bool
    iou: float
    ms: float


@dataclass(slots=True)
class GoldenSampleStore:
    """Golden samples by the SHA-256 of their bytes, in memory (implements `EvidenceStore`)."""

    pictures: dict[str, bytes] = field(default_factory=dict)

    def put(self, data: bytes, media_type: str) -> Evidence:
        """Store a picture under its hash."""
        sha256 = hashlib.sha256(data).hexdigest()
        self.pictures[sha256] = data
        return Evidence(sha256, media_type, len(data), 0, 0)

    def get(self, sha256: str) -> bytes:
        """Return the picture with this hash."""
        return self.pictures[sha256]

    def remove(self, sha256: str) -> None:
        """Remove the picture, if it is there."""
        self.pictures.pop(sha256, None)


@dataclass(slots=True)
class CheckpointEvaluator:
    """One engine, and the pipeline per product that supplies its questions."""

    engine: Engine
    pipelines: Mapping[str, Pipeline]
    golden_store: GoldenSampleStore = field(default_factory=GoldenSampleStore)

    async def direct_verdict(self, product: str, data: bytes) -> DirectVerdict:
        """Ask the pipeline's own question about an encoded frame."""
        started = time.perf_counter()
        async with self._part_pictures(product, data) as pictures:
            prefix = await pictures.prefix(view.Pictures.FRAME)
            (p_ng,) = await self._answers(prefix, [_view_question(self.pipelines[product], ViewName.DIRECT, 0)])
        return DirectVerdict(p_ng, (time.perf_counter() - started) * 1000.0)

    async def view_scores(self, sample: Sample) -> dict[str, float]:
        """Return p_ng in every view except the direct one, and in one of the held-out wordings."""
        pipeline = self.pipelines[sample.product]
        index = sample.seed // (2 * len(PRODUCTS)) % len(HELD_OUT_WORDINGS)
        wording = HELD_OUT_WORDINGS[index].format(product=pipeline.product)
        view_questions = [_view_question(pipeline, name, sample.seed) for name in FRAME_VIEWS]
        questions = [*view_questions, Question(ViewName.PARAPHRASE, wording + view.ANSWER)]
        async with self._part_pictures(sample.product, encode(sample), sample.variant) as pictures:
            frame = await pictures.prefix(view.Pictures.FRAME)
            frame_scores = await self._answers(frame, [*questions, *_checklist_questions(pipeline)])
            scores = dict(zip((*map(str, FRAME_VIEWS), HELD_OUT_WORDING), frame_scores, strict=False))
            scores["checklist"] = max(frame_scores[len(questions) :])
            await pictures.zoom_to_suspect()
            for name in (ViewName.COMPARE, ViewName.ZOOM):
                prefix = await pictures.prefix(view.PICTURES_OF[name])
                (scores[str(name)],) = await self._answers(prefix, [_view_question(pipeline, name, sample.seed)])
        return scores

    async def compare_score(self, sample: Sample) -> float:
        """Return p_ng of the compare view, with a golden sample of the same variant."""
        question = _view_question(self.pipelines[sample.product], ViewName.COMPARE, sample.seed)
        async with self._part_pictures(sample.product, encode(sample), sample.variant) as pictures:
            return (await self._answers(await pictures.prefix(view.Pictures.COMPARE), [question]))[0]

    async def ladder_verdict(self, product: str, data: bytes, variant: int = 0) -> LadderVerdict:
        """Run the pipeline's ladder with the service's judge and without a deadline."""
        async with aclosing(Judge(self.engine, self.golden_store).judge(self._job(product, data, variant))) as answers:
            judgement = await anext(answers)
        if not isinstance(judgement, Judgement):
            raise TypeError("a judge yields its judgement first")
        return _ladder_verdict(self.pipelines[product], judgement)

    async def inspection_verdict(self, product: str, data: bytes) -> LadderVerdict:
        """Inspect as the service does: the quality gate first, then the judge."""
        pipeline = self.pipelines[product]
        frame = Frame(FrameKey(pipeline.line, "bench", "1"), data, utc_now(), JPEG_MEDIA_TYPE)
        try:
            fault = quality_fault(CameraPictureReader().measure(frame, pipeline.quality), pipeline.quality)
        except PictureError as error:
            fault = str(error)
        return LadderVerdict(0.5, 0, pipeline.fail_safe) if fault else await self.ladder_verdict(product, data)

    async def report_score(self, sample: Sample) -> ReportScore:
        """Write the report about an NG frame and score it."""
        pipeline = self.pipelines[sample.product]
        async with self._part_pictures(sample.product, encode(sample)) as pictures:
            await pictures.prefix(view.Pictures.FRAME)
            words = await write_report(self.engine, pictures, pipeline)
        named = words.main
        if named is None:
            return ReportScore(False, 0.0, words.ms)
        ious = [box_iou(named.bbox_norm, flaw.box_norm) for flaw in sample.flaws] if named.bbox_norm else [0.0]
        return ReportScore(named.defect in {flaw.defect for flaw in sample.flaws}, max(ious), words.ms)

    async def _answers(self, prefix: Prefix, questions: Sequence[Question]) -> list[float]:
        """Return p_ng of each question; an unreadable answer counts as 0.5."""
        scores = [0.5] * len(questions)
        async with aclosing(self.engine.ask(prefix, questions)) as answers:
            async for answer in answers:
                scores[answer.index] = 0.5 if answer.p_ng is None else answer.p_ng
        return scores

    def _job(self, product: str, data: bytes, variant: int) -> Job:
        pipeline = self.pipelines[product]
        seeds = range(GOLDEN_SEED, GOLDEN_SEED + max(1, len(pipeline.golden_samples)))
        golden_hashes = tuple(
            self.golden_store.put(golden_jpeg(product, seed, variant), JPEG_MEDIA_TYPE).sha256 for seed in seeds
        )
        return Job(FrameKey(pipeline.line, "bench", "1"), data, pipeline, golden_hashes, UNLIMITED_DEADLINE_MS)

    @asynccontextmanager
    async def _part_pictures(self, product: str, data: bytes, variant: int = 0) -> AsyncIterator[PartPictures]:
        """Open the pictures of one part; close them at the end."""
        pictures = PartPictures(self.engine, self.golden_store, self._job(product, data, variant))
        try:
            yield pictures
        finally:
            await pictures.close()


@cache
def golden_jpeg(product: str, seed: int, variant: int = 0) -> bytes:
    """Encode a golden sample with the quality of a pipeline's golden sample files."""
    return encode(golden(product, seed, variant), quality=95)


def _view_question(pipeline: Pipeline, name: ViewName, seed: int) -> Question:
    return view.questions(pipeline, name, samples=1, reasoning=Reasoning.NONE, temperature=0.0, seed=seed)[0]


def _ladder_verdict(pipeline: Pipeline, judgement: Judgement) -> LadderVerdict:
    if judgement.is_bad_image:
        return LadderVerdict(0.5, 0, pipeline.fail_safe)
    tally = Tally(judgement.votes, counting(pipeline, opinion=judgement.opinion))
    disposition = decide(pipeline, tally, judgement.stopped_by).disposition
    return LadderVerdict(0.5 if tally.score is None else tally.score, len(judgement.votes), disposition)


def _checklist_questions(pipeline: Pipeline) -> list[Question]:
    return view.questions(pipeline, ViewName.CHECKLIST, samples=1, reasoning=Reasoning.NONE, temperature=0.0, seed=0)


def held_out_frames(frames: int, seed: int) -> list[Sample]:
    """Return frames of all products in turn, half of them NG; every fourth pair shows the last variant."""
    return [held_out_frame(seed, k) for k in range(frames)]


def held_out_frame(seed: int, k: int) -> Sample:
    """Return frame `k` of `held_out_frames`."""
    turn, product = k // len(PRODUCTS), list(PRODUCTS)[k % len(PRODUCTS)]
    variant = len(PRODUCTS[product].variants) - 1 if turn // 2 % 4 == 3 else 0
    return draw(product, seed + k, ng=turn % 2 == 1, variant=variant)


def incomplete_caps(frames: int, seed: int) -> list[Sample]:
    """Return caps without a star: half of a variant that has none, half with the star missing."""
    good = [draw("cap", seed + k, ng=False, variant=1) for k in range(frames // 2)]
    return good + [draw("cap", seed + k, flaws=1, only="missing_star") for k in range(frames // 2, frames)]
