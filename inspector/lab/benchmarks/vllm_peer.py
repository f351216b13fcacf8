"""A peer of the engine: vLLM in an environment of its own, in a process that is given one lap of work at a time. Knows
that process (`vllm_peer_main.py`); nothing of vLLM."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import psutil

from inspector.errors import ModelError

LAPS: Final = Path(__file__).with_name("vllm_peer_main.py")
PATIENCE_S: Final = 900.0  # vLLM compiles the model first
REMEDY: Final = "name the python of an environment that holds vLLM"


class Work(NamedTuple):
    """One lap: `samples` answers of exactly so many `tokens` to each prompt, its cache's name and its token ids."""

    prompts: Sequence[tuple[str, Sequence[int]]]
    samples: int
    tokens: int
    temperature: float


@dataclass(frozen=True, slots=True)
class Peer:
    """A running peer."""

    process: psutil.Popen
    log: Path

    def do(self, work: Work) -> list[int]:
        """The first token of every answer."""
        return [int(token) for token in self.told(work._asdict())]

    def told(self, order: object) -> Any:
        """What it answers. Raises ModelError when it ends instead, or takes too long."""
        watch = threading.Timer(PATIENCE_S, self.process.kill)
        watch.start()
        try:
            return json.loads(_exchanged(self.process.stdin, self.process.stdout, json.dumps(order)))
        except (OSError, ValueError) as error:
            raise ModelError(f"the peer ended: {self._complaint()}; {REMEDY}") from error
        finally:
            watch.cancel()

    def _complaint(self) -> str:
        """The last error of which it told; many lines may follow it."""
        lines = self.log.read_text(errors="replace").splitlines()
        return ([line.strip() for line in lines if "Error" in line] or ["nothing said"])[-1]


@contextmanager
def started(python: Path, checkpoint: Path, threads: int) -> Iterator[Peer]:
    """Raises ModelError when there is no such interpreter, or no vLLM that runs the checkpoint."""
    log = checkpoint / "peer.log"
    settings = {"OMP_NUM_THREADS": str(threads), "VLLM_CPU_OMP_THREADS_BIND": "nobind"}  # as many as ours, no more
    try:
        with log.open("w") as file:
            process = psutil.Popen(
                [str(python), str(LAPS), str(checkpoint)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                env=os.environ | settings,
            )
    except OSError as error:
        raise ModelError(f"{python} can't be started: {error}; {REMEDY}") from error
    try:
        peer = Peer(process, log)
        peer.told({})
        yield peer
    finally:
        _ended(process)


def _exchanged(orders: IO[str], answers: IO[str], order: str) -> str:
    orders.write(order + "\n")
    orders.flush()
    return answers.readline()


def _ended(process: psutil.Popen) -> None:
    """With all that it started."""
    with suppress(psutil.NoSuchProcess):
        for each in (*process.children(recursive=True), process):
            each.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):
            pipe.close()
