"""A mosquitto that can be killed, configured as a plant should run it: sessions and queues on disk, saved every second.

mosquitto acknowledges a message before it writes it. A kill can lose what it took in the last moments. That is no fault
of the service, so the line repeats unanswered frames (`load_generator.py`). Saving at every change would not prevent
the loss, and each save writes the whole backlog: at 60 frames/s the broker would never catch up after a fault.
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from inspector.adapters.mqtt.local import mosquitto
from inspector.adapters.mqtt.local.broker import DEFAULT_LIMITS, await_answer, configure_broker, free_port, start, stop
from inspector.errors import BrokerError

HOST: Final = "127.0.0.1"
AUTOSAVE_EVERY_SECOND: Final = "autosave_interval 1\n"
AUTOSAVE_DONE_S: Final = 3.0  # the autosave has finished by then, even on a busy machine


class KillableBroker:
    """A mosquitto process as a context manager. Use it in a thread that outlives the block.

    Raises BrokerError when mosquitto is missing or does not start.
    """

    def __init__(self, folder: Path) -> None:
        if mosquitto.find() is None:
            raise BrokerError(
                "mosquitto is not installed, and only a real broker can be killed; apt-get install mosquitto"
            )
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port(HOST, 0)
        self._plan = configure_broker(folder.resolve(), HOST, self.port, "mosquitto", DEFAULT_LIMITS)
        with Path(self._plan.command[-1]).open("a") as config:
            config.write(AUTOSAVE_EVERY_SECOND)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process:
            stop(self._process)

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    @contextmanager
    def dead(self) -> Iterator[None]:
        """Kill mosquitto; restart it on the same port, with its files, at the end of the block."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        try:
            yield
        finally:
            self._start()

    def _start(self) -> None:
        self._process = start(self._plan)
        await_answer(self._plan, HOST, self.port, self._process)
