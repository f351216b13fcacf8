"""Memory of every process of the service over 25,000 frames, after a warm-up (`make proof`).

A station remembers its last 10,000 parts, to recognise those that come again: its memory grows until then.
SOAK_FRAMES and SOAK_RATE shorten the run; the warm-up is then two fifths of the frames.
"""

from __future__ import annotations

import os
import time
from collections import Counter, defaultdict
from pathlib import Path
from random import Random
from typing import Final

import psutil
import pytest
from support.memory_trend import MAX_GROWTH_SHARE, MIB, MemorySample, memory_trend

from inspector.adapters.mqtt.local import mosquitto
from inspector.domain.declared import Disposition
from inspector.lab.chaos import testbed as chaos_testbed
from inspector.lab.chaos.database import LockableSqlite
from inspector.lab.chaos.testbed import RunOptions
from inspector.operations.bench_service import CARD

FRAMES: Final = int(os.environ.get("SOAK_FRAMES", "25000"))
RATE: Final = float(os.environ.get("SOAK_RATE", "34"))
WARM_UP_S: Final = min(300.0, 0.41 * FRAMES / RATE)  # at the full rate it holds the parts that a station remembers
SAMPLE_S: Final = 2.0
DRAIN_S: Final = 60.0
OWN: Final = "ServeReplica"
DEADLINE_MS: Final = 15_000.0


@pytest.mark.soak
@pytest.mark.skipif(mosquitto.find() is None, reason="mosquitto is not installed")
@pytest.mark.timeout(3 * 3600)
def test_memory_of_no_process_grows(tmp_path: Path) -> None:
    card = tmp_path / "stub.yaml"
    card.write_text(CARD)
    database = LockableSqlite(tmp_path / "data" / "inspector.db")
    options = RunOptions((), 1, FRAMES / RATE, 1, RATE, 1, DEADLINE_MS, card)
    samples: dict[int, list[MemorySample]] = defaultdict(list)
    names: dict[int, str] = {}
    with chaos_testbed.testbed(options, database, tmp_path, "soak") as running:
        running.load.start()
        began_s = time.monotonic()
        while (at_s := time.monotonic() - began_s) < FRAMES / RATE:
            running.service.check()
            for process in running.service.members("") if at_s > WARM_UP_S else ():
                names.setdefault(process.pid, name(process))
            for pid, resident in running.service.memory("").items() if at_s > WARM_UP_S else ():
                samples[pid].append(MemorySample(at_s, resident))
            time.sleep(SAMPLE_S)
        running.load.stop()
        running.load.drain(DRAIN_S)
        journeys = running.load.journeys()
    most = max(map(len, samples.values()))
    trends = {pid: memory_trend(each) for pid, each in samples.items() if len(each) > most // 2}
    for pid, trend in trends.items():
        print(
            f"{names[pid]:60} {trend.resident_mib:7.1f} MiB, {trend.slope_mib_min:+.3f} "
            f"({trend.lower_mib_min:+.3f} to {trend.upper_mib_min:+.3f}) MiB/min, {trend.growth_share:+.1%}"
        )
    given = Counter(journey.verdicts[0][1].disposition for journey in journeys if journey.verdicts)
    assert sum(given.values()) == len(journeys) > 0.9 * FRAMES
    assert given[Disposition.PASS] > 0.5 * FRAMES, given
    assert len(trends) > 5
    growing = {names[pid]: trend for pid, trend in trends.items() if not trend.is_flat}
    assert {each: trend for each, trend in growing.items() if OWN in each} == {}
    assert [each for each, trend in growing.items() if trend.growth_share >= MAX_GROWTH_SHARE] == []  # Ray's own


def name(process: psutil.Process) -> str:
    try:
        return " ".join(Path(word).name for word in process.cmdline()[:2])[:60]
    except psutil.Error:
        return ""


@pytest.mark.parametrize(("slope_mib_min", "flat"), [(0.0, True), (0.5, False), (1.1, False)])
def test_growth_is_told_from_noise(slope_mib_min: float, *, flat: bool) -> None:
    """The station once grew by 1.1 MiB a minute."""
    noise = Random(7)
    samples = [
        MemorySample(at_s, int(MIB * (300.0 + slope_mib_min * at_s / 60.0 + noise.gauss(0.0, 1.5))))
        for at_s in range(0, 900, 2)
    ]
    assert memory_trend(samples).is_flat is flat


def test_settling_of_a_heap_is_no_growth() -> None:
    """A process that always holds the same grew by a quarter of a MiB in seven minutes, without noise."""
    samples = [MemorySample(at_s, int(MIB * (275.0 + 0.035 * at_s / 60.0))) for at_s in range(0, 420, 2)]
    assert memory_trend(samples).is_flat
