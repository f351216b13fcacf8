"""What the virtual line sends again after a broker was killed."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any, cast

from inspector.adapters.mqtt.line_client import Exposure, Journey, LineClient
from inspector.lab.chaos.load_generator import LoadGenerator


def test_frames_that_an_intruder_took_are_not_sent_again() -> None:
    """Their late copies would fall into another run of the counter, and be booked as 72 losses of it."""
    journeys = [Journey("chaos", Exposure(f"run-{number}", b"", seq=number), time.monotonic()) for number in range(3)]
    sent: list[Any] = []
    client = SimpleNamespace(journeys=lambda: journeys, send=sent.append)
    load = LoadGenerator(cast(LineClient, client), "run", 1.0, 1)
    load.repeat(time.monotonic(), {"run-1"})
    assert [each.trigger_id for each in sent] == ["run-0", "run-2"]
    assert load.repeated == 2


def test_answered_frames_are_taken_once_and_those_before_the_start_are_not_counted() -> None:
    verdicts: list[Any] = [(0.0, None)]
    journeys = [
        Journey(
            "chaos", Exposure(f"run-{number}", b"", seq=number), time.monotonic(), True, verdicts if answered else []
        )
        for number, answered in enumerate([True, True, False, True, True, False])
    ]
    client = ForgettingClient(journeys)
    load = LoadGenerator(cast(LineClient, client), "run", 1.0, 1)
    load.count_from(3)
    assert [each.exposure.trigger_id for each in load.take_answered()] == ["run-3", "run-4"]
    assert [each.exposure.trigger_id for each in load.journeys()] == ["run-5"]
    journeys[2].verdicts = journeys[5].verdicts = verdicts
    assert [each.exposure.trigger_id for each in load.take_answered()] == ["run-5"]
    assert load.journeys() == load.take_answered() == []


class ForgettingClient:
    """A line client that has sent these frames."""

    def __init__(self, journeys: list[Journey]) -> None:
        self._open = journeys

    def journeys(self) -> list[Journey]:
        return self._open

    def take_answered(self) -> list[Journey]:
        taken = [each for each in self._open if each.verdicts]
        self._open = [each for each in self._open if not each.verdicts]
        return taken
