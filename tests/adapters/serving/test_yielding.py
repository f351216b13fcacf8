"""A part that can wait is asked about between the frames of lines: none of them waits for more than one question."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace

import pytest
from support.declarations import a_pipeline
from support.fakes import MemoryEvidence
from support.line_fakes import KeptPrefix, ScriptedEngine

from inspector.adapters.serving.job_codec import JobEncoder, decode_job
from inspector.adapters.serving.replica import VisionModel
from inspector.domain.frame import FrameKey
from inspector.domain.prompts import Question
from inspector.domain.report import Words
from inspector.ports.engine import Answer, Prefix
from inspector.ports.pool import Job, Judgement

LIVE, WAITING = b"live", b"waiting"
LADDER = [{"views": [view]} for view in ("direct", "paraphrase", "inverted")]
SETTLING_S = 0.1  # in which everything happens that nothing holds up


class HeldEngine(ScriptedEngine):
    """Answers a question, undecided, once it may. `pictures` are those that it was asked about, in order."""

    def __init__(self) -> None:
        super().__init__(lambda _: 0.5)
        self.pictures: list[bytes] = []
        self.answers = asyncio.Semaphore(0)

    async def ask(self, prefix: Prefix, questions: Sequence[Question]) -> AsyncGenerator[Answer, None]:
        assert isinstance(prefix, KeptPrefix)
        self.pictures.append(prefix.pictures[-1].data)
        await self.answers.acquire()
        async for answer in super().ask(prefix, questions):
            yield answer

    async def until_asked(self, *pictures: bytes) -> None:
        """Wait until it was asked about exactly these pictures, and about none more."""
        while len(self.pictures) < len(pictures):
            await asyncio.sleep(0.005)
        await asyncio.sleep(SETTLING_S)
        assert self.pictures == list(pictures)


def a_job(picture: bytes, rungs: int) -> Job:
    pipeline = a_pipeline(ladder=LADDER[:rungs], paraphrases=["Is this board broken?"])
    return Job(FrameKey("pcb", "cam1", picture.decode()), picture, pipeline, (), 60_000.0, can_wait=picture == WAITING)


@dataclass
class Replica:
    engine: HeldEngine = field(default_factory=HeldEngine)

    def __post_init__(self) -> None:
        self.model = VisionModel(self.engine, MemoryEvidence(), b"golden")

    def judge(self, picture: bytes, rungs: int) -> asyncio.Task[list[object]]:
        return asyncio.create_task(self._judge(a_job(picture, rungs)))

    async def _judge(self, job: Job) -> list[object]:
        return [outcome async for outcome in self.model.judge(job)]


async def test_a_part_that_can_wait_is_not_asked_about_while_a_frame_is_judged() -> None:
    replica = Replica()
    live = replica.judge(LIVE, 2)
    await replica.engine.until_asked(LIVE)
    waiting = replica.judge(WAITING, 1)
    await replica.engine.until_asked(LIVE)
    replica.engine.answers.release()
    await replica.engine.until_asked(LIVE, LIVE)
    replica.engine.answers.release()
    await live
    await replica.engine.until_asked(LIVE, LIVE, WAITING)
    replica.engine.answers.release()
    [judgement] = await waiting
    assert isinstance(judgement, Judgement)
    assert judgement.judged_ms is not None


async def test_a_frame_that_comes_meanwhile_waits_for_one_question_at_most() -> None:
    replica = Replica()
    waiting = replica.judge(WAITING, 3)
    await replica.engine.until_asked(WAITING)
    live = replica.judge(LIVE, 1)
    await replica.engine.until_asked(WAITING, LIVE)
    replica.engine.answers.release()  # of the first question about the part that can wait
    await replica.engine.until_asked(WAITING, LIVE)
    replica.engine.answers.release()
    await live
    await replica.engine.until_asked(WAITING, LIVE, WAITING)
    waiting.cancel()


async def test_it_waits_until_no_frame_is_left() -> None:
    replica = Replica()
    first = replica.judge(LIVE, 1)
    await replica.engine.until_asked(LIVE)
    waiting, second = replica.judge(WAITING, 1), replica.judge(LIVE, 1)
    await replica.engine.until_asked(LIVE, LIVE)
    replica.engine.answers.release()
    await first
    await replica.engine.until_asked(LIVE, LIVE)
    replica.engine.answers.release()
    await second
    await replica.engine.until_asked(LIVE, LIVE, WAITING)
    waiting.cancel()


@pytest.mark.parametrize(("picture", "outcomes"), [(LIVE, [Judgement, Words]), (WAITING, [Judgement])])
async def test_no_words_are_written_about_a_part_that_can_wait(picture: bytes, outcomes: list[type]) -> None:
    replica = Replica()
    replica.engine.answers.release()
    assert [type(each) for each in await replica.judge(picture, 1)] == outcomes


async def test_a_frame_whose_caller_leaves_holds_nothing_up() -> None:
    replica = Replica()
    live = replica.judge(LIVE, 1)
    await replica.engine.until_asked(LIVE)
    live.cancel()
    waiting = replica.judge(WAITING, 1)
    await replica.engine.until_asked(LIVE, WAITING)
    waiting.cancel()


def test_a_job_that_can_wait_says_so_to_the_replica() -> None:
    job = a_job(WAITING, 1)
    assert decode_job(JobEncoder().pack(job)) == job
    assert not decode_job(JobEncoder().pack(replace(job, can_wait=False))).can_wait
