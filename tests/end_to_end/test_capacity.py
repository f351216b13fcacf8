"""`inspector capacity` held against the service: what it answers from measured times is enough, and less is not.

The stub engine judges one part after another, each in 100 ms: two cores carry the frames of several such replicas.
Frames arrive at random, as the formula takes them to.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from inspector.adapters.mqtt.line_client import Exposure, Journey
from inspector.adapters.mqtt.local import mosquitto
from inspector.bootstrap.from_settings import broker_of
from inspector.domain.decision import Reason
from inspector.lab.chaos.load_generator import washer_frames, with_comment
from inspector.messages.topics import Topics
from inspector.operations.bench_service import CARD
from inspector.operations.capacity import CapacityQuestion, answer_capacity, measured_times
from inspector.operations.demo import demo_service
from inspector.operations.replay import PublishedLine, run_lines
from inspector.operations.send_rate import FixedRate, SendRate
from inspector.settings import Settings

pytestmark = [
    pytest.mark.plant,
    pytest.mark.timeout(900),
    pytest.mark.skipif(mosquitto.find() is None, reason="mosquitto is not installed"),
]
LINE: Final = "capacity"
ENGINE_MS: Final = 100.0
DEADLINE_MS: Final = 1000.0
LATE_SHARE: Final = 0.01
RATE: Final = 12.5  # a second: more than one replica judges, less than two
MEASURED, SENT = 120, 500
PIPELINE: Final = f"""\
line: {LINE}
cameras: [cam1]
product: washer
question: Is there any defect on this washer?
defects: {{scratch: minor}}
ladder: [{{views: [direct]}}]
deadline_ms: {DEADLINE_MS:g}
"""


class RandomRate(SendRate):
    """Sends at random times, `per_s` a second in the mean."""

    def __init__(self, per_s: float, seed: int) -> None:
        self._rng = Random(seed)
        self._per_s = per_s
        self._due_s: float | None = None

    def wait_turn(self, exposure: Exposure) -> Exposure:
        self._due_s = (self._due_s or time.monotonic()) + self._rng.expovariate(self._per_s)
        time.sleep(max(0.0, self._due_s - time.monotonic()))
        return exposure

    def on_verdict(self, journey: Journey) -> None:
        """Send on, whatever comes back."""


def exposures(run: str, frames: int) -> Iterator[Exposure]:
    pictures = washer_frames(3)
    for number in range(frames):
        trigger_id = f"{run}-{number}"
        yield Exposure(trigger_id, with_comment(pictures[number % len(pictures)], trigger_id))


def run(settings: Settings, name: str, rate: SendRate, frames: int) -> list[Journey]:
    line = [PublishedLine(LINE, "cam1", exposures(name, frames))]
    return run_lines(broker_of(settings), Topics(settings.topic_root), line, rate, name)


def missed_share(journeys: list[Journey]) -> float:
    """The share of parts whose ladder did not end in time."""
    reasons = Counter(journey.verdicts[0][1].reason for journey in journeys if journey.verdicts)
    assert reasons.total() == len(journeys)
    return (reasons[Reason.DEADLINE] + reasons[Reason.OVERLOAD]) / len(journeys)


def settings_of(folder: Path, replicas: int) -> tuple[Settings, Path]:
    pipelines = folder / "pipelines"
    pipelines.mkdir(parents=True)
    (pipelines / f"{LINE}.yaml").write_text(PIPELINE)
    (folder / "stub.yaml").write_text(CARD.replace("none", f"{ENGINE_MS:g}ms"))
    return Settings(data=folder, model=folder / "stub.yaml", replicas=replicas, login="off"), pipelines


def answer_of_one_line_at_rest(folder: Path) -> dict[str, Any]:
    settings, pipelines = settings_of(folder, 1)
    with demo_service(settings, pipelines, [LINE], lambda _: None) as running:
        run(running, "measured", FixedRate(4.0), MEASURED)  # none waits for the one before
        times, deadline_ms = measured_times(running.database, LINE)
        return answer_capacity(CapacityQuestion(2, RATE / 2.0, deadline_ms, LATE_SHARE, 1), times)


def test_what_it_answers_is_enough_and_less_is_not(tmp_path: Path) -> None:
    answer = answer_of_one_line_at_rest(tmp_path / "measured")
    assert ENGINE_MS <= answer["mean_ms"] < 1.5 * ENGINE_MS, answer
    missed: dict[int, float] = {}
    for replicas in (answer["gpus"], answer["gpus"] - 1):
        settings, pipelines = settings_of(tmp_path / str(replicas), replicas)
        with demo_service(settings, pipelines, [LINE], lambda _: None) as running:
            run(running, "warm", FixedRate(4.0), 20)
            missed[replicas] = missed_share(run(running, "run", RandomRate(RATE, 5), SENT))
    print(json.dumps(answer | {"missed_share_of_replicas": missed}))
    assert missed[answer["gpus"]] <= 1.5 * LATE_SHARE, (answer, missed)
    assert missed[answer["gpus"] - 1] > 10 * LATE_SHARE, (answer, missed)
