"""Whether a broker can serve a line, for `inspector check`: visits it as a station would and says what it found.

Knows what a station needs of its broker. Nothing here raises: what is wrong is a `Problem` with a remedy.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NamedTuple

from inspector.adapters.mqtt.check.diagnosis import Problem, outdated, refused, unreachable
from inspector.adapters.mqtt.check.session import Connack, Visit, visit
from inspector.adapters.mqtt.connection import Broker
from inspector.messages.topics import DEFAULT_ROOT

Protocol = Literal["5", "3.1.1"]

KEEP_S: Final = 30
ENOUGH_BYTES: Final = 8 * 1024 * 1024
"""A JPEG of 12 megapixels fits."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What was found; None where the broker did not get so far. `reachable` says that a broker answered, if only to
    refuse. `maximum_packet_bytes` is None also when it states no limit."""

    address: str
    reachable: bool = False
    protocols: tuple[Protocol, ...] = ()
    keeps_sessions: bool | None = None
    maximum_packet_bytes: int | None = None
    receive_maximum: int | None = None
    retain_available: bool | None = None
    round_trip_ms: float | None = None
    problems: tuple[Problem, ...] = ()


class Stay(NamedTuple):
    """What a station would meet: the answer, a message sent to itself, and its session after a break."""

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
) -> Probe:
    """Each of its steps may take `timeout_s`. Leaves nothing behind on the broker."""
    broker = Broker(host, port, "5", username, password, tls)
    try:
        return examine(broker, f"{root}/service/probe", timeout_s)
    except (OSError, ValueError) as error:
        return Probe(broker.address, problems=(unreachable(broker, error, timeout_s),))


def examine(broker: Broker, topic: str, timeout_s: float) -> Probe:
    stay = stay_as_station(broker, topic, timeout_s)
    with visit(replace(broker, protocol="3.1.1"), timeout_s=timeout_s) as device:
        answers: dict[Protocol, Connack | None] = {"5": stay.connack, "3.1.1": device.connack}
    heard = [answer for answer in answers.values() if answer]
    accepted = tuple(protocol for protocol, answer in answers.items() if answer and answer.accepted)
    if not accepted:
        return Probe(broker.address, bool(heard), problems=(refused(broker, heard, timeout_s),))
    if stay.connack is None or not stay.connack.accepted:
        return Probe(broker.address, True, accepted, problems=(outdated(broker),))
    found = with_stay(Probe(broker.address, True, accepted), stay, stay.connack.limits)
    return replace(found, problems=tuple(weaknesses(found, topic)))


def stay_as_station(broker: Broker, topic: str, timeout_s: float) -> Stay:
    client_id = f"inspector-probe-{secrets.token_hex(4)}"
    with visit(broker, client_id, timeout_s=timeout_s, fresh=False, keep_s=KEEP_S) as first:
        if not first.accepted:
            return Stay(first.connack)
        round_trip_ms = time_round_trip(first, topic)
    with visit(broker, client_id, timeout_s=timeout_s, fresh=False) as second:
        kept = second.connack is not None and second.connack.session_present
    with visit(broker, client_id, timeout_s=timeout_s):
        return Stay(first.connack, round_trip_ms, kept)  # this visit was fresh: it ended the session


def time_round_trip(here: Visit, topic: str) -> float | None:
    """Milliseconds from publishing to receiving one's own message; None when it does not come back."""
    token = secrets.token_bytes(8)
    heard: list[object] = []
    here.client.on_subscribe = lambda *_: heard.append("SUBACK")
    here.client.on_message = lambda _client, _user, message: heard.append(message.payload)
    here.client.subscribe(topic, qos=1)
    here.until(lambda: "SUBACK" in heard)
    start = time.perf_counter()
    here.client.publish(topic, token, qos=1)
    came_back = here.until(lambda: token in heard)
    return round((time.perf_counter() - start) * 1000, 2) if came_back else None


def with_stay(found: Probe, stay: Stay, limits: dict[str, Any]) -> Probe:
    """What CONNACK leaves unsaid has the default that MQTT 5 gives it."""
    return replace(
        found,
        keeps_sessions=stay.session_kept,
        maximum_packet_bytes=limits.get("MaximumPacketSize"),
        receive_maximum=limits.get("ReceiveMaximum", 65535),
        retain_available=limits.get("RetainAvailable", 1) == 1,
        round_trip_ms=stay.round_trip_ms,
    )


def weaknesses(found: Probe, topic: str) -> Iterator[Problem]:
    """Why a broker that lets us in is not good enough."""
    if not found.keeps_sessions:
        yield Problem(
            f"{found.address} keeps no sessions: frames sent while the station is away are lost",
            "allow sessions that outlive their connection for the station's user",
        )
    if found.maximum_packet_bytes is not None and found.maximum_packet_bytes < ENOUGH_BYTES:
        yield Problem(
            f"{found.address} takes packets up to {found.maximum_packet_bytes} bytes",
            f"allow {ENOUGH_BYTES} (mosquitto: max_packet_size, message_size_limit), or send frame-ref",
        )
    if not found.retain_available:
        yield Problem(
            f"{found.address} retains no messages: who connects later does not learn the service's state",
            "allow retained messages (mosquitto: retain_available)",
        )
    if found.round_trip_ms is None:
        yield Problem(
            f"a message sent to {topic} did not come back",
            "allow the station's user to read and write below the root topic (mosquitto: acl_file)",
        )
