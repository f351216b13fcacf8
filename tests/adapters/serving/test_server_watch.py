"""A client lives while its server is away, says why, and refuses parts at once where waiting is in vain."""

from __future__ import annotations

import asyncio

import pytest
from support.fakes import MemoryEvidence
from support.line_fakes import ScriptedEngine, judgement, pipeline

from inspector.adapters.serving.replica import VisionModel
from inspector.adapters.serving.server_watch import RETEST_S, SILENT_PARTS, TEST_TIMEOUT_S, ServerWatch
from inspector.domain.frame import FrameKey
from inspector.domain.vote import StoppedBy, Tally
from inspector.errors import ServerBusy, ServerError
from inspector.ports.pool import Job, Judgement, ServerFault

pytestmark = pytest.mark.virtual_time

UNANSWERED = Judgement(Tally(), 0, StoppedBy.DEADLINE)


class Server:
    """Stands for a server: `error` is what it raises, `hangs` keeps the caller waiting."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.hangs = False

    async def test(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error


async def test_a_fault_stays_until_a_test_question_is_answered_again() -> None:
    server = Server()
    watch = ServerWatch(server.test)
    server.error = ServerError("refused with 500: boom")
    await watch.probe()
    assert watch.fault == "refused with 500: boom"
    assert watch.silence is None
    server.error = None
    await asyncio.sleep(2 * RETEST_S)
    assert watch.fault is None


async def test_a_hanging_server_is_silent_after_a_test_question() -> None:
    server = Server()
    watch = ServerWatch(server.test)
    server.hangs = True
    await watch.probe()
    assert watch.silence is not None
    server.hangs = False
    await asyncio.sleep(2 * RETEST_S + TEST_TIMEOUT_S)
    assert watch.silence is None


async def test_parts_without_any_answer_in_a_row_show_silence() -> None:
    watch = ServerWatch(Server().test)
    for _ in range(SILENT_PARTS - 1):
        watch.note(UNANSWERED)
    watch.note(judgement(0.5, stopped_by=StoppedBy.DEADLINE))
    for _ in range(SILENT_PARTS - 1):
        watch.note(UNANSWERED)
        assert watch.silence is None
    watch.note(UNANSWERED)
    assert watch.silence is not None
    await asyncio.sleep(2 * RETEST_S)
    assert watch.silence is None


class AwayEngine(ScriptedEngine):
    """An engine whose server refuses."""

    error: Exception = ServerBusy("refused with 429: slow down")

    async def open(self, pictures, preamble):  # type: ignore[no-untyped-def]
        raise self.error


async def test_a_client_of_a_server_that_is_away_is_healthy_and_says_why() -> None:
    model = VisionModel(AwayEngine(), MemoryEvidence(), b"golden picture", is_client=True)
    await model.check_health()
    assert model.server_fault == "refused with 429: slow down"
    with pytest.raises(ServerBusy):
        await model.test()


@pytest.mark.parametrize(
    ("error", "fault"),
    [(ServerBusy("429"), ServerFault.BUSY), (ServerError("500"), ServerFault.AWAY)],
)
async def test_a_refused_part_says_whose_fault_it_is(error: Exception, fault: ServerFault) -> None:
    engine = AwayEngine()
    engine.error = error
    model = VisionModel(engine, MemoryEvidence(), b"golden picture", is_client=True)
    job = Job(FrameKey("pcb", "cam1", "t-1"), b"picture", pipeline(), (), 5000.0)
    [judged, *_] = [outcome async for outcome in model.judge(job)]
    assert isinstance(judged, Judgement)
    assert (judged.server_fault, judged.stopped_by, judged.votes) == (fault, StoppedBy.ERROR, ())
    assert model.server_fault == str(error)


async def test_a_part_does_not_wait_for_a_silent_server() -> None:
    model = VisionModel(ScriptedEngine(delay_s=1e6), MemoryEvidence(), b"golden picture", is_client=True)
    job = Job(FrameKey("pcb", "cam1", "t-1"), b"picture", pipeline(), (), 5000.0)
    await model.check_health()
    began = asyncio.get_running_loop().time()
    [judged] = [outcome async for outcome in model.judge(job)]
    assert asyncio.get_running_loop().time() == began
    assert isinstance(judged, Judgement)
    assert judged.server_fault is ServerFault.AWAY
    assert "did not answer a test question" in judged.detail
