"""The wire contract as documents: one AsyncAPI 3.0 document of all topics, and a JSON Schema per payload. Pure.

Topics and fields are generated from `topics.py`, `incoming.py` and `outgoing.py`, so the documents list exactly what
the code implements. Only the meaning of a frame's MQTT properties is written here; a test compares it with the
properties that the intake reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Literal, NamedTuple

from pydantic.json_schema import models_json_schema

from inspector.messages.examples import FRAME_PROPERTIES, INCOMING, OUTGOING
from inspector.messages.incoming import Incoming
from inspector.messages.outgoing import Payload
from inspector.messages.topics import Topics

CONTRACT_VERSION: Final = "1.0.0"
JSON_SCHEMA_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
FRAME_MESSAGE: Final = "frame"
PROPERTY_DESCRIPTIONS: Final = {
    "trigger_id": "names this exposure; the gate matches verdicts by it. Also taken from Correlation-Data",
    "part_id": "serial number of the part",
    "product": "product of the part; one that is not the line's gets the fail-safe",
    "lot": "production lot",
    "seq": "counts the camera's frames; gaps are reported as lost frames",
    "captured_at": "time of exposure, RFC 3339 with zone",
    "deadline_ms": "milliseconds from capture until the gate acts; replaces the line's own",
    "sha256": "of the payload, 64 hex digits; a picture that differs is BAD_IMAGE",
    "is_simulated": "true for a part that is not real",
    "traceparent": "W3C trace context",
    "template": "golden sample that this frame is compared with: its path or name; an unknown one is BAD_IMAGE",
}
PARAMETER_DESCRIPTIONS: Final = {
    "line": "the product line, as its pipeline declares it",
    "camera": "the camera's name on this line",
    "trigger_id": "names this exposure",
    "reply": "one or more levels of the camera's choice",
    "station": "number of a further station, from 1",
}


class Channel(NamedTuple):
    """One topic.

    `action` is the service's: it receives frames and sends verdicts. `payload` names a specimen, or FRAME_MESSAGE for
    the bytes of a picture.
    """

    name: str
    address: str
    action: Literal["receive", "send"]
    payload: str
    summary: str
    retained: bool = False


def channels(topics: Topics) -> list[Channel]:
    """List all topics, in the order of a frame's life."""
    return [*_from_cameras(topics), *_to_the_line(topics), *_of_the_service(topics)]


def _from_cameras(topics: Topics) -> Iterator[Channel]:
    def address(channel: str) -> str:
        return topics.camera("{line}", "{camera}", channel)

    frame = "A camera's picture, with metadata as MQTT 5 user properties. Response-Topic may name a reply topic."
    yield Channel("frame", address("frame"), "receive", FRAME_MESSAGE, frame)
    plain = "The same for MQTT 3.1.1 devices, which have no properties."
    yield Channel("frameOfTrigger", address("frame/{trigger_id}"), "receive", FRAME_MESSAGE, plain)
    claim = "Claim check: the address of a picture that is too large for the broker."
    yield Channel("frameRef", address("frame-ref"), "receive", "frame-ref", claim)
    status = "Online, published by the camera; offline, published as its last will."
    yield Channel("cameraStatus", address("status"), "receive", "status", status, retained=True)
    yield Channel("gateAck", address("ack"), "receive", "ack", "The gate's report of its action on a part.")
    count = "The PLC's number of triggers of this camera; compared with the decided and lost parts."
    yield Channel("plcCount", address("count"), "receive", "count", count)


def _to_the_line(topics: Topics) -> Iterator[Channel]:
    verdict = "One per part, below 1 KiB: the only thing a gate reads. A repeat carries the same result_id."
    yield Channel("verdict", topics.verdict("{line}", "{camera}"), "send", "verdict", verdict)
    reply = (
        "A copy of the verdict, where the frame's Response-Topic asks for one; elsewhere only by INSPECTOR_REPLY_ROOTS."
    )
    yield Channel("reply", topics.camera("{line}", "{camera}", "reply/{reply}"), "send", "verdict", reply)
    report = "The complete record of a part. Published once its words are written."
    yield Channel("report", topics.report("{line}", "{camera}"), "send", "report", report)
    review = (
        "A person's disposition of a part, for the PLC or MES. Match it by result_id: a part that waited may go on."
    )
    yield Channel("review", topics.review("{line}", "{camera}"), "send", "review", review)
    part = "Every change of a part's state, if INSPECTOR_PART_STATES is set. Best effort: not for a gate."
    yield Channel("part", topics.part("{line}", "{camera}"), "send", "part", part)
    event = "Alarms and notices; those without a line use 'service' as line."
    yield Channel("event", topics.event("{line}"), "send", "event", event)


