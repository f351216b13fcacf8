"""The books of one camera, read after the service has stopped."""

from __future__ import annotations

from pathlib import Path

from support.fakes import a_part

from inspector.adapters.ledger import SqlLedger, upgrade
from inspector.domain.reconciliation import Gap
from inspector.lab.chaos.books import LineBooks, line_books
from inspector.ports.ledger import CameraActivity
from inspector.utc import utc_now


async def test_losses_and_holes_of_every_run_of_the_camera_are_read(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    upgrade(url)
    async with SqlLedger(url) as ledger:
        for run, seq in ((1, 1), (1, 4), (2, 1), (2, 3)):
            await ledger.record(a_part(f"{run}-{seq}", run=run, seq=seq), [])
        await ledger.record(a_part("hostile", camera="cam2", seq=9), [])
        losses = (Gap(2, 3, utc_now(), 1),)
        await ledger.add_camera_activity([CameraActivity("pcb", "cam1", utc_now(), True, gaps=losses)])
    found = line_books(url, "pcb", "cam1", withheld=3)
    assert found == LineBooks(decided=4, lost=2, unaccounted=1, withheld=3)
    assert len(found.problems()) == 2
