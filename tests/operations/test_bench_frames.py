"""Large frames: each way carries every frame, and one that the broker can't carry is refused before it is used."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector.adapters.mqtt.check.large_messages import carry_messages
from inspector.adapters.mqtt.connection import Broker
from inspector.adapters.mqtt.local.broker import LocalBroker, local_broker
from inspector.messages.topics import Topics
from inspector.operations.bench_frames import SharedMemoryWay, measure_frames
from inspector.operations.check import FrameLoad, run_checks
from inspector.settings import Settings

pytestmark = pytest.mark.skipif(shutil.which("mosquitto") is None, reason="needs mosquitto")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalBroker]:
    with local_broker(tmp_path_factory.mktemp("broker"), prefer="mosquitto") as broker:
        yield broker


def large_frames(running: LocalBroker, folder: Path, load: FrameLoad) -> tuple[bool, str, str]:
    settings = Settings(data=folder, broker_host=running.host, broker_port=running.port)
    [result] = [each for each in run_checks(settings, frames=load) if each.check == "large frames"]
    return result.ok, result.found, result.remedy


def test_every_way_carries_every_frame(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    figures = measure_frames(settings, size_mb=0.2, rate_per_s=20.0, seconds=1.0, notify=lambda _: None)
    assert [(way["way"], way["frames"], way["lost"]) for way in figures["ways"]] == [
        ("direct", 20, 0),
        ("frame-ref, shared memory", 20, 0),
    ]
    assert all(0.0 < way["p50_ms"] <= way["p99_ms"] for way in figures["ways"])


def test_shared_memory_is_free_again(running: LocalBroker, tmp_path: Path) -> None:
    way = SharedMemoryWay([b"first", b"second"], tmp_path)
    broker = Broker(running.host, running.port, "5", None, None)
    carried = carry_messages(broker, Topics(), "bench-free", way.write, way.read, count=6, rate_per_s=50.0)
    assert len(carried.latencies_ms) == 6
    assert list(tmp_path.iterdir()) == []


def test_frame_that_is_not_sound_counts_as_lost(
    running: LocalBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inspector.adapters.mqtt.check.large_messages.QUIET_S", 0.5)
    way = SharedMemoryWay([b"first"], tmp_path)

    def write(number: int) -> bytes:
        message = way.write(number)
        if number == 1:
            (tmp_path / "1").write_bytes(b"other")
        return message

    broker = Broker(running.host, running.port, "5", None, None)
    carried = carry_messages(broker, Topics(), "bench-unsound", write, way.read, count=3, rate_per_s=50.0)
    assert (carried.sent, len(carried.latencies_ms)) == (3, 2)


def test_check_accepts_frames_that_the_broker_carries(running: LocalBroker, tmp_path: Path) -> None:
    ok, found, remedy = large_frames(running, tmp_path, FrameLoad(0.1, 2.0))
    assert (ok, remedy) == (True, "")
    assert "2 are wanted; 0 lost" in found


def test_check_refuses_what_the_broker_can_not_carry(
    running: LocalBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No machine of today carries 10,000 frames of 1 MB a second through one broker."""
    monkeypatch.setattr("inspector.operations.check.LARGE_FRAMES_S", 0.01)
    ok, found, remedy = large_frames(running, tmp_path, FrameLoad(1.0, 10_000.0))
    assert not ok
    assert "frame-ref" in remedy
    assert "frames/s of" in found
