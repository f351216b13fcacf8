"""The contract on the wire: topics are always valid, and payloads keep their size and shape."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from support.declarations import names, trigger_ids

from inspector.domain.decision import Decision, JudgedOutcome, Reason, Verdict
from inspector.domain.declared import Disposition, Severity, ViewName
from inspector.domain.frame import TRIGGER_ID_PATTERN, FrameKey
from inspector.domain.line_state import LineState
from inspector.domain.part import PartRecord, PipelineRef
from inspector.domain.report import NO_WORDS, Box, Finding, Words, WordsState
from inspector.domain.vote import StoppedBy, Vote
from inspector.messages.examples import INCOMING, NG_PART, OUTGOING
from inspector.messages.incoming import CameraStatus, FrameRef, GateAck
from inspector.messages.outgoing import (
    GateDeadline,
    ReportMessage,
    VerdictMessage,
    report_message,
    to_json,
    verdict_message,
)
from inspector.messages.topics import CHANNELS_IN, FrameTopic, Topics
from inspector.messages.withdrawal import withdraw_if_late

KIB = 1024
roots = st.lists(names, min_size=1, max_size=4).map("/".join)
any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@st.composite
def parts(draw: st.DrawFn) -> PartRecord:
    """Any part with the longest things in it that the rules allow."""
    line, defect = draw(names), draw(names)
    p_ng = draw(st.none() | st.floats(0, 1))
    return replace(
        NG_PART,
        result_id=draw(st.uuids()).hex,
        key=FrameKey(line, draw(names), draw(trigger_ids)),
        decision=Decision(Verdict.INCONCLUSIVE, Disposition.REVIEW, draw(st.sampled_from(Reason)), draw(any_text)),
        pipeline=PipelineRef(line, draw(st.integers(0, 2**31)), "f" * 16),
        latency_ms=draw(st.floats(0, 1e10)),
        deadline_ms=draw(st.floats(0.001, 600_000)),
        part_id=draw(st.none() | any_text),
        seq=draw(st.none() | st.integers(0, 2**63)),
        p_ng=p_ng,
        agreement=None if p_ng is None else draw(st.floats(0.5, 1)),
        votes=tuple(
            Vote(ViewName.PARAPHRASE, 7, p_ng, text=draw(any_text), p_true=p_ng) for _ in range(draw(st.integers(0, 3)))
        ),
        rungs=draw(st.integers(0, 8)),
        stopped_by=draw(st.sampled_from(StoppedBy)),
        words=Words(WordsState.WRITTEN, (Finding(defect, Severity.CRITICAL, Box(0, 0, 1, 1), draw(any_text)),)),
    )


@given(roots, names, names, trigger_ids)
def test_what_topics_make_they_can_read(root: str, line: str, camera: str, trigger_id: str) -> None:
    topics = Topics(root)
    for channel in CHANNELS_IN:
        assert topics.parse(topics.camera(line, camera, channel)) == FrameTopic(line, camera, channel, None)
    with_id = topics.camera(line, camera, f"frame/{trigger_id}")
    assert topics.parse(with_id) == FrameTopic(line, camera, "frame", trigger_id)


@given(roots, names, names)
def test_what_we_send_is_never_read_as_a_cameras(root: str, line: str, camera: str) -> None:
    topics = Topics(root)
    for sent in (topics.verdict(line, camera), topics.report(line, camera), topics.part(line, camera),
                 topics.event(line),
                 topics.state, topics.heartbeat, topics.of_station(topics.state, 3)):  # fmt: skip
        assert topics.parse(sent) is None


@given(st.text())
def test_any_topic_is_ours_or_is_not(topic: str) -> None:
    assert Topics().parse(topic) is None


@pytest.mark.parametrize("rest", ["", "pcb", "pcb/cam1", "pcb/cam1/verdict", "pcb/cam1/status/x", "pcb/cam1/frames"])
def test_other_topics_below_our_root_are_not_frames(rest: str) -> None:
    assert Topics("acme/plant1").parse(f"acme/plant1/{rest}") is None


def test_a_frame_topic_with_levels_too_many_has_no_trigger_id() -> None:
    topic = Topics().parse("inspector/v1/pcb/cam1/frame/a/b")
    assert topic is not None
    assert topic.trigger_id == "a/b"
    assert TRIGGER_ID_PATTERN.fullmatch(topic.trigger_id) is None


@pytest.mark.parametrize(("line", "camera"), [("p b", "cam1"), ("pcb", ""), ("pcb", "x" * 65), ("\ufffd", "cam1")])
def test_a_topic_names_the_level_that_is_no_name(line: str, camera: str) -> None:
    topic = Topics().parse(f"inspector/v1/{line}/{camera}/frame")
    assert topic is not None
    assert topic.fault is not None
    assert topic.fault.startswith("camera" if line == "pcb" else "line")


@pytest.mark.parametrize("root", ["", "/", "a/", "/a", "a//b", "a/+", "#", "$share/x", "a b", "ä"])
def test_a_root_that_is_no_topic_is_refused(root: str) -> None:
    with pytest.raises(ValueError, match="topic root"):
        Topics(root)


def test_stations_do_not_overwrite_each_other() -> None:
    topics = Topics()
    assert len({topics.of_station(topics.state, station) for station in range(3)}) == 3
    assert topics.of_station(topics.state, 0) == topics.state


@given(parts())
def test_a_verdict_stays_below_one_kib(part: PartRecord) -> None:
    assert len(to_json(verdict_message(part))) < KIB


def test_the_longest_verdict_stays_below_one_kib() -> None:
    longest = replace(
        NG_PART,
        result_id="r" * 48,
        key=FrameKey("l" * 64, "c" * 64, "t" * 128),
        decision=Decision(Verdict.INCONCLUSIVE, Disposition.REVIEW, Reason.DISAGREEMENT),
        pipeline=PipelineRef("l" * 64, 2**31, "f" * 16),
        line_state=LineState.COMMISSIONING,
        would_be=JudgedOutcome(Verdict.INCONCLUSIVE, Disposition.REVIEW),
        decided_at=datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC),
        latency_ms=123456789.125,
        deadline_ms=599999.123456,
        part_id="p" * 36,
        seq=2**63,
        p_ng=0.12345678901234567,
        agreement=0.6666666666666666,
        votes=NG_PART.votes * 32,
        rungs=8,
        stopped_by=StoppedBy.LADDER_END,
        words=Words(WordsState.WRITTEN, (Finding("d" * 64, Severity.MINOR, None, ""),)),
    )
    until = GateDeadline(datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC), Disposition.REVIEW)
    message = verdict_message(longest, until)
    report = report_message(longest)
    assert (message.traceparent, message.would_be, message.part_id) == (None, None, None)
    assert (report.traceparent, report.part_id) == (longest.traceparent, longest.part_id)
    assert report.would_be.disposition is longest.would_be.disposition
    assert 950 < len(to_json(message)) < KIB


def test_trace_context_goes_from_frame_to_verdict_and_report() -> None:
    assert verdict_message(NG_PART).traceparent == report_message(NG_PART).traceparent == NG_PART.traceparent


GATE_BY = datetime(2026, 1, 31, 12, 0, 1, tzinfo=UTC)
PASSED = replace(NG_PART, decision=Decision(Verdict.OK, Disposition.PASS, Reason.NO_DEFECT))


@pytest.mark.parametrize("safe", [Disposition.REVIEW, Disposition.REJECT])
def test_a_pass_is_withdrawn_once_its_gate_has_acted_without_it(safe: Disposition) -> None:
    payload = to_json(verdict_message(PASSED, GateDeadline(GATE_BY, safe)))
    assert withdraw_if_late(payload, GATE_BY) is None
    instead = withdraw_if_late(payload, GATE_BY + timedelta(milliseconds=1))
    assert instead is not None
    assert (instead.verdict, instead.disposition, instead.reason) == (Verdict.INCONCLUSIVE, safe, Reason.DEADLINE)
    assert instead.late
    assert instead.result_id == PASSED.result_id


@given(parts(), st.datetimes(timezones=st.just(UTC)))
def test_only_a_pass_is_ever_withdrawn(part: PartRecord, now: datetime) -> None:
    payload = to_json(verdict_message(part, GateDeadline(GATE_BY, Disposition.REVIEW)))
    if part.decision.disposition is not Disposition.PASS:
        assert withdraw_if_late(payload, now) is None
    assert withdraw_if_late(to_json(report_message(part)), now) is None
    assert withdraw_if_late(b"{}", now) is None


@pytest.mark.parametrize("part_id", ["p" * 37, "ä" * 19, '"' * 19, "\x1d" * 7])
def test_a_part_id_too_long_for_a_verdict_is_only_in_the_report(part_id: str) -> None:
    part = replace(NG_PART, part_id=part_id)
    assert verdict_message(part).part_id is None
    assert report_message(part).part_id == part_id


@given(parts())
def test_verdicts_and_reports_are_read_back_as_they_were_sent(part: PartRecord) -> None:
    for message in (verdict_message(part), report_message(part)):
        assert type(message).model_validate_json(to_json(message)) == message


@pytest.mark.parametrize("name", OUTGOING)
def test_every_payload_names_its_schema_first(name: str) -> None:
    written = json.loads(to_json(OUTGOING[name]))
    assert next(iter(written.items())) == ("schema", f"inspector.{name}/1")


def test_a_part_without_answers_has_no_score_but_a_verdict() -> None:
    mute = replace(NG_PART, p_ng=None, agreement=None, votes=(), words=NO_WORDS, evidence=None)
    written = json.loads(to_json(report_message(mute)))
    assert written["verdict"]["p_ng"] is None
    assert written["verdict"]["defect"] is None
    assert written["evidence_sha256"] is None


def test_a_sure_ok_keeps_its_zero() -> None:
    assert verdict_message(replace(NG_PART, p_ng=0.0)).p_ng == 0.0


@pytest.mark.parametrize("payload", [VerdictMessage, ReportMessage])
def test_outgoing_payloads_refuse_what_they_do_not_know(payload: type[VerdictMessage | ReportMessage]) -> None:
    with pytest.raises(ValidationError):
        payload.model_validate({"speed": 3})


def test_devices_may_say_more_than_we_know() -> None:
    assert CameraStatus.model_validate_json('{"state": "online", "temperature": 41}').state == "online"
    assert GateAck.model_validate_json('{"trigger_id": "t", "disposition": "REJECT", "x": 1}').trigger_id == "t"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"url": ""}, "nowhere"),
        ({"url": "x" * 2049}, "a picture's place is not a picture"),
        ({"sha256": "abc"}, "half a hash"),
        ({"trigger_id": "a b"}, "no id"),
        ({"part_id": "p" * 129}, "a serial number is short"),
        ({"lot": "a\0b"}, "databases refuse NUL"),
        ({"seq": -1}, "counters count up"),
        ({"seq": 10**20}, "beyond what a database counts"),
        ({"captured_at": "2026-01-31T12:00:00"}, "a time without its zone is a guess"),
        ({"deadline_ms": 0}, "no time at all"),
        ({"deadline_ms": 1e9}, "eleven days"),
    ],
)
def test_a_claim_check_that_can_not_be_meant_is_refused(change: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError):
        FrameRef.model_validate({**INCOMING["frame-ref"].model_dump(), **change})
    assert why
