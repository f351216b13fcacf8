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
