"""The file by which a probe sees that a station works."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from inspector.bootstrap.sign_of_work import INTERVAL_S, SignOfWork
from inspector.errors import BrokerError


class Intake:
    """Receives frames until it is stopped."""

    is_stopped = False

    def check(self) -> None:
        if self.is_stopped:
            raise BrokerError("the thread that receives frames has ended")


@pytest.mark.virtual_time
async def test_file_is_fresh_while_frames_can_come_in(tmp_path: Path) -> None:
    intake, file = Intake(), tmp_path / "working" / "station-0"
    running = asyncio.create_task(SignOfWork(tmp_path / "working", 0, intake.check).run())
    await asyncio.sleep(INTERVAL_S / 2)
    assert file.exists()
    intake.is_stopped = True
    file.unlink()
    await asyncio.sleep(3 * INTERVAL_S)
    assert not file.exists()
    intake.is_stopped = False
    await asyncio.sleep(INTERVAL_S)
    assert file.exists()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert not file.exists()
