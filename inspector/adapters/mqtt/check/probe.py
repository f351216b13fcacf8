"""Probes whether a broker can serve a line, for `inspector check`: connects like a station and reports what it finds.

Never raises: each fault is a BrokerProblem with a remedy.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NamedTuple

from inspector.adapters.mqtt.check.diagnosis import (
    BrokerProblem,
    diagnose_protocol,
    diagnose_refusal,
    diagnose_unreachable,
)
from inspector.adapters.mqtt.check.session import BrokerSession, Connack, open_session
from inspector.adapters.mqtt.connection import Broker
from inspector.messages.topics import DEFAULT_ROOT

Protocol = Literal["5", "3.1.1"]

SESSION_EXPIRY_S: Final = 30
MIN_PACKET_BYTES: Final = 8 * 1024 * 1024
"""A JPEG of 12 megapixels fits."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The findings; None where the broker did not get that far.

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


def probe(
    host: str,
    port: int,
    *,
    username: str | None = None,
    password: str | None = None,
    tls: bool = False,
    timeout_s: float = 3.0,
    root: str = DEFAULT_ROOT,
) -> ProbeResult:
    """Probe a broker. Each step may take `timeout_s`. Leaves nothing on the broker."""
    broker = Broker(host, port, "5", username, password, tls)
    try:
        return examine(broker, f"{root}/service/probe", timeout_s)
    except (OSError, ValueError) as error:
        return ProbeResult(broker.address, problems=(diagnose_unreachable(broker, error, timeout_s),))


def examine(broker: Broker, topic: str, timeout_s: float) -> ProbeResult:
    station = check_session(broker, topic, timeout_s)
    with open_session(replace(broker, protocol="3.1.1"), timeout_s=timeout_s) as device:
        answers: dict[Protocol, Connack | None] = {"5": station.connack, "3.1.1": device.connack}
    connacks = [answer for answer in answers.values() if answer]
    accepted = tuple(protocol for protocol, answer in answers.items() if answer and answer.accepted)
    if not accepted:
        return ProbeResult(broker.address, bool(connacks), problems=(diagnose_refusal(broker, connacks, timeout_s),))
    if station.connack is None or not station.connack.accepted:
        return ProbeResult(broker.address, True, accepted, problems=(diagnose_protocol(broker),))
    result = add_session_result(ProbeResult(broker.address, True, accepted), station, station.connack.limits)
    return replace(result, problems=tuple(broker_problems(result, topic)))


def check_session(broker: Broker, topic: str, timeout_s: float) -> SessionResult:
    client_id = f"inspector-probe-{secrets.token_hex(4)}"
    with open_session(broker, client_id, timeout_s=timeout_s, fresh=False, keep_s=SESSION_EXPIRY_S) as first:
        if not first.accepted:
            return SessionResult(first.connack)
        round_trip_ms = time_round_trip(first, topic)
    with open_session(broker, client_id, timeout_s=timeout_s, fresh=False) as second:
        kept = second.connack is not None and second.connack.session_present
    with open_session(broker, client_id, timeout_s=timeout_s):
        return SessionResult(first.connack, round_trip_ms, kept)  # a fresh session ends the previous one


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
    """Add a session's findings. Limits that CONNACK leaves out have MQTT 5's defaults."""
    return replace(
        result,
        keeps_sessions=station.session_kept,
        maximum_packet_bytes=limits.get("MaximumPacketSize"),
        receive_maximum=limits.get("ReceiveMaximum", 65535),
        retain_available=limits.get("RetainAvailable", 1) == 1,
        round_trip_ms=station.round_trip_ms,
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
    if not result.retain_available:
        yield BrokerProblem(
            f"{result.address} retains no messages: who connects later does not learn the service's state",
            "allow retained messages (mosquitto: retain_available)",
        )
    if result.round_trip_ms is None:
        yield BrokerProblem(
            f"a message sent to {topic} did not come back",
            "allow the station's user to read and write below the root topic (mosquitto: acl_file)",
        )
