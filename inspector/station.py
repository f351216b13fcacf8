"""The story of one frame: in from a camera, judged, recorded, answered. `Station.inspect` tells it.

Whatever goes wrong, the part ends in exactly one record, and doubt never becomes PASS.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
import zlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from inspector.decision import Decision, Reason, decide, fail_safe, in_time
from inspector.errors import LedgerError, PictureError, PoolError, PoolOverload
from inspector.frame import Frame, FrameKey
from inspector.part import Evidence, PartRecord, PipelineRef
from inspector.pipeline import Disposition, Pipeline, fingerprint
from inspector.ports import (
    EvidenceStore,
    Eye,
    Job,
    Judgement,
    Ledger,
    Outgoing,
    PipelineVersion,
    Pool,
    Publisher,
    utc_now,
)
from inspector.quality import Measurements, unfit
from inspector.relay import Relay
from inspector.report import NO_WORDS, Words, WordsState
from inspector.vote import StoppedBy, Tally, correlation
from inspector.watch import NOBODY, Watch
from inspector.wire import EventSeverity, Topics, report_message, to_json, verdict_message

log = logging.getLogger(__name__)

RETRY_S: Final = 0.5
MEMORY: Final = 10_000  # frames remembered as decided


@dataclass(frozen=True, slots=True)
class Doors:
    """What a station works with."""

    eye: Eye
    pool: Pool
    ledger: Ledger
    evidence: EvidenceStore
    publisher: Publisher


@dataclass(frozen=True, slots=True)
class Findings:
    """What is known about one frame when it is decided."""

    decision: Decision
    judgement: Judgement | None = None
    words: Awaitable[Words | None] | None = None
    seen: Measurements | None = None


NOT_ASKED: Final = Judgement((), 0, StoppedBy.ERROR)


class Station:
    """Inspects the frames of a set of lines. `margin_ms` of the deadline is kept for storing and publishing."""

    def __init__(
        self,
        doors: Doors,
        relay: Relay,
        watch: Watch,
        topics: Topics,
        *,
        margin_ms: float = 100.0,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._doors = doors
        self._relay = relay
        self._watch = watch
        self._topics = topics
        self._margin_ms = margin_ms
        self._now = now
        self._lines: dict[str, PipelineVersion] = {}
        self._model = ""
        self._stamps: dict[tuple[str, int, str], str] = {}
        self._in_hand: dict[FrameKey, asyncio.Event] = {}
        self._decided: OrderedDict[FrameKey, None] = OrderedDict()
        self._writing: set[asyncio.Task[None]] = set()

    async def inspect(self, frame: Frame) -> None:
        """One frame in, one record out. When it returns the frame may be acknowledged."""
        line = self._line_of(frame)
        if line is None:
            return
        async with Turn(self._in_hand, frame.key):
            if await self._is_answered(frame):
                return
            frame = await self._claimed(frame, line.pipeline)
            evidence, found = await self._examine(frame, line)
            part = self._part(frame, line, evidence, found)
            await self._record(part, frame, line, found.words)

    def follow(self, lines: list[PipelineVersion]) -> list[str]:
        """Works by these pipeline versions from now on; returns the lines that changed."""
        newest = {version.pipeline.line: version for version in lines}
        changed = [name for name in newest.keys() | self._lines.keys() if newest.get(name) != self._lines.get(name)]
        self._lines = newest
        return sorted(changed)

    def hear_status(self, line: str, camera: str, status: str) -> None:
        self._watch.saw_status(line, camera, status, known=self._wants(line, camera))

    def complain(self, kind: str, text: str, line: str | None = None, camera: str | None = None) -> None:
        self._watch.note(kind, text, line=line or NOBODY, camera=camera)

    @property
    def in_flight(self) -> int:
        return len(self._in_hand)

    async def recover(self) -> None:
        """Closes what an earlier life left open: reports whose words nobody is writing any more."""
        for part in await self._doors.ledger.unfinished_words(list(self._lines)):
            await self._finish_words(
                part, Words(WordsState.MISSING, raw="the writer stopped before the words were done")
            )

    async def close(self, timeout_s: float = 10.0) -> None:
        """Waits for words still being written; those that take longer are closed as MISSING at the next start."""
        if self._writing:
            await asyncio.wait(set(self._writing), timeout=timeout_s)
        for task in self._writing:
            task.cancel()

    # ------------------------------------------------------------------ the steps

    def _wants(self, line: str, camera: str) -> bool:
        version = self._lines.get(line)
        return version is not None and (not version.pipeline.cameras or camera in version.pipeline.cameras)

    def _line_of(self, frame: Frame) -> PipelineVersion | None:
        """The pipeline that wants this camera; a stranger's frame is counted and shown, never judged."""
        line, camera = frame.key.line, frame.key.camera
        known = self._wants(line, camera)
        self._watch.saw_frame(line, camera, known=known, seq=frame.seq if known else None)
        if known:
            return self._lines[line]
        what = "camera" if line in self._lines else "line"
        self._watch.note(
            f"UNKNOWN_{what.upper()}",
            f"frames come from an unknown {what}; connect it: declare it in a pipeline and apply that",
            line=line,
            camera=camera,
        )
        return None

    async def _is_answered(self, frame: Frame) -> bool:
        """Whether this frame was decided before. Asked of the ledger only where that is likely: a frame that turns
        out to be decided after all is refused when it is recorded, so that here only work is saved."""
        likely = frame.redelivered or frame.key in self._decided
        return likely and await self._answer_again(frame)

    async def _answer_again(self, frame: Frame) -> bool:
        """A camera that sent a decided frame again is answered again; a redelivery by the broker is not: its verdict
        is out already or waits in the outbox. False when the frame is not decided."""
        try:
            known = await self._doors.ledger.find(frame.key)
        except LedgerError:
            return False
        if known is None:
            return False
        if known.verdict is not None and not frame.redelivered:
            self._relay.repeat(known.verdict)
        return True

    async def _claimed(self, frame: Frame, pipeline: Pipeline) -> Frame:
        """The frame with its picture, fetched where the message only said where it lies, while there is time."""
        if frame.claim is None:
            return frame
        try:
            async with asyncio.timeout(max(self._remaining_ms(frame, pipeline), 0.0) / 1000.0):
                return replace(frame, payload=await asyncio.to_thread(self._doors.eye.fetch, frame.claim))
        except PictureError as error:
            return replace(frame, fault=str(error))
        except TimeoutError:
            return replace(frame, fault=f"{frame.claim.url} could not be fetched before the deadline")

    async def _examine(self, frame: Frame, line: PipelineVersion) -> tuple[Evidence | None, Findings]:
        """The picture stored, measured and judged; whatever fails becomes a fail-safe decision with its reason."""
        keeping = asyncio.create_task(self._keep(frame))
        try:
            found = await self._judge(frame, line)
        except Exception as error:
            log.exception("frame %s", frame.key)
            found = Findings(fail_safe(line.pipeline.fail_safe, Reason.MODEL_ERROR, f"internal error: {error}"))
        try:
            return await keeping, found
        except LedgerError as error:
            self._watch.note("EVIDENCE_LOST", str(error), line=frame.key.line, severity=EventSeverity.ALARM)
            return None, replace(found, decision=_unproved(found.decision, line.pipeline, "picture not stored"))

    async def _keep(self, frame: Frame) -> Evidence | None:
        """The picture is durable before the row that names it."""
        if not frame.payload:
            return None
        return await asyncio.to_thread(self._doors.evidence.put, frame.payload, frame.content_type)

    async def _judge(self, frame: Frame, line: PipelineVersion) -> Findings:
        pipeline, seen = line.pipeline, None
        try:
            seen = await self._look(frame, pipeline)
            remaining_ms = self._remaining_ms(frame, pipeline)
            async with asyncio.timeout(max(remaining_ms, 0.0) / 1000.0):
                judged = await self._doors.pool.judge(self._job(frame, line, remaining_ms - self._margin_ms / 2))
        except PictureError as error:
            return Findings(fail_safe(pipeline.fail_safe, Reason.BAD_IMAGE, str(error)), seen=seen)
        except TimeoutError:
            return Findings(fail_safe(pipeline.fail_safe, Reason.DEADLINE, "no judgement in time"), seen=seen)
        except PoolOverload as error:
            return Findings(fail_safe(pipeline.fail_safe, Reason.OVERLOAD, str(error)), seen=seen)
        except PoolError as error:
            return Findings(fail_safe(pipeline.fail_safe, Reason.MODEL_ERROR, str(error)), seen=seen)
        judgement = judged.judgement
        decision = decide(pipeline, _tally(pipeline, judgement), judgement.stopped_by)
        if judgement.detail and decision.reason is Reason.MODEL_ERROR:
            decision = replace(decision, detail=judgement.detail)
        self._model = judgement.model_fingerprint
        return Findings(decision, judgement, judged.words, seen)

    async def _look(self, frame: Frame, pipeline: Pipeline) -> Measurements:
        """Measures the picture. Raises PictureError for one that can't be judged."""
        if frame.fault:
            raise PictureError(frame.fault)
        seen = await asyncio.to_thread(self._doors.eye.look, frame, pipeline.quality)
        if reason := unfit(seen, pipeline.quality):
            raise PictureError(reason)
        return seen

    def _job(self, frame: Frame, line: PipelineVersion, remaining_ms: float) -> Job:
        seed = zlib.crc32(str(frame.key).encode())
        return Job(frame.key, frame.payload, line.pipeline, line.golden, remaining_ms, seed)

    def _part(self, frame: Frame, line: PipelineVersion, evidence: Evidence | None, found: Findings) -> PartRecord:
        """Everything known about the frame as one record, decided now."""
        decided_at, deadline_ms = self._now(), _deadline_ms(frame, line.pipeline)
        late = frame.age_ms(decided_at) > deadline_ms
        judgement = found.judgement or NOT_ASKED
        tally = _tally(line.pipeline, judgement)
        if evidence and found.seen:
            evidence = replace(evidence, width_px=found.seen.width_px, height_px=found.seen.height_px)
        stamp = self._stamp(line, judgement.model_fingerprint or self._model)
        return PartRecord(
            result_id=uuid.uuid4().hex,
            key=frame.key,
            decision=in_time(found.decision, line.pipeline, late=late),
            pipeline=PipelineRef(line.pipeline.line, line.version, stamp),
            received_at=frame.received_at,
            decided_at=decided_at,
            latency_ms=(decided_at - frame.received_at).total_seconds() * 1000.0,
            deadline_ms=deadline_ms,
            late=late,
            part_id=frame.part_id,
            product=frame.product,
            lot=frame.lot,
            seq=frame.seq,
            captured_at=frame.captured_at,
            is_simulated=frame.is_simulated,
            p_ng=tally.score,
            agreement=tally.agreement,
            votes=judgement.votes,
            rungs=judgement.rungs,
            stopped_by=_stopped_by(found),
            evidence=evidence,
            words=Words(WordsState.PENDING) if self._is_explained(found) else NO_WORDS,
        )

    def _stamp(self, line: PipelineVersion, model: str) -> str:
        """The fingerprint of a version and a model; worked out once, not for every part."""
        key = (line.pipeline.line, line.version, model)
        if key not in self._stamps:
            self._stamps[key] = fingerprint(line.pipeline.score_key(), model, line.golden)
        return self._stamps[key]

    def _is_explained(self, found: Findings) -> bool:
        """Whether the replica is writing words for this part right now: for what its votes did not pass."""
        return found.words is not None and found.decision.disposition is not Disposition.PASS

    async def _record(
        self, part: PartRecord, frame: Frame, line: PipelineVersion, words: Awaitable[Words | None] | None
    ) -> None:
        messages = self._messages(part, frame)
        try:
            stored = await self._doors.ledger.record(part, messages)
        except LedgerError as error:
            await self._record_in_safe_mode(part, frame, line, error)
            return
        self._remember(part.key)
        if not stored:
            await self._answer_again(frame)
            return
        self._relay.send(messages)
        if words is not None and part.words.state is WordsState.PENDING:
            self._spawn(self._write_words(part, words))

    def _remember(self, key: FrameKey) -> None:
        self._decided[key] = None
        if len(self._decided) > MEMORY:
            self._decided.popitem(last=False)

    async def _record_in_safe_mode(
        self, part: PartRecord, frame: Frame, line: PipelineVersion, error: LedgerError
    ) -> None:
        """The ledger is away: the gate hears the fail-safe now, and the part is stored, as such, when it is back."""
        decision = fail_safe(line.pipeline.fail_safe, Reason.SAFE_MODE, f"the ledger could not store the part: {error}")
        safe = replace(part, decision=decision, words=NO_WORDS)
        messages = self._messages(safe, frame)
        self._watch.note("LEDGER_AWAY", str(error), line=part.key.line, severity=EventSeverity.ALARM)
        self._relay.send(messages)
        while (stored := await self._try_to_store(safe, messages)) is None:
            await asyncio.sleep(RETRY_S)
        if not stored:
            self._watch.note(
                "RECORD_DIFFERS",
                f"{part.key}: the ledger had stored {part.decision.disposition} although "
                "it said it had not; the gate was told the fail-safe",
                line=part.key.line,
            )
        self._relay.send(messages)

    async def _try_to_store(self, part: PartRecord, messages: list[Outgoing]) -> bool | None:
        """Whether the part was stored now (False: it had been before); None while the ledger is away."""
        try:
            return await self._doors.ledger.record(part, messages)
        except LedgerError:
            return None

    # ------------------------------------------------------------------ words, after the verdict

    async def _write_words(self, part: PartRecord, words: Awaitable[Words | None]) -> None:
        written = await words
        await self._finish_words(part, written or Words(WordsState.MISSING, raw="the model wrote nothing"))

    async def _finish_words(self, part: PartRecord, words: Words) -> None:
        message = self._report(replace(part, words=words))
        while True:
            try:
                await self._doors.ledger.finish_words(part.result_id, words, [message])
            except LedgerError:
                await asyncio.sleep(RETRY_S)
                continue
            self._relay.send([message])
            return

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    # ------------------------------------------------------------------ messages

    def _messages(self, part: PartRecord, frame: Frame) -> list[Outgoing]:
        """The verdict, a copy where the frame asked for one, and the report unless its words are still to come."""
        topic, payload = self._topics.verdict(part.key.line, part.key.camera), to_json(verdict_message(part))
        correlation_data = frame.correlation or part.key.trigger_id.encode()
        messages = [Outgoing(part.result_id, topic, payload, confirms=True, correlation=correlation_data)]
        if frame.response_topic:
            reply = Outgoing(f"{part.result_id}-reply", frame.response_topic, payload, correlation=correlation_data)
            messages.append(reply)
        if part.words.state is not WordsState.PENDING:
            messages.append(self._report(part))
        return messages

    def _report(self, part: PartRecord) -> Outgoing:
        topic = self._topics.report(part.key.line, part.key.camera)
        return Outgoing(f"{part.result_id}-report", topic, to_json(report_message(part)))

    def _remaining_ms(self, frame: Frame, pipeline: Pipeline) -> float:
        return _deadline_ms(frame, pipeline) - frame.age_ms(self._now()) - self._margin_ms / 2


