"""Stand-ins at the ports that the story works with: an eye that sees what it is told, a pool that answers from a
script, a publisher that keeps what it publishes, an engine that votes by a script."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from inspector.domain.cameras import Region
from inspector.domain.declared import ViewName
from inspector.domain.frame import Claim, Frame, FrameKey
from inspector.domain.part import Evidence
from inspector.domain.pipeline import PictureSettings, Pipeline, Quality, line_fingerprint
from inspector.domain.prompts import Question
from inspector.domain.quality import Measurements
from inspector.domain.report import WHOLE_FRAME, Box, JsonSchema, Words
from inspector.domain.vote import StoppedBy, Tally, Vote, counting
from inspector.errors import BrokerError, ModelError, PictureError
from inspector.ports.answers import AnsweredPart
from inspector.ports.broker import OutgoingMessage
from inspector.ports.camera import DEFAULT_SETTINGS
from inspector.ports.engine import Answer, GeneratedText, PatchMap, Picture, Prefix
from inspector.ports.pool import Job, Judgement, PoolResult, ShadowResult, SignListener, ignore_sign
from inspector.station.outbox import Outbox
from inspector.station.station import Station
from inspector.utc import utc_now

SEEN = Measurements(640, 640, 100.0, 0.5)


def pipeline(**settings: object) -> Pipeline:
    declared = {
        "line": "pcb",
        "cameras": ["*"],
        "product": "board",
        "question": "Is there any defect on this board?",
        "defects": {"short": "critical", "open": "critical"},
        "ladder": [{"views": ["direct"]}, {"views": ["paraphrase", "inverted"], "samples": 2}],
    } | settings
    return Pipeline.model_validate(declared)


def frame(trigger_id: str = "t-1", **fields: object) -> Frame:
    given: dict[str, object] = {"payload": b"picture", "received_at": utc_now(), "content_type": "image/jpeg"} | fields
    return Frame(FrameKey("pcb", "cam1", trigger_id), **given)  # type: ignore[arg-type]


def judgement(*p_ng: float | None, stopped_by: StoppedBy = StoppedBy.SETTLED) -> Judgement:
    votes = tuple(Vote(ViewName.DIRECT, 0, each, tokens=1, ms=5.0) for each in p_ng)
    return Judgement(Tally(votes), 1, stopped_by, "", "fedcba9876543210", "0123456789abcdef")


@dataclass
class MemoryPictureReader:
    """Sees `seen`, or raises what `blind` says."""

    seen: Measurements = SEEN
    blind: str | None = None
    claims: dict[str, bytes] = field(default_factory=dict)

    def measure(
        self,
        frame: Frame,
        rules: Quality,
        settings: PictureSettings = DEFAULT_SETTINGS,
        region: Region | None = None,
    ) -> Measurements:
        if self.blind:
            raise PictureError(self.blind)
        return self.seen

    def root_of(self, claim: Claim) -> str:
        return claim.url.rpartition("/")[0]

    def fetch(self, claim: Claim) -> bytes:
        if claim.url not in self.claims:
            raise PictureError(f"{claim.url} is not there")
        return self.claims[claim.url]


def _as_judged(answer: Judgement, job: Job) -> Judgement:
    """The answer as a replica gives it: counted as the line declares, under its fingerprint."""
    fingerprint = line_fingerprint(
        job.pipeline.settings_fingerprint(job.key.camera), answer.model_fingerprint, job.golden
    )
    counts = counting(job.pipeline, fingerprint, answer.opinion)
    return replace(answer, tally=replace(answer.tally, counting=counts), fingerprint=fingerprint)


@dataclass
class ScriptedPool:
    """Answers every job with `answer` (or raises it) after `delay_s`; words come when `may_write` is set."""

    answer: Judgement | Exception = field(default_factory=lambda: judgement(0.01))
    words: Words | None = None
    shadow: ShadowResult | None = None
    delay_s: float = 0.0
    jobs: list[Job] = field(default_factory=list)
    may_write: asyncio.Event = field(default_factory=asyncio.Event)

    async def judge(self, job: Job, on_sign: SignListener = ignore_sign) -> PoolResult:
        self.jobs.append(job)
        on_sign()
        await asyncio.sleep(self.delay_s)
        if isinstance(self.answer, Exception):
            raise self.answer
        return PoolResult(
            _as_judged(self.answer, job), asyncio.create_task(self._write()), asyncio.create_task(self._shade())
        )

    async def server_fault(self) -> str | None:
        return None

    async def _shade(self) -> ShadowResult | None:
        return self.shadow

    async def _write(self) -> Words | None:
        if self.words is not None:
            await self.may_write.wait()
        return self.words


class MemoryPublisher:
    """Keeps what it publishes; while `away` every attempt fails."""

    def __init__(self) -> None:
        self.published: list[OutgoingMessage] = []
        self.announced: list[tuple[str, bytes]] = []
        self.echoed: list[str] = []
        self.forgotten_ids: list[str] = []
        self._present = asyncio.Event()
        self._present.set()

    @property
    def away(self) -> bool:
        return not self._present.is_set()

    @away.setter
    def away(self, away: bool) -> None:
        if away:
            self._present.clear()
        else:
            self._present.set()

    async def publish(self, message: OutgoingMessage) -> None:
        await asyncio.sleep(0)
        if self.away:
            raise BrokerError("away")
        self.published.append(message)

    async def announce(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        if self.away:
            raise BrokerError("away")
        self.announced.append((topic, payload))

    async def wait_online(self) -> None:
        await self._present.wait()

    def echoed_ids(self) -> Sequence[str]:
        return self.echoed

    def forget_echoes(self, message_ids: Sequence[str]) -> None:
        self.forgotten_ids += message_ids

    def ids(self) -> list[str]:
        return [message.message_id for message in self.published]


class MemoryAnswerJournal:
    """`ports.AnswerJournal` in a dictionary, which outlives its station."""

    def __init__(self) -> None:
        self.kept: dict[str, AnsweredPart] = {}

    def read(self) -> list[AnsweredPart]:
        return list(self.kept.values())

    def write(self, answered: Sequence[AnsweredPart], recorded: Sequence[str]) -> None:
        self.kept |= {each.part.result_id: each for each in answered}
        for result_id in recorded:
            self.kept.pop(result_id, None)

    def close(self) -> None:
        """Nothing to do."""


@dataclass
class KeptPrefix:
    """What an engine would have encoded."""

    pictures: tuple[Picture, ...]
    preamble: str
    tokens: int = 100
    detail_scale: float = 2.0

    @property
    def window(self) -> Box:
        return self.pictures[-1].crop or WHOLE_FRAME

    @property
    def scale(self) -> float:
        return self.detail_scale if self.pictures[-1].crop else 1.0


@dataclass(frozen=True)
class GoldenShelf:
    """`ports.EvidenceStore` that holds golden samples and takes nothing."""

    pictures: dict[str, bytes] = field(default_factory=dict)

    def put(self, data: bytes, media_type: str) -> Evidence:
        raise AssertionError("the judge stores nothing")

    def get(self, sha256: str) -> bytes:
        return self.pictures[sha256]

    def remove(self, sha256: str) -> None:
        raise AssertionError("the judge removes nothing")


@asynccontextmanager
async def at_work(station: Station, outbox: Outbox) -> AsyncIterator[None]:
    """Both working until the end of the block."""
    relaying = asyncio.create_task(outbox.run())
    yield
    await station.close(1)
    relaying.cancel()
    await asyncio.gather(relaying, return_exceptions=True)


Voter = Callable[[Question], float | None]


class ScriptedEngine:
    """Votes as `voter` says; writes `text`, or what `writer` says to a request. Counts what is open, so that a test can
    see that nothing leaks."""

    fingerprint = "0123456789abcdef"

    def __init__(self, voter: Voter = lambda _: 0.01, text: str = "", delay_s: float = 0.0) -> None:
        self.voter = voter
        self.text = text
        self.delay_s = delay_s
        self.writer: Callable[[str, str], str] = lambda _, start: start + self.text
        self.patches: Callable[[Picture], PatchMap] = lambda _: np.ones((2, 2, 4))
        self.opened: list[KeptPrefix] = []
        self.closed: list[Prefix] = []
        self.asked: list[Question] = []
        self.cancelled = 0
        self.detail_scale = 2.0
        self.broken = False
        self.readable: Callable[[Question], float] = lambda _: 1.0

    async def open(self, pictures: Sequence[Picture], preamble: str) -> KeptPrefix:
        if self.broken:
            raise ModelError("the engine is broken")
        prefix = KeptPrefix(tuple(pictures), preamble, detail_scale=self.detail_scale)
        self.opened.append(prefix)
        return prefix

    async def ask(self, prefix: Prefix, questions: Sequence[Question]) -> AsyncGenerator[Answer, None]:
        done = 0
        try:
            for index, question in enumerate(questions):
                self.asked.append(question)
                await asyncio.sleep(self.delay_s)
                done += 1
                yield Answer(index, self.voter(question), 1, "", readable=self.readable(question))
        finally:
            self.cancelled += len(questions) - done

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
        return GeneratedText(self.writer(request, start), 5)

    async def features(self, prefix: Prefix) -> PatchMap:
        assert isinstance(prefix, KeptPrefix)
        return self.patches(prefix.pictures[-1])

    async def close(self, prefix: Prefix) -> None:
        self.closed.append(prefix)
