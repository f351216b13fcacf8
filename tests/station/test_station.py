"""One frame in, one record out, whatever goes wrong."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from support.fakes import live_version
from support.line_fakes import ScriptedPool, at_work, frame, judgement, pipeline
from support.station_line import Line

from inspector.domain.decision import Reason, Verdict
from inspector.domain.declared import Disposition, Severity
from inspector.domain.frame import Claim
from inspector.domain.part import PartRecord, PartState
from inspector.domain.part_identity import identity_of
from inspector.domain.quality import Measurements
from inspector.domain.reconciliation import Ack, TriggerCount
from inspector.domain.report import Finding, Words, WordsState
from inspector.domain.vote import StoppedBy
from inspector.errors import LedgerError, PoolError, PoolOverload, ReplicaError
from inspector.messages.examples import TRACEPARENT
from inspector.messages.outgoing import VerdictMessage
from inspector.ports.broker import OutgoingMessage
from inspector.ports.ledger import Recorded
from inspector.ports.pool import Job, PoolResult, ShadowResult, SignListener, ignore_sign
from inspector.utc import utc_now

SHORT = Words(WordsState.WRITTEN, (Finding("short", Severity.CRITICAL, None, "A bridge."),), "{}")


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    line = Line()
    async with at_work(line.station, line.outbox):
        yield line


async def test_good_part_passes(line: Line) -> None:
    await line.station.inspect(frame(seq=7, part_id="SN1"))
    await line.settle()
    [verdict] = line.verdicts()
    assert (verdict.verdict, verdict.disposition, verdict.reason) == (
        Verdict.OK, Disposition.PASS, Reason.NO_DEFECT,
    )  # fmt: skip
    assert (verdict.trigger_id, verdict.part_id, verdict.seq, verdict.votes) == ("t-1", "SN1", 7, 1)
    assert verdict.pipeline.version == 1
    assert len(verdict.pipeline.fingerprint) == 16


async def test_picture_is_kept_before_the_part_is_recorded(line: Line) -> None:
    await line.station.inspect(frame())
    sha256 = hashlib.sha256(b"picture").hexdigest()
    assert line.evidence.get(sha256) == b"picture"
    await line.settle()
    assert line.reports()[0].evidence_sha256 == sha256


async def test_bad_part_is_rejected_and_its_words_follow_the_verdict(line: Line) -> None:
    line.pool.answer, line.pool.words = judgement(0.99), SHORT
    await line.station.inspect(frame())
    await line.settle()
    assert [verdict.disposition for verdict in line.verdicts()] == [Disposition.REJECT]
    assert line.reports() == []
    line.pool.may_write.set()
    await asyncio.sleep(0.05)
    await line.settle()
    [report] = line.reports()
    assert (report.words_state, report.findings[0].defect) == (WordsState.WRITTEN, "short")


async def test_part_without_a_readable_vote_has_no_defect(line: Line) -> None:
    line.pool.answer, line.pool.words = judgement(None, stopped_by=StoppedBy.LADDER_END), SHORT
    line.pool.may_write.set()
    await line.station.inspect(frame())
    await line.settle()
    [report] = line.reports()
    assert (report.words_state, report.findings) == (WordsState.NONE, ())


async def test_split_votes_go_to_a_person(line: Line) -> None:
    line.pool.answer = judgement(0.4, 0.6, stopped_by=StoppedBy.LADDER_END)
    await line.station.inspect(frame())
    await line.settle()
    [verdict] = line.verdicts()
    assert (verdict.disposition, verdict.reason, verdict.agreement) == (
        Disposition.REVIEW, Reason.DISAGREEMENT, 0.5,
    )  # fmt: skip


async def test_redelivered_frame_is_not_judged_again_and_not_answered_twice(line: Line) -> None:
    await line.station.inspect(frame())
    await line.station.inspect(frame(redelivered=True))
    await line.settle()
    assert len(line.pool.jobs) == 1
    assert len(line.verdicts()) == 1


async def test_frame_that_the_camera_sends_again_is_answered_again_with_the_same_result(line: Line) -> None:
    await line.station.inspect(frame())
    await line.settle()
    await line.station.inspect(frame())
    await line.settle()
    assert len(line.pool.jobs) == 1
    first, second = line.verdicts()
    assert first.result_id == second.result_id


async def test_copies_that_come_at_once_are_judged_once(line: Line) -> None:
    line.pool.delay_s = 0.05
    await asyncio.gather(*(line.station.inspect(frame(redelivered=True)) for _ in range(5)))
    assert len(line.pool.jobs) == 1


@pytest.mark.parametrize("fail_safe", [Disposition.REVIEW, Disposition.REJECT])
@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ("picture", Reason.BAD_IMAGE),
        ("hash", Reason.BAD_IMAGE),
        ("dark", Reason.BAD_IMAGE),
        ("strange", Reason.BAD_IMAGE),
        ("dead replica", Reason.MODEL_ERROR),
        ("overload", Reason.OVERLOAD),
        ("slow", Reason.DEADLINE),
        ("no answer", Reason.MODEL_ERROR),
        ("bug", Reason.MODEL_ERROR),
    ],
)
async def test_trouble_ends_in_the_lines_fail_safe(
    line: Line, trouble: str, reason: Reason, fail_safe: Disposition
) -> None:
    line.declare(pipeline(fail_safe=fail_safe.value))
    arriving = frame()
    match trouble:
        case "picture":
            line.pictures.blind = "truncated after 100 bytes"
        case "hash":
            arriving = frame(fault="sha256 differs")
        case "dark":
            line.pictures.seen = Measurements(640, 640, 100.0, 0.001)
        case "strange":
            line.pool.answer = replace(judgement(None), detail="does not show the product", is_bad_image=True)
        case "dead replica":
            line.pool.answer = PoolError("two replicas died")
        case "overload":
            line.pool.answer = PoolOverload("all replicas are busy")
        case "slow":
            line.pool.delay_s = 60.0
        case "no answer":
            line.pool.answer = judgement(None, stopped_by=StoppedBy.LADDER_END)
        case "bug":
            line.pool.answer = ZeroDivisionError("bug")
    await line.station.inspect(arriving)
    await line.settle()
    [verdict] = line.verdicts()
    assert (verdict.verdict, verdict.disposition, verdict.reason) == (Verdict.INCONCLUSIVE, fail_safe, reason)
    assert line.reports()[0].detail


async def test_decision_comes_before_the_deadline_when_the_model_is_slow() -> None:
    slow = Line(pool=ScriptedPool(delay_s=60.0), margin_ms=2000.0)
    slow.declare(pipeline(deadline_ms=2000))
    await slow.station.inspect(frame())
    [row] = slow.ledger.rows
    assert (row.part.late, row.part.stopped_by) == (False, StoppedBy.DEADLINE)


async def test_late_part_is_recorded_and_never_passes(line: Line) -> None:
    old = utc_now() - timedelta(seconds=10)
    await line.station.inspect(frame(captured_at=old, received_at=old))
    await line.settle()
    [verdict] = line.verdicts()
    assert (verdict.late, verdict.disposition, verdict.reason) == (True, Disposition.REVIEW, Reason.DEADLINE)


async def test_late_pass_is_withdrawn_though_the_machines_clock_was_set_back(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.declare(pipeline(deadline_ms=1000))
    async with at_work(line.station, line.outbox):
        line.publisher.away = True
        await line.station.inspect(frame())
        monkeypatch.setattr("inspector.station.outbox.utc_now", lambda: utc_now() - timedelta(minutes=1))
        await asyncio.sleep(1.1)
        line.publisher.away = False
        await line.settle()
    [verdict] = line.verdicts()
    assert (verdict.late, verdict.disposition, verdict.reason) == (True, Disposition.REVIEW, Reason.DEADLINE)


async def test_judgement_that_comes_too_late_never_passes(line: Line) -> None:
    """This pool answers though nobody waits any more."""

    class Stubborn(ScriptedPool):
        async def judge(self, job: Job, on_sign: SignListener = ignore_sign) -> PoolResult:
            try:
                await asyncio.sleep(5.0)
            except asyncio.CancelledError:
                await asyncio.sleep(0.2)
            return await super().judge(job)

    stubborn = Line(pool=Stubborn(), ledger=line.ledger)
    stubborn.declare(pipeline(deadline_ms=1000))
    await stubborn.station.inspect(frame())
    [row] = line.ledger.rows
    assert (row.part.late, len(row.part.votes)) == (True, 1)
    assert (row.part.decision.disposition, row.part.decision.reason) == (Disposition.REVIEW, Reason.DEADLINE)


async def test_trace_context_of_a_frame_is_in_its_record_verdict_and_job(line: Line) -> None:
    await line.station.inspect(frame(traceparent=TRACEPARENT))
    await line.settle()
    assert line.ledger.rows[0].part.traceparent == line.verdicts()[0].traceparent == TRACEPARENT
    assert line.pool.jobs[0].traceparent == TRACEPARENT


async def test_frame_names_the_golden_sample_that_it_is_compared_with(line: Line) -> None:
    declared = pipeline(golden_samples=["golden/top.png", "golden/bottom.png"])
    line.station.follow([live_version(declared, golden=("a" * 64, "b" * 64))])
    await line.station.inspect(frame(template="bottom"))
    await line.settle()
    part = line.ledger.rows[0].part
    assert line.pool.jobs[0].template == part.template_sha256 == "b" * 64
    assert part.template == line.reports()[0].template == "bottom"


async def test_frame_with_a_template_that_is_not_stored_is_a_bad_image_and_asks_nothing(line: Line) -> None:
    await line.station.inspect(frame(template="top.png"))
    await line.settle()
    assert (line.verdicts()[0].disposition, line.verdicts()[0].reason) == (Disposition.REVIEW, Reason.BAD_IMAGE)
    assert "template 'top.png' is not stored" in line.reports()[0].detail
    assert line.ledger.rows[0].part.template == "top.png"
    assert line.pool.jobs == []


async def test_camera_whose_clock_is_wrong_is_judged_from_receipt_and_named(line: Line) -> None:
    await line.station.inspect(frame(captured_at=utc_now() + timedelta(hours=1)))
    await line.settle()
    await line.events.flush()
    assert line.verdicts()[0].disposition is Disposition.PASS
    [event] = line.ledger.events
    assert (event.kind, event.line, event.camera) == ("CLOCK_SKEW", "pcb", "cam1")
    assert "3600.0 s ahead" in event.text


async def test_setting_our_clock_back_makes_no_part_younger(line: Line) -> None:
    await line.station.inspect(frame(received_at=utc_now() + timedelta(hours=1)))
    [row] = line.ledger.rows
    assert (row.part.late, row.part.decision.disposition) == (False, Disposition.PASS)
    assert row.part.decided_at >= row.part.received_at


async def test_picture_that_kills_replicas_is_kept_and_refused(line: Line) -> None:
    line.pool.answer = ReplicaError("a model replica died while judging")
    for trigger_id in ("t-1", "t-2"):
        await line.station.inspect(frame(trigger_id))
    await line.settle()
    assert [(verdict.disposition, verdict.reason) for verdict in line.verdicts()] == [
        (Disposition.REVIEW, Reason.MODEL_ERROR)
    ] * 2
    assert len(line.pool.jobs) == 2
    assert line.evidence.get(hashlib.sha256(b"picture").hexdigest()) == b"picture"
    await line.events.flush()
    assert "POISON_FRAME" in [event.kind for event in line.ledger.events]


async def test_first_rung_under_overload_settles_or_gets_the_fail_safe(line: Line) -> None:
    class Overloaded(ScriptedPool):
        async def judge(self, job: Job, on_sign: SignListener = ignore_sign) -> PoolResult:
            judged = await super().judge(job)
            return judged._replace(judgement=replace(judged.judgement, is_short=True))

    for name, answer, expected in (
        ("settled", judgement(0.01), (Disposition.PASS, Reason.NO_DEFECT)),
        ("open", judgement(0.15, stopped_by=StoppedBy.DEADLINE), (Disposition.REVIEW, Reason.OVERLOAD)),
    ):
        overloaded = Line(pool=Overloaded(answer), ledger=line.ledger)
        await overloaded.station.inspect(frame(name))
        decision = line.ledger.rows[-1].part.decision
        assert (decision.disposition, decision.reason) == expected
        assert "only the first rung" in decision.detail


def storing_waits(line: Line) -> asyncio.Event:
    """The ledger stores nothing until this is set."""
    store, may_store = line.ledger.record, asyncio.Event()

    async def patiently(part: PartRecord, outgoing: Sequence[OutgoingMessage]) -> Recorded:
        await may_store.wait()
        return await store(part, outgoing)

    line.ledger.record = patiently  # type: ignore[method-assign]
    return may_store


async def answered(line: Line) -> list[VerdictMessage]:
    """What the gate was told, as soon as it was told anything."""
    async with asyncio.timeout(60):
        while not line.verdicts():
            await asyncio.sleep(0.01)
    return line.verdicts()


async def test_pass_that_is_not_stored_in_time_is_not_sent(line: Line) -> None:
    may_store = storing_waits(line)
    inspecting = asyncio.create_task(line.station.inspect(frame()))
    [verdict] = await answered(line)
    assert (verdict.disposition, verdict.reason) == (Disposition.REVIEW, Reason.SAFE_MODE)
    may_store.set()
    await inspecting
    await line.settle()
    assert line.verdicts() == [verdict]
    await line.events.flush()
    kinds = {event.kind for event in line.ledger.events}
    assert ("LEDGER_SLOW" in kinds, "RECORD_DIFFERS" in kinds) == (True, False)
    [row] = line.ledger.rows
    assert (row.part.decision.disposition, row.part.decision.reason) == (verdict.disposition, verdict.reason)
    assert row.part.late is False


async def test_ledger_that_stored_a_pass_and_said_it_had_not_is_made_to_say_what_the_gate_heard(line: Line) -> None:
    store, said = line.ledger.record, list[Recorded]()

    async def denying(part: PartRecord, outgoing: Sequence[OutgoingMessage]) -> Recorded:
        said.append(await store(part, outgoing))
        if len(said) == 1:
            raise LedgerError("the connection broke after the commit")
        return said[-1]

    line.ledger.record = denying  # type: ignore[method-assign]
    await line.station.inspect(frame())
    await line.settle()
    [verdict] = line.verdicts()
    [row] = line.ledger.rows
    assert (verdict.disposition, row.part.decision.disposition) == (Disposition.REVIEW, Disposition.REVIEW)
    assert said == [Recorded.NEW, Recorded.KNOWN]


async def test_gate_hears_of_a_bad_part_though_the_ledger_is_slow(line: Line) -> None:
    may_store, line.pool.answer = storing_waits(line), judgement(0.99)
    inspecting = asyncio.create_task(line.station.inspect(frame()))
    [verdict] = await answered(line)
    assert (verdict.disposition, line.ledger.rows) == (Disposition.REJECT, [])
    may_store.set()
    await inspecting
    await line.settle()
    assert line.verdicts() == [verdict]
    assert [row.part.decision.disposition for row in line.ledger.rows] == [Disposition.REJECT]


async def test_ledger_away_gives_the_fail_safe_now_and_stores_it_later(line: Line) -> None:
    line.ledger.away = True
    inspecting = asyncio.create_task(line.station.inspect(frame()))
    [verdict] = await answered(line)
    assert not inspecting.done()  # not acknowledged: the frame stays on the broker
    assert (verdict.disposition, verdict.reason) == (Disposition.REVIEW, Reason.SAFE_MODE)
    line.ledger.away = False
    await asyncio.wait_for(inspecting, 60)
    await line.settle()
    known = await line.ledger.find(identity_of(frame()))
    assert known is not None
    assert known.result_id == verdict.result_id
    assert len(line.verdicts()) == 1


async def test_frame_without_room_gets_its_fail_safe_at_once_and_keeps_it_when_it_comes_again(line: Line) -> None:
    line.ledger.away = True
    await line.station.answer(replace(frame(), payload=b""))
    [verdict] = await answered(line)
    assert (verdict.disposition, verdict.reason) == (Disposition.REVIEW, Reason.SAFE_MODE)
    line.ledger.away = False
    await line.station.inspect(frame(redelivered=True))
    await line.settle()
    [part] = [row.part for row in line.ledger.rows]
    assert (part.result_id, part.decision.disposition) == (verdict.result_id, Disposition.REVIEW)
    assert part.evidence is not None
    assert line.pool.jobs == []  # not judged: no PASS can follow the fail-safe
    assert len(line.verdicts()) == 1


async def test_frame_answered_without_room_is_in_the_books_of_its_counter(line: Line) -> None:
    line.ledger.away = True
    await line.station.answer(frame(seq=7, payload=b""))
    line.ledger.away = False
    await line.station.inspect(frame(seq=7, redelivered=True))
    await line.station.inspect(frame("t-2", seq=8))
    await line.settle()
    assert [(row.part.seq, row.part.run) for row in line.ledger.rows] == [(7, 1), (8, 1)]


async def test_frame_that_does_not_come_again_is_recorded_without_its_picture(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inspector.station.safe_mode.RETURN_TIMEOUT_S", 0.0)
    monkeypatch.setattr("inspector.station.safe_mode.CHECK_INTERVAL_S", 0.01)
    await line.station.answer(replace(frame(), payload=b""))
    watching = asyncio.create_task(line.station.run())
    while not line.ledger.rows:
        await asyncio.sleep(0.01)
    watching.cancel()
    await line.events.flush()
    assert line.ledger.rows[0].part.decision.reason is Reason.SAFE_MODE
    assert b"EVIDENCE_LOST" in line.publisher.announced[0][1]


async def test_alarm_about_the_ledger_does_not_wait_for_it(line: Line) -> None:
    line.ledger.away = True
    inspecting = asyncio.create_task(line.station.inspect(frame()))
    await answered(line)
    await line.events.flush()
    kinds = [json.loads(payload)["kind"] for _, payload in line.publisher.announced]
    assert kinds == ["LEDGER_AWAY"]
    line.ledger.away = False
    await asyncio.wait_for(inspecting, 60)
    await line.events.flush()
    assert [event.kind for event in line.ledger.events] == ["LEDGER_AWAY"]
    assert len(line.publisher.announced) == 1  # published once


async def test_picture_that_can_not_be_kept_never_passes(line: Line) -> None:
    def full(data: bytes, media_type: str) -> None:
        raise LedgerError("no space left on device")

    line.evidence.put = full  # type: ignore[method-assign,assignment]
    await line.station.inspect(frame())
    await line.settle()
    [verdict] = line.verdicts()
    assert (verdict.disposition, verdict.reason) == (Disposition.REVIEW, Reason.SAFE_MODE)


async def test_stranger_is_counted_and_shown_but_not_judged(line: Line) -> None:
    line.declare(pipeline(cameras=["cam9"]))
    await line.station.inspect(frame())
    await line.cameras.flush()
    await line.events.flush()
    assert line.pool.jobs == []
    [camera] = await line.ledger.cameras()
    assert (camera.known, camera.frames) == (False, 1)
    assert b"UNKNOWN_CAMERA" in line.publisher.announced[0][1]


async def test_gap_in_seq_is_counted_as_lost(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.domain.sequence.LOST_AFTER_S", -1.0)
    for seq in (1, 2, 5):
        await line.station.inspect(frame(f"t-{seq}", seq=seq))
    await line.cameras.flush()
    await line.events.flush()
    [camera] = await line.ledger.cameras()
    assert camera.lost == 2
    assert any(json.loads(payload)["kind"] == "SEQUENCE_GAP" for _, payload in line.publisher.announced)


async def test_claim_check_is_fetched_and_judged(line: Line) -> None:
    line.pictures.claims["pictures/a.png"] = b"from afar"
    await line.station.inspect(frame(payload=b"", claim=Claim("pictures/a.png", "0" * 64)))
    assert line.pool.jobs[0].payload == b"from afar"


async def test_claim_check_that_can_not_be_fetched_is_a_bad_image(line: Line) -> None:
    await line.station.inspect(frame(payload=b"", claim=Claim("gone.png", "0" * 64)))
    await line.settle()
    assert line.verdicts()[0].reason is Reason.BAD_IMAGE


async def test_verdict_says_how_soon_its_gate_acknowledges(line: Line) -> None:
    line.declare(pipeline(gate={"ack_within_ms": 700}))
    await line.station.inspect(frame(response_topic="plc/answers"))
    await line.settle()
    asked = {message.topic: message.ack_within_ms for message in line.publisher.published}
    assert asked == {"plant/v1/pcb/cam1/verdict": 700.0, "plc/answers": None, "plant/v1/pcb/cam1/report": None}


async def test_what_gate_and_plc_say_reaches_the_books(line: Line) -> None:
    await line.station.inspect(frame("t-1"))
    await line.station.on_ack(Ack(frame("t-1").key, Disposition.PASS, utc_now()))
    day = timedelta(days=1)
    count = TriggerCount("pcb", "cam1", 1, utc_now() - day, utc_now() + day, utc_now())
    await line.station.on_count(count)
    assert [row.part.state for row in line.ledger.rows] == [PartState.ACKNOWLEDGED]
    assert list(line.ledger.counts) == [count]


async def test_answer_goes_to_the_response_topic_too(line: Line) -> None:
    await line.station.inspect(frame(response_topic="plc/answers", correlation=b"42"))
    await line.settle()
    [reply] = [message for message in line.publisher.published if message.topic == "plc/answers"]
    assert reply.correlation == b"42"


@pytest.mark.parametrize("product", [None, "pcb", "PCB", "mainboard-7", "Mainboard 7", "bare_board"])
async def test_product_of_the_line_is_judged_whatever_it_is_called(line: Line, product: str | None) -> None:
    line.declare(pipeline(product="bare board", products=["mainboard-7"]))
    await line.station.inspect(frame(product=product))
    await line.settle()
    await line.events.flush()
    assert line.verdicts()[0].disposition is Disposition.PASS
    assert "PRODUCT_MISMATCH" not in {event.kind for event in line.ledger.events}


async def test_product_of_another_line_never_passes(line: Line) -> None:
    line.declare(pipeline(product="bare board", products=["mainboard-7"]))
    await line.station.inspect(frame(product="mainboard-8"))
    await line.settle()
    await line.events.flush()
    [verdict] = line.verdicts()
    assert (verdict.disposition, verdict.reason) == (Disposition.REVIEW, Reason.BAD_IMAGE)
    assert "mainboard-8" in line.ledger.rows[0].part.decision.detail
    [event] = [event for event in line.ledger.events if event.kind == "PRODUCT_MISMATCH"]
    assert (event.line, event.camera) == ("pcb", "cam1")


async def test_new_pipeline_version_judges_the_next_frame(line: Line) -> None:
    await line.station.inspect(frame("t-1"))
    line.declare(pipeline(question="Is there any flaw on this board?"), version=2)
    await line.station.inspect(frame("t-2"))
    await line.settle()
    before, after = line.verdicts()
    assert (before.pipeline.version, after.pipeline.version) == (1, 2)
    assert before.pipeline.fingerprint != after.pipeline.fingerprint


async def test_words_nobody_writes_any_more_are_closed_at_the_next_start(line: Line) -> None:
    line.pool.answer, line.pool.words = judgement(0.99), SHORT
    await line.station.inspect(frame())
    await line.station.close(0.01)
    await asyncio.sleep(0)
    again = Line(ledger=line.ledger)
    await again.station.recover()
    relaying = asyncio.create_task(again.outbox.run())
    await asyncio.sleep(0.1)
    assert [report.words_state for report in again.reports()] == [WordsState.MISSING]
    relaying.cancel()
    await asyncio.gather(relaying, return_exceptions=True)


async def test_votes_of_a_shadow_are_kept_apart_from_those_that_decided(line: Line) -> None:
    line.declare(pipeline(settle={"shadow": 1.0}))
    line.pool.shadow = ShadowResult(judgement(0.01, 0.99, 0.99).votes)
    await line.station.inspect(frame())
    await line.station.close(1)
    [row] = line.ledger.rows
    assert line.ledger.shadows == {row.part.result_id: line.pool.shadow.votes}
    assert len(row.part.votes) == 1
    assert row.part.decision.disposition is Disposition.PASS


async def test_a_part_that_is_no_shadow_keeps_none(line: Line) -> None:
    line.declare(pipeline(settle={"shadow": 0.0}))
    line.pool.shadow = ShadowResult(judgement(0.01, 0.99).votes)
    await line.station.inspect(frame())
    await line.station.close(1)
    assert line.ledger.shadows == {}