class Turn:
    """Async context: one task at a time works on a frame key; a copy of the frame waits for the first."""

    def __init__(self, in_hand: dict[FrameKey, asyncio.Event], key: FrameKey) -> None:
        self._in_hand = in_hand
        self._key = key

    async def __aenter__(self) -> None:
        while other := self._in_hand.get(self._key):
            await other.wait()
        self._in_hand[self._key] = asyncio.Event()

    async def __aexit__(self, *exc: object) -> None:
        self._in_hand.pop(self._key).set()


def _tally(pipeline: Pipeline, judgement: Judgement) -> Tally:
    return Tally(judgement.votes, pipeline.count, correlation(pipeline.settle))


def _deadline_ms(frame: Frame, pipeline: Pipeline) -> float:
    """The frame may shorten or stretch its line's deadline: the gateway knows how far the gate is."""
    return pipeline.deadline_ms if frame.deadline_ms is None else frame.deadline_ms


def _stopped_by(found: Findings) -> StoppedBy:
    if found.judgement is not None:
        return found.judgement.stopped_by
    return StoppedBy.DEADLINE if found.decision.reason is Reason.DEADLINE else StoppedBy.ERROR


def _unproved(decision: Decision, pipeline: Pipeline, why: str) -> Decision:
    """A PASS that can't be proved later is none."""
    return (
        fail_safe(pipeline.fail_safe, Reason.SAFE_MODE, why) if decision.disposition is Disposition.PASS else decision
    )
