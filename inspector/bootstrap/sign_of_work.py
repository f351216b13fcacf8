"""A file that says that a station works: probes of a pod see one that hangs, or receives no frames."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from inspector.errors import BrokerError

INTERVAL_S: Final = 2.0


class SignOfWork:
    """Touches a file while `check` raises nothing. A probe takes a file of some seconds ago for a stopped station."""

    def __init__(self, folder: Path, number: int, check: Callable[[], None]) -> None:
        self._file = folder / f"station-{number}"
        self._check = check

    async def run(self) -> None:
        """Touch the file until cancelled; then remove it."""
        try:
            while True:
                with suppress(BrokerError, OSError):
                    self._check()
                    self._file.parent.mkdir(exist_ok=True)
                    self._file.touch()
                await asyncio.sleep(INTERVAL_S)
        finally:
            self._file.unlink(missing_ok=True)
