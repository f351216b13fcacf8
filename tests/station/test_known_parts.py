"""The same identity is the same part; the same trigger_id with another identity is another part."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from support.fakes import MemoryLedger
from support.line_fakes import ScriptedPool, at_work, frame, judgement, pipeline
from support.station_line import Line

from inspector.domain.decision import Reason
from inspector.domain.declared import Disposition
from inspector.domain.frame import Claim, Frame
from inspector.messages.withdrawal import is_pass
from inspector.station.open_triggers import OPEN_AFTER_GATE_S
from inspector.utc import utc_now

PASS, REVIEW, REJECT = Disposition.PASS, Disposition.REVIEW, Disposition.REJECT
CLOSED_S = 1.5 + OPEN_AFTER_GATE_S + 1.0  # after the usual deadline


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    line = Line()
    async with at_work(line.station, line.outbox):
        yield line


async def events_of(line: Line) -> list[str]:
    await line.events.flush()
    return [event.kind for event in line.ledger.events]


def dispositions(line: Line) -> list[Disposition]:
    """What the ledger holds, in order of arrival."""
    return [row.part.decision.disposition for row in line.ledger.rows]


@pytest.mark.parametrize(("payload", "part_id"), [(b"another", "SN1"), (b"picture", "SN2"), (b"picture", None)])
async def test_trigger_reused_at_the_gate_is_never_passed(line: Line, payload: bytes, part_id: str | None) -> None:
    await line.station.inspect(frame(part_id="SN1"))
    await line.settle()
    await line.station.inspect(frame(payload=payload, part_id=part_id))
    await line.settle()
    first, second = line.verdicts()
    assert (first.disposition, second.disposition, second.reason) == (PASS, REVIEW, Reason.SAFE_MODE)
    assert first.result_id != second.result_id
    assert len(line.pool.jobs) == 1, "no model could tell the two apart for the gate"
    assert "TRIGGER_REUSED" in await events_of(line)
    assert line.ledger.rows[1].part.evidence is not None


async def test_trigger_reused_while_its_part_is_judged_passes_neither(line: Line) -> None:
    line.pool.delay_s = 0.05
    both = [frame(), frame(payload=b"another")]
    await asyncio.gather(*(line.station.inspect(each) for each in both))
    await line.settle()
    assert dispositions(line) == [REVIEW, REVIEW]
    assert {verdict.reason for verdict in line.verdicts()} == {Reason.SAFE_MODE}
    assert {"TRIGGER_REUSED", "PASS_WITHDRAWN"} <= set(await events_of(line))


async def test_unpublished_pass_of_the_earlier_part_is_withdrawn(line: Line) -> None:
    line.publisher.away = True
    await line.station.inspect(frame())
    assert dispositions(line) == [PASS]
    await line.station.inspect(frame(payload=b"another"))
    line.publisher.away = False
    await line.settle()
    assert [verdict.disposition for verdict in line.verdicts()] == [REVIEW, REVIEW]
    assert dispositions(line) == [REVIEW, REVIEW], "the ledger says what the gate got"
    assert [row.part.late for row in line.ledger.rows] == [False, False]


async def test_reply_to_the_earlier_part_is_withdrawn_too(line: Line) -> None:
    line.publisher.away = True
    await line.station.inspect(frame(response_topic="plant/v1/pcb/cam1/reply/x"))
    await line.station.inspect(frame(payload=b"another"))
    line.publisher.away = False
    await line.settle()
    replies = [message.payload for message in line.publisher.published if message.topic.endswith("/reply/x")]
    assert [is_pass(reply) for reply in replies] == [False]


async def test_ng_part_stays_rejected_when_its_trigger_comes_again(line: Line) -> None:
    line.pool.answer, line.pool.delay_s = judgement(0.99), 0.05
    await asyncio.gather(*(line.station.inspect(frame(payload=payload)) for payload in (b"one", b"two")))
    assert sorted(dispositions(line)) == [REJECT, REVIEW]


async def test_trigger_reused_later_is_judged_with_one_event_for_the_run(line: Line) -> None:
    for number in range(3):
        await line.station.inspect(frame(f"t-{number}", seq=number))
    line.passed_s += CLOSED_S
    for number in range(3):
        await line.station.inspect(frame(f"t-{number}", seq=number, payload=b"next lot"))
    await line.settle()
    assert dispositions(line) == [PASS] * 6
    await line.events.flush()
    reused = [event for event in line.ledger.events if event.kind == "TRIGGER_REUSED"]
    assert [event.count for event in reused] == [1]


async def test_each_run_of_the_counter_has_its_event(line: Line) -> None:
    for run in range(3):
        for number in range(4):
            await line.station.inspect(frame(f"t-{number}", payload=b"run %d" % run))
        line.passed_s += CLOSED_S
    await line.events.flush()
    [event] = [event for event in line.ledger.events if event.kind == "TRIGGER_REUSED"]
    assert event.count == 2


async def test_third_part_under_an_open_trigger_is_not_passed_either(line: Line) -> None:
    for payload, deadline_ms in ((b"one", 1500), (b"two", 20_000), (b"three", 1500)):
        await line.station.inspect(frame(payload=payload, deadline_ms=deadline_ms))
        await line.settle()
        line.passed_s += OPEN_AFTER_GATE_S
    assert dispositions(line) == [PASS, REVIEW, REVIEW], "the second part prolongs it"


async def test_another_seq_or_time_of_capture_is_a_resend_and_counted(line: Line) -> None:
    await line.station.inspect(frame(seq=1, captured_at=utc_now()))
    await line.settle()
    await line.station.inspect(frame(seq=2, captured_at=utc_now() + timedelta(milliseconds=5)))
    await line.settle()
    first, second = line.verdicts()
    assert first == second
    assert len(line.ledger.rows) == 1
    assert await events_of(line) == []
    await line.cameras.flush()
    assert [(row.frames, row.resent) for row in line.ledger.seen.values()] == [(2, 1)]


async def test_resend_after_its_time_at_the_gate_is_no_pass(line: Line) -> None:
    line.declare(pipeline(deadline_ms=300))
    await line.station.inspect(frame())
    await line.settle()
    await asyncio.sleep(0.3)
    await line.station.inspect(frame())
    await line.settle()
    first, second = line.verdicts()
    assert (first.disposition, second.disposition) == (PASS, REVIEW)
    assert (first.result_id, second.reason, second.late) == (second.result_id, Reason.DEADLINE, True)
    assert dispositions(line) == [PASS]


async def test_redelivery_is_no_reuse_and_not_answered_twice(line: Line) -> None:
    await line.station.inspect(frame(part_id="SN1"))
    await line.station.inspect(frame(part_id="SN1", redelivered=True))
    await line.settle()
    assert [verdict.disposition for verdict in line.verdicts()] == [PASS]
    assert await events_of(line) == []


async def test_trigger_is_unique_by_what_its_line_declares(line: Line) -> None:
    line.declare(pipeline(trigger={"unique_by": ["lot", "boot_id"]}))
    for lot, boot_id in (("L1", "1"), ("L2", "1"), ("L2", "2")):
        await line.station.inspect(frame(lot=lot, labels=(("boot_id", boot_id),)))
    assert dispositions(line) == [PASS] * 3
    assert line.ledger.rows[0].part.unique_by == '{"boot_id":"1","lot":"L1"}'
    assert await events_of(line) == []
    await line.station.inspect(frame(lot="L2", labels=(("boot_id", "2"),), payload=b"another"))
    assert dispositions(line)[3:] == [REVIEW]


async def test_camera_that_encodes_again_gets_the_first_verdict_unless_it_was_pass(line: Line) -> None:
    line.declare(pipeline(trigger={"resend": "same_trigger"}))
    line.pool.answer = judgement(0.99)
    await line.station.inspect(frame())
    await line.settle()
    await line.station.inspect(frame(payload=b"encoded again"))
    await line.settle()
    first, second = line.verdicts()
    assert (first.disposition, second.result_id) == (REJECT, first.result_id)
    line.pool.answer = judgement(0.01)
    await line.station.inspect(frame("t-2"))
    await line.settle()
    await line.station.inspect(frame("t-2", payload=b"encoded again"))
    assert dispositions(line) == [REJECT, PASS, REVIEW]


async def test_camera_that_encodes_again_waits_for_the_first_verdict(line: Line) -> None:
    line.declare(pipeline(trigger={"resend": "same_trigger"}))
    line.pool.answer, line.pool.delay_s = judgement(0.99), 0.05
    await asyncio.gather(*(line.station.inspect(frame(payload=payload)) for payload in (b"one", b"again")))
    assert dispositions(line) == [REJECT]


async def test_another_part_id_is_another_part_for_a_camera_that_encodes_again(line: Line) -> None:
    line.declare(pipeline(trigger={"resend": "same_trigger"}))
    line.pool.answer = judgement(0.99)
    for part_id in ("SN1", "SN2"):
        await line.station.inspect(frame(part_id=part_id))
    assert dispositions(line) == [REJECT, REVIEW]


# ------------------------------------------------------------------ over a restart


async def restarted(ledger: MemoryLedger) -> Line:
    line = Line(ledger=ledger)
    await line.station.restore()
    return line


async def test_resend_over_a_restart_is_answered_and_not_judged_again(line: Line) -> None:
    await line.station.inspect(frame())
    await line.settle()
    after = await restarted(line.ledger)
    async with at_work(after.station, after.outbox):
        await after.station.inspect(frame())
        await after.settle()
    assert [verdict.result_id for verdict in after.verdicts()] == [line.verdicts()[0].result_id]
    assert after.pool.jobs == []


async def test_reuse_over_a_restart_is_not_passed_and_the_unpublished_pass_is_withdrawn(line: Line) -> None:
    line.publisher.away = True
    await line.station.inspect(frame())
    after = await restarted(line.ledger)
    after.publisher.away = True
    async with at_work(after.station, after.outbox):
        await after.station.inspect(frame(payload=b"another"))
        after.publisher.away = False
        await after.settle()
    assert [verdict.disposition for verdict in after.verdicts()] == [REVIEW, REVIEW]
    assert dispositions(after) == [REVIEW, REVIEW]


async def test_two_parts_that_were_open_at_the_restart_stay_ambiguous(line: Line) -> None:
    line.publisher.away = True
    await line.station.inspect(frame())
    await line.station.inspect(frame(payload=b"another"))
    assert dispositions(line) == [PASS, REVIEW], "the withdrawal had no time"
    after = await restarted(line.ledger)
    async with at_work(after.station, after.outbox):
        await after.outbox.flush(5)
        async with asyncio.timeout(5):
            while len(after.verdicts()) < 2:
                await asyncio.sleep(0.01)
    assert [verdict.disposition for verdict in after.verdicts()] == [REVIEW, REVIEW]


async def test_resend_without_a_memory_of_it_is_found_when_it_is_recorded(line: Line) -> None:
    await line.station.inspect(frame())
    await line.settle()
    forgetful = Line(ledger=line.ledger)
    async with at_work(forgetful.station, forgetful.outbox):
        await forgetful.station.inspect(frame())
        await forgetful.settle()
    assert len(line.ledger.rows) == 1
    assert forgetful.verdicts()[0].result_id == line.verdicts()[0].result_id


# ------------------------------------------------------------------ without a picture


async def test_picture_that_could_not_be_stored_still_identifies_its_part(line: Line) -> None:
    line.evidence.full = True
    await line.station.inspect(frame())
    await line.station.inspect(frame())
    assert dispositions(line) == [REVIEW]
    await line.station.inspect(frame(payload=b"another"))
    assert len({row.part.received_sha256 for row in line.ledger.rows}) == 2
    assert "TRIGGER_REUSED" in await events_of(line)


async def test_claim_without_a_hash_is_identified_by_the_fetched_picture(line: Line) -> None:
    claim = Claim("/pictures/1.jpg")
    line.pictures.claims[claim.url] = b"first"
    await line.station.inspect(frame(payload=b"", claim=claim))
    await line.station.inspect(frame(payload=b"", claim=claim))
    assert dispositions(line) == [PASS]
    line.pictures.claims[claim.url] = b"second"
    await line.station.inspect(frame(payload=b"", claim=claim, redelivered=True))
    assert dispositions(line) == [PASS], "a redelivery is never a reuse"
    await line.station.inspect(frame(payload=b"", claim=claim))
    assert dispositions(line) == [PASS, REVIEW]


async def test_claim_without_a_hash_that_can_not_be_fetched_is_recorded(line: Line) -> None:
    await line.station.inspect(frame(payload=b"", claim=Claim("/pictures/1.jpg")))
    [row] = line.ledger.rows
    assert (row.part.decision.reason, row.part.received_sha256) == (Reason.BAD_IMAGE, "")


async def test_late_part_closes_its_trigger_and_harms_no_later_one() -> None:
    line = Line(pool=ScriptedPool())
    old = utc_now() - timedelta(minutes=5)
    async with at_work(line.station, line.outbox):
        await line.station.inspect(frame(captured_at=old, received_at=utc_now()))
        await line.station.inspect(frame(payload=b"another"))
    assert dispositions(line) == [REVIEW, PASS]


async def test_part_answered_without_its_picture_keeps_its_trigger_from_another(line: Line) -> None:
    line.pool.delay_s = 0.05
    judging = asyncio.create_task(line.station.inspect(frame()))
    await asyncio.sleep(0.01)
    line.ledger.away = True
    await line.station.answer(replace(frame(payload=b"another"), payload=b""))
    line.ledger.away = False
    await judging
    await line.station.inspect(frame(payload=b"another", redelivered=True))
    await line.settle()
    assert dispositions(line) == [REVIEW, REVIEW]
    assert len(line.pool.jobs) == 1


async def test_claim_answered_without_its_hash_is_recorded_when_it_comes_again(line: Line) -> None:
    claim = Claim("/pictures/1.jpg")
    line.pictures.claims[claim.url] = b"first"
    line.ledger.away = True
    await line.station.answer(frame(payload=b"", claim=claim))
    line.ledger.away = False
    await line.station.inspect(frame(payload=b"", claim=claim, redelivered=True))
    [row] = line.ledger.rows
    assert row.part.evidence is not None
    assert row.part.received_sha256 == row.part.evidence.sha256
    assert line.pool.jobs == []


@pytest.mark.parametrize("redelivered", [True, False])
@pytest.mark.parametrize("has_room", [True, False])
async def test_decided_part_that_comes_again_in_an_outage_is_not_decided_again(
    line: Line, *, has_room: bool, redelivered: bool
) -> None:
    """The broker delivers it again where its acknowledgement was lost with the connection."""
    await line.station.inspect(frame())
    await line.settle()
    line.ledger.away = True
    again = frame(redelivered=redelivered)
    await asyncio.wait_for(line.station.inspect(again) if has_room else line.station.answer(_empty(again)), 30)
    line.ledger.away = False
    await line.settle()
    assert [verdict.disposition for verdict in line.verdicts()] == [PASS]
    assert len(line.pool.jobs) == 1


async def test_part_of_an_earlier_outage_is_not_decided_again_in_the_next_one(line: Line) -> None:
    line.ledger.away = True
    await line.station.answer(_empty(frame()))
    line.ledger.away = False
    await line.station.inspect(frame(redelivered=True))
    line.ledger.away = True
    await line.station.answer(_empty(frame(redelivered=True)))
    await asyncio.wait_for(line.station.inspect(frame(redelivered=True)), 30)
    line.ledger.away = False
    await line.settle()
    assert len({verdict.result_id for verdict in line.verdicts()}) == 1
    assert dispositions(line) == [REVIEW]
    assert line.pool.jobs == []


def _empty(arrived: Frame) -> Frame:
    return replace(arrived, payload=b"")
