"""A camera that means harm: it sends what costs a station most. The line's other camera must not notice.

Each attack is a stream of messages, sent at a steady rate for as long as it lasts, from a process of its own: in the
process of the measured camera it would delay what that one sends and receives, whatever the service does.
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing.synchronize import Event
from types import MappingProxyType
from typing import Final, NamedTuple

from inspector.adapters.mqtt.connection import Broker
from inspector.adapters.mqtt.stray_client import StrayClient
from inspector.errors import BrokerError
from inspector.lab.chaos.load_generator import washer_frames, with_comment
from inspector.lab.chaos.schedule import FaultKind
from inspector.messages.topics import Topics
from inspector.utc import utc_now

CAMERA: Final = "hostile"
MESSAGES_PER_S: Final = 20.0
NAMES_PER_S: Final = 2_000.0
SEQ_STEP: Final = 99_999
CAMERA_NAMES: Final = 10_000
SCAN_HEADERS: Final = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" * 101  # scans cost time, and a picture needs few
HUGE_SIDE_PX: Final = 30_000
NUMBERS_PER_ATTACK: Final = 1_000_000
START_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 15.0
SCHEMA: Final = "inspector.frame-ref/1"


class HostileMessage(NamedTuple):
    """One message: its camera, its channel below the camera's topic, and its content."""

    camera: str
    channel: str
    payload: bytes
    properties: Mapping[str, str]
    response_topic: str | None = None


MakeMessage = Callable[[int], HostileMessage]  # from a number that no other message has


class HostileCamera:
    """Sends to `line`, where `victim` is another camera; claims name pictures below `slow_url`."""

    def __init__(self, broker: Broker, line: str, victim: str, slow_url: str, seed: int) -> None:
        self._broker = broker
        self._line = line
        self._slow_url = slow_url
        self._topics = Topics()
        self._victims_topic = self._topics.verdict(line, victim)
        self._pictures = washer_frames(seed)
        self._first_number = 0

    @contextmanager
    def attacks(self, fault: FaultKind) -> Iterator[None]:
        """Attack for the length of the block. Raises BrokerError where the attack does not begin."""
        context = multiprocessing.get_context("spawn")
        begun, stop = context.Event(), context.Event()
        process = context.Process(target=self.attack, args=(fault, begun, stop), name=CAMERA, daemon=True)
        process.start()
        self._first_number += NUMBERS_PER_ATTACK
        try:
            if not begun.wait(START_TIMEOUT_S):
                raise BrokerError("the hostile camera did not connect; see the broker's log")
            yield
        finally:
            stop.set()
            process.join(STOP_TIMEOUT_S)
            process.kill()

    def attack(self, fault: FaultKind, begun: Event, stop: Event) -> None:
        """Attack from this process until `stop` is set."""
        numbers = itertools.count(self._first_number)
        with ExitStack() as stack:
            for number, (make, rate) in enumerate(self.streams(fault)):
                client = stack.enter_context(StrayClient(self._broker, f"{CAMERA}-{self._line}-{number}"))
                stack.callback(client.flush)
                sending = (client, make, rate, numbers, stop)
                thread = threading.Thread(target=self._send, args=sending, name=CAMERA, daemon=True)
                thread.start()
                stack.callback(thread.join)
            begun.set()
            stop.wait()

    def streams(self, fault: FaultKind) -> Sequence[tuple[MakeMessage, float]]:
        """Return the streams of an attack: how each makes its messages, and their number a second."""
        streams = self._streams()
        return list(streams.values()) if fault is FaultKind.HOSTILE_ALL else [streams[fault]]

    def _streams(self) -> Mapping[FaultKind, tuple[MakeMessage, float]]:
        return MappingProxyType(
            {
                FaultKind.HOSTILE_SEQ: (self._with_wild_seq, MESSAGES_PER_S),
                FaultKind.HOSTILE_CLAIMS: (self._slow_claim, MESSAGES_PER_S),
                FaultKind.HOSTILE_NAMES: (self._under_another_name, NAMES_PER_S),
                FaultKind.HOSTILE_REPLIES: (self._with_foreign_reply, MESSAGES_PER_S),
                FaultKind.HOSTILE_PICTURES: (self._damaged_picture, MESSAGES_PER_S),
            }
        )

    def _send(self, client: StrayClient, make: MakeMessage, rate: float, numbers: Iterator[int], stop: Event) -> None:
        began = time.monotonic()
        for sent in itertools.count():
            if stop.wait(max(0.0, began + sent / rate - time.monotonic())):
                return
            message = make(next(numbers))
            topic = self._topics.camera(self._line, message.camera, message.channel)
            client.publish(topic, message.payload, message.properties, response_topic=message.response_topic)

    # ------------------------------------------------------------------ the attacks

    def _with_wild_seq(self, number: int) -> HostileMessage:
        """Step the counter further than any camera counts."""
        return self._frame(number, self._picture(number), seq=str(number * SEQ_STEP))

    def _slow_claim(self, number: int) -> HostileMessage:
        """Announce a picture that takes days to fetch."""
        claim = {
            "schema": SCHEMA,
            "url": f"{self._slow_url}/{number}.jpg",
            "sha256": f"{number:064x}",
            "trigger_id": f"{CAMERA}-{number}",
        }
        return HostileMessage(CAMERA, "frame-ref", json.dumps(claim).encode(), {})

    def _under_another_name(self, number: int) -> HostileMessage:
        """Send under a name that the line does not declare, each time another."""
        return self._frame(number, b"\xff\xd8\xff", camera=f"nobody-{number % CAMERA_NAMES}")

    def _with_foreign_reply(self, number: int) -> HostileMessage:
        """Ask for the verdict where another camera's gate listens."""
        return self._frame(number, self._picture(number))._replace(response_topic=self._victims_topic)

    def _damaged_picture(self, number: int) -> HostileMessage:
        """Send what is hard to read: cut, full of scans, huge when unpacked, no picture at all."""
        whole = self._picture(number)
        damaged = (
            whole[: len(whole) // 10] + b"\xff\xd9",
            whole[: len(whole) // 2] + SCAN_HEADERS + whole[len(whole) // 2 :],
            huge_png(),
            bytes(len(whole)),
        )
        return self._frame(number, damaged[number % len(damaged)])

    def _frame(self, number: int, payload: bytes, *, camera: str = CAMERA, seq: str | None = None) -> HostileMessage:
        properties = {"trigger_id": f"{CAMERA}-{number}", "captured_at": utc_now().isoformat()}
        return HostileMessage(camera, "frame", payload, properties | ({} if seq is None else {"seq": seq}))

    def _picture(self, number: int) -> bytes:
        return with_comment(self._pictures[number % len(self._pictures)], f"{CAMERA}-{number}")


def huge_png() -> bytes:
    """Return a small PNG that declares very many pixels."""
    header = struct.pack(">IIBBBBB", HUGE_SIDE_PX, HUGE_SIDE_PX, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(HUGE_SIDE_PX + 1))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(_chunk, *zip(*chunks, strict=True)))


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
