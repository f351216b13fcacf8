"""`inspector serve` as a process of its own, with a stub model, for tests of how it starts and ends."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from support.declarations import line_file

CARD = "name: stub\nengine: stub\ncheckpoint: none\npixels: {min: 102400, max: 102400}\n"
PIPELINE = line_file("kind", 60_000)
COMMAND = [sys.executable, "-c", "from inspector.cli.app import main; main()"]
START_S = 180.0
END_S = 90.0


@dataclass
class ServeProcess:
    """The process, and where it writes."""

    process: subprocess.Popen[str]
    folder: Path

    @property
    def output(self) -> str:
        return (self.folder / "serve.log").read_text()

    def family(self) -> list[psutil.Process]:
        own = psutil.Process(self.process.pid)
        return [own, *own.children(recursive=True)]

    def member(self, name: str) -> psutil.Process:
        return next(each for each in self.family() if each.name() == name)

    def await_running(self) -> None:
        end = time.monotonic() + START_S
        while "running; press Ctrl-C to stop" not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < end, self.output
            time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serve_process(folder: Path, broker_port: int, *words: str, **settings: str) -> Iterator[ServeProcess]:
    """Start it in `folder`; kill what is left of it at the end."""
    (folder / "pipelines").mkdir(parents=True, exist_ok=True)
    (folder / "pipelines" / "kind.yaml").write_text(PIPELINE)
    (folder / "stub.yaml").write_text(CARD)
    environment = os.environ | {
        "INSPECTOR_DATA": str(folder / "data"), "INSPECTOR_MODEL": str(folder / "stub.yaml"),
        "INSPECTOR_BROKER_PORT": str(broker_port), "INSPECTOR_CONSOLE_PORT": str(free_port()), "INSPECTOR_LOGIN": "off",
        **settings,
    }  # fmt: skip
    command = [*COMMAND, "serve", "--pipelines", str(folder / "pipelines"), *words]
    with (folder / "serve.log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, text=True)
    running = ServeProcess(process, folder)
    try:
        yield running
    finally:
        left = running.family() if process.poll() is None else []
        process.terminate()
        try:
            process.wait(END_S)
        finally:
            for each in left:
                if each.is_running():
                    each.kill()
