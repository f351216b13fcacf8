"""A station whose service ends is replaced, and the log says by what it ended."""

from __future__ import annotations

import asyncio
import logging

import pytest

from inspector.bootstrap.running_station import Lifecycle, RunningStation


class Ending:
    """A service that fails at once."""

    async def run(self) -> None:
        raise OverflowError("date value out of range")


async def test_the_log_says_by_what_a_service_ended(caplog: pytest.LogCaptureFixture) -> None:
    station = RunningStation(3, Lifecycle([], [Ending()], [], [], []), lambda: None)
    await station.start()
    await asyncio.sleep(0)
    with caplog.at_level(logging.ERROR), pytest.raises(RuntimeError, match=r"a service of station 3 ended: Overflow"):
        station.check()
    assert [record.getMessage() for record in caplog.records] == [
        "a service of station 3 ended; the station starts again"
    ]
    assert "date value out of range" in caplog.text
    await station.close()
