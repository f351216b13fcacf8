"""Measures the ways of large frames to a station: in the message, or by reference over shared memory or S3."""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Protocol

from inspector.adapters.camera import CameraPictureReader
from inspector.adapters.ledger import FileEvidence
from inspector.adapters.mqtt.check.large_messages import carry_messages
from inspector.adapters.mqtt.connection import Broker
from inspector.adapters.mqtt.local.broker import local_broker
from inspector.bootstrap.evidence import open_evidence
from inspector.domain.frame import Claim
from inspector.messages.incoming import FrameRef
from inspector.messages.topics import Topics
from inspector.operations.progress import Notify
from inspector.operations.run_statistics import quantile
from inspector.settings import Settings

SHARED_MEMORY: Final = Path("/dev/shm")
DISTINCT_FRAMES: Final = 8
WARM_UP_FRAMES: Final = 8
S3_SCHEME: Final = "s3://"


class FrameWay(Protocol):
    """One way: what the camera's side writes, and what the station's side reads."""

    name: str

    def write(self, number: int) -> bytes: ...

    def read(self, message: bytes) -> object: ...


class DirectWay:
    """The frame is the message's payload."""

    name = "direct"

    def __init__(self, frames: list[bytes]) -> None:
        self._frames = frames

    def write(self, number: int) -> bytes:
        return self._frames[number % len(self._frames)]

    def read(self, message: bytes) -> object:
        return hashlib.sha256(message).digest()


class SharedMemoryWay:
    """The frame is a file in memory; the message names it, as frame-ref does."""

    name = "frame-ref, shared memory"

    def __init__(self, frames: list[bytes], folder: Path) -> None:
        self._frames = [(frame, hashlib.sha256(frame).hexdigest()) for frame in frames]
        self._folder = folder
        self._pictures = CameraPictureReader((str(folder),))

    def write(self, number: int) -> bytes:
        frame, sha256 = self._frames[number % len(self._frames)]
        path, draft = self._folder / str(number), self._folder / f"{number}.draft"
        draft.write_bytes(frame)
        draft.replace(path)
        return FrameRef(url=str(path), sha256=sha256).model_dump_json().encode()

    def read(self, message: bytes) -> object:
        claim = FrameRef.model_validate_json(message)
        self._pictures.fetch(Claim(claim.url, claim.sha256 or ""))
        Path(claim.url).unlink()
        return claim


class S3Way:
    """The frame is an object in the bucket of INSPECTOR_EVIDENCE_URL; the message names it."""

    name = "frame-ref, S3"

    def __init__(self, frames: list[bytes], store: FileEvidence) -> None:
        self._frames = [(frame, hashlib.sha256(frame).hexdigest()) for frame in frames]
        self._store = store

    def write(self, number: int) -> bytes:
        frame, sha256 = self._frames[number % len(self._frames)]
        name = f"bench-{number % len(self._frames)}"
        self._store.put_slot(name, frame)
        return FrameRef(url=name, sha256=sha256).model_dump_json().encode()

    def read(self, message: bytes) -> object:
        claim = FrameRef.model_validate_json(message)
        frame = self._store.get_slot(claim.url)
        if hashlib.sha256(frame).hexdigest() != claim.sha256:
            raise ValueError(f"object {claim.url} is another frame than was announced")
        return claim


def measure_frames(
    settings: Settings, *, size_mb: float, rate_per_s: float, seconds: float, notify: Notify
) -> dict[str, Any]:
    """Measure each way with a local broker of its own. All figures are of this machine and this run."""
    frames = [os.urandom(int(size_mb * 1_000_000)) for _ in range(DISTINCT_FRAMES)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="inspector-bench-")))
        running = stack.enter_context(local_broker(folder / "broker", prefer="mosquitto"))
        broker = Broker(running.host, running.port, "5", None, None)
        ways = list(_ways(settings, frames, stack))
        measured = [_measured(way, broker, rate_per_s, seconds, notify) for way in ways]
    return {"frame_mb": size_mb, "offered_per_s": rate_per_s, "seconds": seconds, "ways": measured}


def _ways(settings: Settings, frames: list[bytes], stack: ExitStack) -> Iterator[FrameWay]:
    yield DirectWay(frames)
    parent = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
    shared = stack.enter_context(tempfile.TemporaryDirectory(prefix="inspector-bench-", dir=parent))
    yield SharedMemoryWay(frames, Path(shared))
    if settings.evidence.startswith(S3_SCHEME):
        yield S3Way(frames, open_evidence(settings))


def _measured(way: FrameWay, broker: Broker, rate: float, seconds: float, notify: Notify) -> dict[str, Any]:
    topics = Topics()
    for count in (WARM_UP_FRAMES, max(1, round(rate * seconds))):
        client_id = f"bench-{secrets.token_hex(4)}"
        carried = carry_messages(broker, topics, client_id, way.write, way.read, count=count, rate_per_s=rate)
    arrived = len(carried.latencies_ms)
    figures = {
        "way": way.name,
        "frames": carried.sent,
        "lost": carried.sent - arrived,
        "per_s": round(arrived / carried.seconds, 1) if carried.seconds > 0 else 0.0,
        "p50_ms": quantile(carried.latencies_ms, 0.5),
        "p99_ms": quantile(carried.latencies_ms, 0.99),
    }
    notify(f"{way.name}: {figures['per_s']}/s, p50 {figures['p50_ms']} ms, p99 {figures['p99_ms']} ms")
    return figures
