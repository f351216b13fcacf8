"""Probes whether a broker can serve a line, for `check` and `serve`: connects like a station, reports what it finds.

Never raises: each fault is a BrokerProblem with a remedy.
"""

from __future__ import annotations

import secrets
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NamedTuple

from inspector.adapters.mqtt.check.diagnosis import (
    BrokerProblem,
    diagnose_protocol,
    diagnose_refusal,
    diagnose_settings,
    diagnose_unreachable,
)
from inspector.adapters.mqtt.check.session import BrokerSession, Connack, open_session
from inspector.adapters.mqtt.connection import Broker
from inspector.errors import BrokerError
from inspector.messages.topics import Topics

Protocol = Literal["5", "3.1.1"]

SESSION_EXPIRY_S: Final = 30
MIN_PACKET_BYTES: Final = 8 * 1024 * 1024
"""A JPEG of 12 megapixels fits."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The findings; None where the broker did not get that far, or where MQTT 3.1.1 does not say.

    `reachable`: a broker answered, even if it refused. `maximum_packet_bytes` is None also if it states no limit.
    """

    address: str
    reachable: bool = False
    protocols: tuple[Protocol, ...] = ()
    keeps_sessions: bool | None = None
    maximum_packet_bytes: int | None = None
    receive_maximum: int | None = None
    retain_available: bool | None = None
    round_trip_ms: float | None = None
    problems: tuple[BrokerProblem, ...] = ()


class SessionResult(NamedTuple):
    """A station's view: the CONNACK, a message to itself, and its session after a disconnect."""

    connack: Connack | None
    round_trip_ms: float | None = None
    session_kept: bool | None = None
    tls_error: ssl.SSLError | None = None


def probe(broker: Broker, topics: Topics, client_id: str, timeout_s: float = 3.0) -> ProbeResult:
    """Probe a broker as the station will use it: its user, topic root, protocol and pattern of client ids.

    `client_id` is that of no running client, whose session the probe would end. Each step may take `timeout_s`. Leaves
    nothing on the broker.
    """
    try:
        return examine(broker, topics.probe, client_id, timeout_s)
    except (OSError, ValueError) as error:
        return ProbeResult(broker.address, problems=(diagnose_unreachable(broker, error, timeout_s),))
    except BrokerError as error:
        return ProbeResult(broker.address, problems=(diagnose_settings(error),))


def examine(broker: Broker, topic: str, client_id: str, timeout_s: float) -> ProbeResult:
    station = check_session(broker, topic, client_id, timeout_s)
    answers = {broker.protocol: station.connack}
    if broker.speaks_v5:
        answers["3.1.1"] = check_device(broker, client_id, timeout_s)
    connacks = [answer for answer in answers.values() if answer]
    accepted = tuple(protocol for protocol, answer in answers.items() if answer and answer.accepted)
    if not accepted:
        problem = diagnose_refusal(broker, connacks, station.tls_error, timeout_s)
        return ProbeResult(broker.address, bool(connacks), problems=(problem,))
    if station.connack is None or not station.connack.accepted:
        return ProbeResult(broker.address, True, accepted, problems=(diagnose_protocol(broker),))
    result = add_session_result(ProbeResult(broker.address, True, accepted), station, station.connack.limits)
    return replace(result, problems=tuple(broker_problems(result, topic)))


def check_session(broker: Broker, topic: str, client_id: str, timeout_s: float) -> SessionResult:
    with open_session(broker, client_id, timeout_s=timeout_s, fresh=False, keep_s=SESSION_EXPIRY_S) as first:
        if not first.accepted:
            return SessionResult(first.connack, tls_error=first.client.tls_error)
        round_trip_ms = time_round_trip(first, topic)
    with open_session(broker, client_id, timeout_s=timeout_s, fresh=False) as second:
        kept = second.connack is not None and second.connack.session_present
    with open_session(broker, client_id, timeout_s=timeout_s):
        return SessionResult(first.connack, round_trip_ms, kept)  # a fresh session ends the previous one


def check_device(broker: Broker, client_id: str, timeout_s: float) -> Connack | None:
    """Return the broker's answer to a device that speaks MQTT 3.1.1 only."""
    with open_session(replace(broker, protocol="3.1.1"), client_id, timeout_s=timeout_s) as device:
        return device.connack


def time_round_trip(session: BrokerSession, topic: str) -> float | None:
    """Return the milliseconds from publishing to receiving a message of our own; None if it does not arrive."""
    token = secrets.token_bytes(8)
    received: list[object] = []
    session.client.on_subscribe = lambda *_: received.append("SUBACK")
    session.client.on_message = lambda _client, _user, message: received.append(message.payload)
    session.client.subscribe(topic, qos=1)
    session.until(lambda: "SUBACK" in received)
    start = time.perf_counter()
    session.client.publish(topic, token, qos=1)
    came_back = session.until(lambda: token in received)
    return round((time.perf_counter() - start) * 1000, 2) if came_back else None


def add_session_result(result: ProbeResult, station: SessionResult, limits: dict[str, Any]) -> ProbeResult:
    """Add a session's findings. Limits that CONNACK leaves out have MQTT 5's defaults; MQTT 3.1.1 states none."""
    result = replace(result, keeps_sessions=station.session_kept, round_trip_ms=station.round_trip_ms)
    if "5" not in result.protocols:
        return result
    return replace(
        result,
        maximum_packet_bytes=limits.get("MaximumPacketSize"),
        receive_maximum=limits.get("ReceiveMaximum", 65535),
        retain_available=limits.get("RetainAvailable", 1) == 1,
    )


def broker_problems(result: ProbeResult, topic: str) -> Iterator[BrokerProblem]:
    """Yield why a broker that accepts us is still not good enough."""
    if not result.keeps_sessions:
        yield BrokerProblem(
            f"{result.address} keeps no sessions: frames sent while the station is away are lost",
            "allow sessions that outlive their connection for the station's user",
        )
    if result.maximum_packet_bytes is not None and result.maximum_packet_bytes < MIN_PACKET_BYTES:
        yield BrokerProblem(
            f"{result.address} takes packets up to {result.maximum_packet_bytes} bytes",
            f"allow {MIN_PACKET_BYTES} (mosquitto: max_packet_size, message_size_limit), or send frame-ref",
        )
    if result.retain_available is False:
        yield BrokerProblem(
            f"{result.address} retains no messages: who connects later does not learn the service's state",
            "allow retained messages (mosquitto: retain_available)",
        )
    if result.round_trip_ms is None:
        yield BrokerProblem(
            f"a message sent to {topic} did not come back",
            "allow the station's user to read and write its topics (mosquitto: acl_file; see inspector export acl)",
        )
