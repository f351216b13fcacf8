"""The documents of the wire contract are complete, consistent and correct."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from inspector.adapters.mqtt.message_parser import CameraMessage, parse_frame
from inspector.domain.frame import FrameKey
from inspector.messages import incoming, outgoing
from inspector.messages.asyncapi import PROPERTY_DESCRIPTIONS, channels, document, schemas
from inspector.messages.examples import FRAME_PROPERTIES, INCOMING, NG_PART, OUTGOING
from inspector.messages.incoming import Incoming
from inspector.messages.outgoing import FindingLine, OpinionLine, Payload, PipelineStamp, VoteLine, WouldBe, to_json
from inspector.messages.topics import FrameTopic, ReplyTopics, Topics

TOPICS = Topics("acme/plant1")
DOCUMENT = document(TOPICS)


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (value for key, value in node.items() if key == "$ref")
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            yield from references(inner)


def resolve(reference: str) -> Any:
    node: Any = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        node = node[step]
    return node


def test_every_topic_of_the_contract_is_a_channel() -> None:
    addresses = {channel["address"] for channel in DOCUMENT["channels"].values()}
    camera = "acme/plant1/{line}/{camera}"
    assert addresses == {
        f"{camera}/frame",
        f"{camera}/frame/{{trigger_id}}",
        f"{camera}/frame-ref",
        f"{camera}/status",
        f"{camera}/ack",
        f"{camera}/count",
        f"{camera}/verdict",
        f"{camera}/reply/{{reply}}",
        f"{camera}/report",
        f"{camera}/review",
        f"{camera}/part",
        f"{camera}/reply/{{reply}}",
        "acme/plant1/{line}/event",
        "acme/plant1/service/state",
        "acme/plant1/service/state/{station}",
        "acme/plant1/service/heartbeat",
        "acme/plant1/service/heartbeat/{station}",
    }


def test_what_the_service_receives_is_what_it_can_read() -> None:
    for channel in channels(TOPICS):
        filled = channel.address.format(line="pcb", camera="cam1", trigger_id="t-1", reply="plc", station=1)
        assert (TOPICS.parse(filled) is not None) == (channel.action == "receive"), channel.name


def test_every_payload_of_the_wire_is_a_message() -> None:
    declared = {
        found
        for module in (incoming, outgoing)
        for found in vars(module).values()
        if isinstance(found, type)
        and issubclass(found, Payload | Incoming)
        and found not in (Payload, Incoming, PipelineStamp, WouldBe, VoteLine, OpinionLine, FindingLine)
    }
    assert declared == {type(specimen) for specimen in (*INCOMING.values(), *OUTGOING.values())}
    assert DOCUMENT["components"]["messages"].keys() == {"frame", *INCOMING, *OUTGOING}


def test_every_channel_is_worked_once_with_its_quality_of_service() -> None:
    operations = DOCUMENT["operations"].values()
    assert sorted(operation["channel"]["$ref"] for operation in operations) == sorted(
        f"#/channels/{name}" for name in DOCUMENT["channels"]
    )
    assert all(operation["bindings"]["mqtt"]["qos"] == 1 for operation in operations)


def test_only_states_are_retained() -> None:
    retained = {channel.name for channel in channels(TOPICS) if channel.retained}
    assert retained == {"cameraStatus", "state", "stateOfStation"}


def test_every_parameter_of_an_address_is_described() -> None:
    for channel in DOCUMENT["channels"].values():
        in_address = {level[1:-1] for level in channel["address"].split("/") if level.startswith("{")}
        assert in_address == set(channel.get("parameters", {}))


def test_every_reference_leads_somewhere() -> None:
    found = set(references(DOCUMENT))
    assert len(found) > 20
    for reference in found:
        assert resolve(reference)


def test_every_example_keeps_its_schema() -> None:
    for name, message in DOCUMENT["components"]["messages"].items():
        if name == "frame":
            continue
        schema = {**message["payload"], "components": DOCUMENT["components"]}
        for example in message["examples"]:
            Draft7Validator(schema).validate(example["payload"])


@pytest.mark.parametrize("name", [*INCOMING, *OUTGOING])
def test_every_payload_has_a_schema_of_its_own_that_its_example_keeps(name: str) -> None:
    specimen = {**INCOMING, **OUTGOING}[name]
    schema = schemas()[name]
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(json.loads(specimen.model_dump_json(by_alias=True)))


def test_a_verdict_without_its_disposition_breaks_the_schema() -> None:
    written = json.loads(to_json(OUTGOING["verdict"]))
    del written["disposition"]
    assert not Draft202012Validator(schemas()["verdict"]).is_valid(written)


def test_every_documented_frame_property_is_read_and_no_other() -> None:
    message = CameraMessage(FrameTopic("pcb", "cam1", "frame", None), b"the picture's bytes", dict(FRAME_PROPERTIES))
    frame, notices = parse_frame(message, ReplyTopics(Topics()))
    assert FRAME_PROPERTIES.keys() == PROPERTY_DESCRIPTIONS.keys()
    assert notices == ()
    assert frame.fault is None
    assert frame.key == FrameKey("pcb", "cam1", "st3-48211")
    assert (frame.part_id, frame.product, frame.lot, frame.seq, frame.deadline_ms) == (
        "SN0001",
        "mainboard-7",
        "L2026-05",
        48211,
        1500.0,
    )
    assert frame.captured_at == NG_PART.captured_at
    assert (frame.is_simulated, frame.traceparent) == (False, FRAME_PROPERTIES["traceparent"])


def test_the_document_is_plain_json() -> None:
    assert json.loads(json.dumps(DOCUMENT)) == DOCUMENT
    assert DOCUMENT["asyncapi"] == "3.0.0"
