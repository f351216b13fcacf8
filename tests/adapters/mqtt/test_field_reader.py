"""One policy for properties and JSON: a bad detail is left out, an untrustworthy one is a fault, the part is kept."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.adapters.mqtt.field_reader import MAX_JSON_BYTES, MAX_LABELS, json_fields
from inspector.adapters.mqtt.message_parser import (
    CameraMessage,
    ParsedFrame,
    parse_ack,
    parse_count,
    parse_frame,
    parse_status,
)
from inspector.domain.frame import TRIGGER_ID_PATTERN
from inspector.errors import FrameError
from inspector.messages.examples import INCOMING
from inspector.messages.incoming import FrameRef
from inspector.messages.topics import FrameTopic, ReplyTopics, Topics
from inspector.utc import utc_now

TOPICS = Topics("plant/v1")
REPLIES = ReplyTopics(TOPICS, ("plc/replies",))
PICTURE = b"the bytes of a picture"
SHA256 = hashlib.sha256(PICTURE).hexdigest()
KEY = ("pcb", "cam1", "t-1")


def as_properties(details: dict[str, Any]) -> ParsedFrame:
    texts = {"trigger_id": "t-1", "sha256": SHA256} | {name: str(value) for name, value in details.items()}
    return parse_frame(CameraMessage(FrameTopic("pcb", "cam1", "frame", None), PICTURE, texts), REPLIES)


def as_json(details: dict[str, Any]) -> ParsedFrame:
    document = {"url": "/srv/frames/1.png", "trigger_id": "t-1", "sha256": SHA256} | details
    payload = json.dumps(document).encode()
    return parse_frame(CameraMessage(FrameTopic("pcb", "cam1", "frame-ref", None), payload), REPLIES)


def told(parsed: ParsedFrame) -> list[str]:
    return [kind for kind, _ in parsed.notices]


@pytest.mark.parametrize("read", [as_properties, as_json])
@pytest.mark.parametrize(
    ("details", "field", "value", "kinds"),
    [
        ({"sha256": SHA256.upper()}, "fault", None, []),
        ({"part_id": 17}, "part_id", "17", []),
        ({"lot": 2026.5}, "lot", "2026.5", []),
        ({"seq": "7"}, "seq", 7, []),
        ({"deadline_ms": "900"}, "deadline_ms", 900.0, []),
        ({"is_simulated": True}, "is_simulated", True, []),
        ({"deadline_ms": 0}, "deadline_ms", None, ["BAD_PROPERTY"]),
        ({"deadline_ms": "nan"}, "deadline_ms", None, ["BAD_PROPERTY"]),
        ({"captured_at": "2026-01-31T12:00:00"}, "captured_at", None, ["BAD_PROPERTY"]),
        ({"captured_at": 1769860800}, "captured_at", None, ["BAD_PROPERTY"]),
        ({"seq": -1}, "seq", None, ["BAD_PROPERTY"]),
        ({"seq": 10**400}, "seq", None, ["BAD_PROPERTY"]),
        ({"part_id": "SN\n1"}, "part_id", None, ["BAD_PROPERTY"]),
        ({"part_id": "x" * 129}, "part_id", None, ["BAD_PROPERTY"]),
        ({"is_simulated": "perhaps"}, "is_simulated", False, ["BAD_PROPERTY"]),
        ({"traceparent": "00-xyz"}, "traceparent", None, ["BAD_PROPERTY"]),
    ],
)
def test_a_detail_is_read_or_left_out_alike_in_properties_and_in_json(
    read: Any, details: dict[str, Any], field: str, value: object, kinds: list[str]
) -> None:
    parsed = read(details)
    assert parsed.frame.key == KEY
    assert getattr(parsed.frame, field) == value
    assert parsed.frame.fault is None
    assert told(parsed) == kinds


@pytest.mark.parametrize("read", [as_properties, as_json])
@pytest.mark.parametrize("sha256", ["abc", "g" * 64, 17, SHA256[:-1]])
def test_a_hash_that_proves_nothing_is_a_fault_of_a_known_part(read: Any, sha256: object) -> None:
    frame = read({"sha256": sha256}).frame
    assert frame.key == KEY
    assert frame.fault is not None
    assert "sha256" in frame.fault
    assert frame.claim is None


@pytest.mark.parametrize("read", [as_properties, as_json])
def test_a_product_that_nobody_can_read_is_a_fault(read: Any) -> None:
    parsed = read({"product": "mug\x07"})
    assert parsed.frame.product is None
    assert parsed.frame.fault is not None
    assert "product" in parsed.frame.fault
    assert told(parsed) == ["BAD_PROPERTY"]


@pytest.mark.parametrize("details", [{"url": None}, {"url": ""}, {"url": []}, {"url": "a\nb"}, {"url": "x" * 2049}])
def test_a_claim_check_without_a_readable_address_is_a_part_without_a_picture(details: dict[str, Any]) -> None:
    frame = as_json(details).frame
    assert frame.key == KEY
    assert frame.fault is not None


def test_a_claim_check_without_a_hash_is_identified_by_what_is_fetched() -> None:
    frame = as_json({"sha256": None}).frame
    assert frame.fault is None
    assert frame.claim is not None
    assert frame.claim.sha256 == ""


@pytest.mark.parametrize("details", [{"trigger_id": 48211}, {"trigger_id": 48211.0}, {"trigger_id": "48211"}])
def test_a_numeric_trigger_id_names_the_part(details: dict[str, Any]) -> None:
    assert as_json(details).frame.key.trigger_id == "48211"


@pytest.mark.parametrize(
    "payload",
    [
        b'\xef\xbb\xbf{"trigger_id": "t-1", "url": "x"}',
        b'{"trigger_id": "t-1", "url": "x"}\r\n\x00',
        b'{"trigger_id": "t-1", "lot": "a\nb", "url": "x"}',
        b'{"trigger_id": "t-1", "lot": "\xff", "url": "x"}',
        b'{"trigger_id": "t-1", "seq": ' + b"9" * 20_000 + b"}",
        b'{"trigger_id": "t-1", "seq": NaN, "lot": {"a": [1]}, "part_id": [], "url": {}}',
    ],
)
def test_a_part_named_in_untidy_json_is_kept(payload: bytes) -> None:
    message = CameraMessage(FrameTopic("pcb", "cam1", "frame-ref", None), payload)
    assert parse_frame(message, REPLIES).frame.key == KEY


def test_a_payload_that_is_no_json_is_the_part_that_its_properties_name() -> None:
    message = CameraMessage(FrameTopic("pcb", "cam1", "frame-ref", None), b"no json", {"trigger_id": "t-1"})
    parsed = parse_frame(message, REPLIES)
    assert parsed.frame.key == KEY
    assert parsed.frame.fault is not None
    assert told(parsed) == ["UNREADABLE_FRAME"]


@pytest.mark.parametrize("trigger_id", ["a/b/c", "a b", "", "x" * 129])
def test_a_topic_whose_trigger_id_is_none_is_reported_and_the_frame_is_still_a_part(trigger_id: str) -> None:
    message = CameraMessage(FrameTopic("pcb", "cam1", "frame", trigger_id), PICTURE, {"trigger_id": "t-1"})
    parsed = parse_frame(message, REPLIES)
    assert parsed.frame.key == KEY
    assert told(parsed) == ["TOPIC_INVALID"]


def test_two_trigger_ids_in_one_message_leave_the_part_in_doubt() -> None:
    message = CameraMessage(FrameTopic("pcb", "cam1", "frame", "t-1"), PICTURE, {"trigger_id": "t-2"})
    frame = parse_frame(message, REPLIES).frame
    assert frame.key == KEY
    assert frame.fault is not None
    assert "t-2 in the message" in frame.fault


@pytest.mark.parametrize(
    ("reply", "is_allowed"),
    [
        ("plant/v1/pcb/cam1/reply/plc", True),
        ("plant/v1/pcb/cam1/reply/a/b", True),
        ("plc/replies/7", True),
        ("plant/v1/pcb/cam1/reply/", False),
        ("plant/v1/pcb/cam1/reply", False),
        ("plant/v1/pcb/cam1/verdict", False),
        ("plant/v1/pcb/cam2/reply/plc", False),
        ("plant/v1/mugs/cam1/verdict", False),
        ("plant/v1/pcb/cam1/reply/+", False),
        ("plc/replies", False),
        ("plc/replies2/7", False),
        ("plc/replies/\N{REPLACEMENT CHARACTER}", False),
        ("$SYS/x", False),
        ("plc/replies/" + "x" * 1024, False),
    ],
)
@pytest.mark.parametrize("channel", ["frame", "frame-ref"])
def test_a_reply_goes_only_where_the_camera_may_have_it(channel: str, reply: str, is_allowed: bool) -> None:
    message = CameraMessage(FrameTopic("pcb", "cam1", channel, None), b'{"url": "x"}', {"trigger_id": "t-1"})
    message.response_topic = reply
    parsed = parse_frame(message, REPLIES)
    assert (parsed.frame.response_topic == reply) == is_allowed
    assert told(parsed) == ([] if is_allowed else ["REPLY_REFUSED"])


@pytest.mark.parametrize("root", ["", "a//b", "a/#", "$SYS", "plant", "plant/v1", "plant/v1/pcb"])
def test_a_reply_root_near_the_verdicts_is_refused(root: str) -> None:
    with pytest.raises(ValueError, match="reply root"):
        ReplyTopics(TOPICS, (root,))


@pytest.mark.parametrize(
    ("payload", "disposition"),
    [
        (b'{"trigger_id": "t-1", "disposition": "PASS"}', "PASS"),
        (b'{"trigger_id": "t-1", "disposition": "reject", "at": "2026-01-31T12:00:00"}', "REJECT"),
        (b'{"trigger_id": 48, "disposition": " Review ", "at": 0}', "REVIEW"),
    ],
)
def test_an_ack_is_read_as_a_frame_is(payload: bytes, disposition: str) -> None:
    ack, notices = parse_ack(FrameTopic("pcb", "cam1", "ack", None), payload, now := utc_now())
    assert (ack.disposition.value, ack.at) == (disposition, now)
    assert len(notices) == (b'"at"' in payload)


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        (b"no json", "payload"),
        (b"[]", "payload"),
        (b'{"disposition": "PASS"}', "trigger_id"),
        (b'{"trigger_id": "a b", "disposition": "PASS"}', "trigger_id"),
        (b'{"trigger_id": "t-1", "disposition": "MAYBE"}', "disposition"),
    ],
)
def test_an_ack_that_names_no_part_or_no_action_is_refused(payload: bytes, named: str) -> None:
    with pytest.raises(FrameError, match=named):
        parse_ack(FrameTopic("pcb", "cam1", "ack", None), payload, utc_now())


def test_a_count_is_read_as_a_frame_is() -> None:
    payload = b'{"triggers": "1200.0", "since": "2026-01-31T06:00:00Z", "until": "2026-01-31T14:00:00+01:00"}'
    with pytest.raises(FrameError, match=r"triggers '1200\.0' is ignored"):
        parse_count(FrameTopic("pcb", "cam1", "count", None), payload, utc_now())
    count = parse_count(FrameTopic("pcb", "cam1", "count", None), payload.replace(b'"1200.0"', b"1200.0"), utc_now())
    assert count.triggers == 1200
    assert (count.until - count.since).total_seconds() == 7 * 3600


@pytest.mark.parametrize("state", [b'{"state": "ONLINE"}', b'{"state": "online", "at": "yesterday"}'])
def test_a_status_is_read_whatever_its_case(state: bytes) -> None:
    assert parse_status(state) == "online"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=200),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@settings(deadline=None, max_examples=300)
@given(st.dictionaries(st.sampled_from(sorted({*FrameRef.model_fields} - {"trigger_id"})) | st.text(), anything))
def test_no_detail_costs_a_part_whose_trigger_id_is_known(details: dict[str, Any]) -> None:
    assert as_json(details | {"trigger_id": "t-1"}).frame.key == KEY
    texts = {name: str(value) for name, value in details.items()} | {"trigger_id": "t-1"}
    message = CameraMessage(FrameTopic("pcb", "cam1", "frame", None), PICTURE, texts)
    assert parse_frame(message, REPLIES).frame.key == KEY


def test_what_keeps_the_contract_is_read_without_a_word() -> None:
    payload = INCOMING["frame-ref"].model_dump_json().encode()
    parsed = parse_frame(CameraMessage(FrameTopic("pcb", "cam1", "frame-ref", None), payload), REPLIES)
    declared = FrameRef.model_validate_json(payload)
    assert parsed.notices == ()
    for name in ("part_id", "product", "lot", "seq", "captured_at", "deadline_ms", "is_simulated", "traceparent"):
        assert getattr(parsed.frame, name) == getattr(declared, name)
    assert TRIGGER_ID_PATTERN.fullmatch(parsed.frame.key.trigger_id)


@pytest.mark.parametrize("read", [as_properties, as_json])
def test_a_senders_own_details_are_kept_within_bounds(read: Any) -> None:
    own = {"boot_id": "7", "shift": "x" * 129, "a b": "1", "lot": "L1", "empty": ""}
    assert read(own).frame.labels == (("boot_id", "7"),)
    assert len(read({f"label{number}": "1" for number in range(99)}).frame.labels) == MAX_LABELS


@pytest.mark.parametrize("read", [as_properties, as_json])
def test_a_template_that_cannot_be_read_is_never_compared_with_another(read: Any) -> None:
    named = read({"template": "top.png"}).frame
    assert (named.template, named.fault) == ("top.png", None)
    unread = read({"template": "x" * 129})
    assert unread.frame.template is None
    assert "is not stored" in unread.frame.fault
    assert [notice.kind for notice in unread.notices] == ["BAD_PROPERTY"]


def test_an_ack_may_name_a_result_alone() -> None:
    payload = b'{"result_id": "r-1", "disposition": "PASS"}'
    ack, notices = parse_ack(FrameTopic("pcb", "cam1", "ack", None), payload, utc_now())
    assert (ack.result_id, ack.key.trigger_id, notices) == ("r-1", "", ())
    assert ack.name == "pcb/cam1 result r-1"


def test_json_above_the_limit_is_not_read() -> None:
    text = b'{"trigger_id": "t-1"%s}'
    assert json_fields(text % (b" " * 1000)) == {"trigger_id": "t-1"}
    assert json_fields(text % (b" " * MAX_JSON_BYTES)) is None
