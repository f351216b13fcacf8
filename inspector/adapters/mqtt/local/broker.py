"""A local broker for `inspector demo`, when no other broker is given.

Configures, starts, awaits and stops mosquitto if it is installed, else the bundled rumqttd (`rumqttd.py`). Both speak
MQTT 5, hold the frames of an absent consumer, and end with the process that started them. Not for a plant: every user
of this machine may connect.
"""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path
from typing import Final, Literal, NamedTuple

from inspector.adapters.mqtt.local import mosquitto
from inspector.adapters.mqtt.local import rumqttd as embedded
from inspector.adapters.mqtt.local.child_process import tied_command
from inspector.errors import BrokerError

BrokerKind = Literal["mosquitto", "embedded"]
MIB: Final = 1024 * 1024
START_TIMEOUT_S: Final = 15.0
ANSWER_TIMEOUT_S: Final = 1.0
STOP_TIMEOUT_S: Final = 10.0
CONNECT_PACKET: Final = b"\x10\x11\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x04here"
"""The MQTT 5 packet: clean start, keepalive 60 s, no properties, client id `here`."""


@dataclass(frozen=True, slots=True)
class LocalBroker:
    """A running broker. Both kinds speak MQTT 5; mosquitto also speaks 3.1.1."""

    host: str
    port: int
    kind: BrokerKind
    pid: int


@dataclass(frozen=True, slots=True)
class BrokerLimits:
    """The largest payload, and how much may wait for one consumer before frames are dropped and logged."""

    message_bytes: int = 64 * MIB
    queue_bytes: int = 512 * MIB


DEFAULT_LIMITS: Final = BrokerLimits()


class BrokerConfiguration(NamedTuple):
    """A configured broker that is not started yet."""

    kind: BrokerKind
    command: list[str]
    log: Path


@contextmanager
def local_broker(
    folder: Path,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    prefer: Literal["auto", "mosquitto", "embedded"] = "auto",
    limits: BrokerLimits = DEFAULT_LIMITS,
) -> Iterator[LocalBroker]:
    """Run a broker with its configuration, log and queues in `folder`; `port` None takes a free one.

    Enter it in a thread that outlives the broker (`child_process.py`). Raises BrokerError if the broker does not start.
    """
    require_loopback(host)
    port = free_port(host, port or 0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        config = configure_broker(folder.resolve(), host, port, prefer, limits)
        process = start(config)
    except OSError as error:
        raise BrokerError(f"no broker can start in {folder}: {error}; choose a folder that can be written") from error
    try:
        await_answer(config, host, port, process)
        yield LocalBroker(host, port, config.kind, process.pid)
    finally:
        stop(process)


def require_loopback(host: str) -> None:
    try:
        if IPv4Address(host).is_loopback:
            return
    except AddressValueError:
        pass
    raise BrokerError(
        f"host {host}: the local broker checks no passwords and listens on a loopback address only, such as 127.0.0.1;"
        " for other machines run a broker with users and TLS"
    )


def free_port(host: str, wanted: int) -> int:
    """Return the wanted port if it is free; for 0 any free one."""
    try:
        with socket.create_server((host, wanted)) as held:
            port: int = held.getsockname()[1]
            return port
    except (OSError, OverflowError) as error:
        raise BrokerError(f"port {wanted} on {host}: {error}; stop what uses it, or choose another port") from error


def configure_broker(folder: Path, host: str, port: int, prefer: str, limits: BrokerLimits) -> BrokerConfiguration:
    sizes = {"message_bytes": limits.message_bytes, "queue_bytes": limits.queue_bytes}
    program = None if prefer == "embedded" else mosquitto.find()
    if program:
        config = folder / "mosquitto.conf"
        config.write_text(mosquitto.config(folder, host, port, **sizes))
        return BrokerConfiguration("mosquitto", [program, "-c", str(config)], folder / "mosquitto.log")
    require_rumqttd(prefer)
    config = folder / "embedded.toml"
    config.write_text(embedded.config(host, port, **sizes))
    return BrokerConfiguration(
        "embedded", [sys.executable, "-m", embedded.__name__, str(config)], folder / "embedded.log"
    )


def require_rumqttd(prefer: str) -> None:
    """Raise BrokerError if mosquitto was required, or rumqttd is not installed."""
    if prefer == "mosquitto":
        raise BrokerError("mosquitto is not installed; install it (apt-get install mosquitto) or prefer embedded")
    if importlib.util.find_spec("iotcore") is None:
        raise BrokerError("there is no broker; install mosquitto (apt-get install mosquitto) or iotcore (pip)")


def start(config: BrokerConfiguration) -> subprocess.Popen[bytes]:
    """Start it in a session of its own, so that Ctrl-C ends us first and our last messages still reach a broker."""
    with config.log.open("ab") as log:
        return subprocess.Popen(
            tied_command(config.command),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def await_answer(config: BrokerConfiguration, host: str, port: int, process: subprocess.Popen[bytes]) -> None:
    """Return when the broker answers CONNECT."""
    end = time.monotonic() + START_TIMEOUT_S
    while not answers(host, port):
        if process.poll() is not None:
            raise failure(config, f"it ended with exit status {process.returncode}")
        if time.monotonic() > end:
            raise failure(config, f"it did not answer within {START_TIMEOUT_S:g} s")
        time.sleep(0.02)


def answers(host: str, port: int) -> bool:
    """Return whether an MQTT broker accepts a connection."""
    try:
        with socket.create_connection((host, port), ANSWER_TIMEOUT_S) as connection:
            connection.sendall(CONNECT_PACKET)
            connack = connection.recv(256)
            return connack[:1] == b"\x20" and connack[3:4] == b"\x00"
    except OSError:
        return False


def failure(config: BrokerConfiguration, what: str) -> BrokerError:
    log_end = "\n".join(config.log.read_text(errors="replace").splitlines()[-8:])
    other = "embedded" if config.kind == "mosquitto" else "mosquitto"
    return BrokerError(
        f"{config.kind} did not start: {what}; correct the cause in its log, or prefer {other}:\n{log_end}"
    )


def stop(process: subprocess.Popen[bytes]) -> None:
    """Stop it with SIGTERM first: mosquitto then writes its queues to disk."""
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
