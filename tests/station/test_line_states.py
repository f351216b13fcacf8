"""The state of a line decides what the gate gets, and its judgements are kept in every state."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from support.fakes import live_version, new_version
from support.line_fakes import at_work, frame, judgement, pipeline
from support.station_line import Line

from inspector.domain.decision import Reason, Verdict
from inspector.domain.declared import Disposition
from inspector.domain.frame import FrameKey
from inspector.domain.line_state import LineState, LineStatus, RightOrigin
from inspector.domain.report import Words, WordsState
from inspector.messages.outgoing import EventSeverity, VerdictMessage, WouldBe
from inspector.ports.ledger import Event, PipelineVersion
from inspector.utc import utc_now

WOULD_PASS = WouldBe(verdict=Verdict.OK, disposition=Disposition.PASS)


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    line = Line()
    async with at_work(line.station, line.outbox):
        yield line


async def verdict_under(line: Line, version: PipelineVersion) -> VerdictMessage:
    line.station.follow([version])
    await line.station.inspect(frame())
    await line.settle()
    [verdict] = line.verdicts()
    return verdict


async def test_a_new_line_passes_nothing_and_says_what_it_would_have_said(line: Line) -> None:
    verdict = await verdict_under(line, new_version(pipeline(fail_safe="REJECT")))
    assert (verdict.disposition, verdict.reason) == (Disposition.REJECT, Reason.UNQUALIFIED)
    assert (verdict.line_state, verdict.would_be) == (LineState.COMMISSIONING, WOULD_PASS)
    assert (verdict.p_ng, verdict.votes) == (0.01, 1)
    assert line.ledger.rows[0].part.would_be.disposition is Disposition.PASS


async def test_a_swapped_model_passes_nothing(line: Line) -> None:
    line.pool.answer = replace(judgement(0.01), model_fingerprint="0" * 16)
    verdict = await verdict_under(line, live_version(pipeline()))
    assert (verdict.disposition, verdict.reason) == (Disposition.REVIEW, Reason.UNQUALIFIED)
    assert (verdict.line_state, verdict.would_be) == (LineState.UNQUALIFIED, WOULD_PASS)
    assert line.reports()[0].detail.startswith("fingerprint")


@pytest.mark.parametrize(
    "changed", [{"thresholds": {"pass_below": 0.3}}, {"deadline_ms": 9000.0}, {"settle": {"confidence": 0.9}}]
)
async def test_a_changed_policy_passes_nothing(line: Line, changed: dict[str, object]) -> None:
    declared = pipeline(**changed)
    verdict = await verdict_under(line, live_version(pipeline())._replace(pipeline=declared))
    assert (verdict.line_state, verdict.reason) == (LineState.UNQUALIFIED, Reason.UNQUALIFIED)
    assert line.reports()[0].detail.startswith("policy")


@pytest.mark.parametrize("changed", [{"settle": {"shadow": 0.5}}, {"gate": {"ack_within_ms": 100}}])
async def test_what_decides_nothing_keeps_the_right(line: Line, changed: dict[str, object]) -> None:
    verdict = await verdict_under(line, live_version(pipeline())._replace(pipeline=pipeline(**changed)))
    assert verdict.disposition is Disposition.PASS


async def test_an_override_passes_until_it_ends(line: Line) -> None:
    qualified = live_version(pipeline())
    [right] = qualified.status.rights
    ended = replace(right, origin=RightOrigin.OVERRIDE, until=utc_now() - timedelta(seconds=1))
    verdict = await verdict_under(line, qualified._replace(status=LineStatus(LineState.LIVE, (ended,))))
    assert verdict.reason is Reason.UNQUALIFIED
    assert line.reports()[0].detail.startswith("expired")


async def test_a_paused_line_stores_and_does_not_ask(line: Line) -> None:
    version = live_version(pipeline())
    verdict = await verdict_under(line, version._replace(status=LineStatus(LineState.PAUSED, version.status.rights)))
    assert (verdict.disposition, verdict.reason, verdict.votes) == (Disposition.REVIEW, Reason.PAUSED, 0)
    assert verdict.line_state is LineState.PAUSED
    assert line.pool.jobs == []
    assert line.ledger.rows[0].part.evidence is not None


async def test_a_bad_picture_stays_one_on_a_new_line(line: Line) -> None:
    line.pictures.blind = "too dark"
    assert (await verdict_under(line, new_version(pipeline()))).reason is Reason.BAD_IMAGE


async def test_a_rejected_part_of_a_new_line_still_gets_its_words(line: Line) -> None:
    line.pool.answer, line.pool.words = judgement(0.99), Words(WordsState.WRITTEN)
    verdict = await verdict_under(line, new_version(pipeline()))
    assert verdict.would_be == WouldBe(verdict=Verdict.NG, disposition=Disposition.REJECT)
    assert line.ledger.rows[0].part.words.state is WordsState.PENDING


async def unqualified_events(line: Line) -> list[Event]:
    await line.events.flush()
    return [event for event in line.ledger.events if event.kind == "UNQUALIFIED"]


async def test_a_live_line_that_is_not_qualified_is_reported_once(line: Line) -> None:
    line.pool.answer = replace(judgement(0.01), model_fingerprint="0" * 16)
    line.station.follow([live_version(pipeline())])
    for number in range(3):
        await line.station.inspect(frame(trigger_id=f"t-{number}"))
    [event] = await unqualified_events(line)
    assert (event.line, event.camera, event.severity, event.count) == ("pcb", None, EventSeverity.ALARM, 1)
    assert "inspector qualify pcb" in event.text
    line.station.follow([live_version(pipeline(), 2)])
    await line.station.inspect(frame(trigger_id="t-9"))
    line.events._published_s.clear()
    assert len(await unqualified_events(line)) == 2


async def test_lines_that_people_hold_back_are_no_event(line: Line) -> None:
    await verdict_under(line, new_version(pipeline()))
    assert await unqualified_events(line) == []


async def test_a_paused_camera_gets_the_fail_safe_unjudged_and_the_others_go_on(line: Line) -> None:
    version = live_version(pipeline(cameras=["cam1", "cam2"]))
    line.station.follow([version._replace(status=replace(version.status, paused_cameras=frozenset({"cam1"})))])
    await line.station.inspect(frame())
    await line.station.inspect(replace(frame(), key=FrameKey("pcb", "cam2", "t-2")))
    await line.settle()
    paused, judged = line.verdicts()
    assert (paused.reason, paused.line_state, paused.votes) == (Reason.PAUSED, LineState.PAUSED, 0)
    assert (judged.disposition, judged.line_state) == (Disposition.PASS, LineState.LIVE)