def _of_the_service(topics: Topics) -> Iterator[Channel]:
    state, further = "Whether a station works; OFFLINE is its last will.", "The same for a further station."
    yield Channel("state", topics.state, "send", "state", state, retained=True)
    yield Channel("stateOfStation", f"{topics.state}/{{station}}", "send", "state", further, retained=True)
    beat = "Published every second; the count stops when the service stops."
    yield Channel("heartbeat", topics.heartbeat, "send", "heartbeat", beat)
    yield Channel("heartbeatOfStation", f"{topics.heartbeat}/{{station}}", "send", "heartbeat", further)


def document(topics: Topics) -> dict[str, Any]:
    """Build the AsyncAPI document of an installation with this topic root."""
    listed = channels(topics)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "inspector",
            "version": CONTRACT_VERSION,
            "description": "Visual inspection on factory lines: frames in, PASS, REJECT or REVIEW back to the gate.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {channel.name: _channel(channel) for channel in listed},
        "operations": {f"{channel.action}_{channel.name}": _operation(channel) for channel in listed},
        "components": {"messages": _messages(), "schemas": _shared_schemas()},
    }


def schemas() -> dict[str, dict[str, Any]]:
    """Build a separate JSON Schema for every payload, by the payload's name."""
    return {
        name: {"$schema": JSON_SCHEMA_DIALECT, **type(specimen).model_json_schema(mode=_mode(specimen))}
        for name, specimen in _specimens().items()
    }


def _specimens() -> dict[str, Payload | Incoming]:
    return {**INCOMING, **OUTGOING}


def _mode(specimen: Payload | Incoming) -> Literal["serialization", "validation"]:
    """Return the schema mode: outgoing payloads as written, with every field; incoming ones as read."""
    return "serialization" if isinstance(specimen, Payload) else "validation"


def _channel(channel: Channel) -> dict[str, Any]:
    parameters = {
        name: {"description": text} for name, text in PARAMETER_DESCRIPTIONS.items() if f"{{{name}}}" in channel.address
    }
    return {
        "address": channel.address,
        "description": channel.summary,
        "messages": {channel.payload: {"$ref": f"#/components/messages/{channel.payload}"}},
        **({"parameters": parameters} if parameters else {}),
    }


def _operation(channel: Channel) -> dict[str, Any]:
    return {
        "action": channel.action,
        "channel": {"$ref": f"#/channels/{channel.name}"},
        "summary": channel.summary,
        "bindings": {"mqtt": {"qos": 1, "retain": channel.retained, "bindingVersion": "0.2.0"}},
    }


def _messages() -> dict[str, Any]:
    return {
        FRAME_MESSAGE: _frame_message(),
        **{name: _message(name, specimen) for name, specimen in _specimens().items()},
    }


def _message(name: str, specimen: Payload | Incoming) -> dict[str, Any]:
    return {
        "name": name,
        "contentType": "application/json",
        "payload": {"$ref": f"#/components/schemas/{type(specimen).__name__}"},
        "examples": [{"payload": specimen.model_dump(mode="json", by_alias=True)}],
    }


def _frame_message() -> dict[str, Any]:
    properties = {
        name: {"type": "string", "description": text, "examples": [FRAME_PROPERTIES[name]]}
        for name, text in PROPERTY_DESCRIPTIONS.items()
    }
    return {
        "name": FRAME_MESSAGE,
        "summary": "The bytes of one picture: JPEG, PNG, BMP, TIFF or WebP.",
        "contentType": "image/jpeg",
        "headers": {"type": "object", "properties": properties},
        "payload": {"type": "string", "format": "binary"},
        "correlationId": {"location": "$message.header#/trigger_id"},
    }


def _shared_schemas() -> dict[str, Any]:
    """Build the payloads' schemas, each model once. AsyncAPI refers to them by name."""
    models = [(type(specimen), _mode(specimen)) for specimen in _specimens().values()]
    _, shared = models_json_schema(models, ref_template="#/components/schemas/{model}")
    definitions: dict[str, Any] = shared["$defs"]
    return definitions
