"""The peer: vLLM in an environment of its own, in a process that receives one order at a time.

Knows that process (`vllm_peer_main.py`); nothing of vLLM.
"""

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

PEER_PROGRAM: Final = Path(__file__).with_name("vllm_peer_main.py")
START_TIMEOUT_S: Final = 900.0  # vLLM compiles the model first
REMEDY: Final = "name the python of an environment that holds vLLM"


class PeerOrder(NamedTuple):
    """One round: `samples` answers of exactly `tokens` tokens to each prompt, its cache's name and its token ids."""

    prompts: Sequence[tuple[str, Sequence[int]]]
    samples: int
    tokens: int
    temperature: float


@dataclass(frozen=True, slots=True)
class VllmPeer:
    """A running peer."""

    process: psutil.Popen
    log: Path

    def do(self, work: PeerOrder) -> list[int]:
        """Run an order; return the first token of every answer."""
        return [int(token) for token in self.send(work._asdict())]

    def send(self, order: object) -> Any:
        """Send an order and return the answer. Raises ModelError if the process ends or takes too long."""
        watch = threading.Timer(START_TIMEOUT_S, self.process.kill)
        watch.start()
        try:
            return json.loads(_exchanged(self.process.stdin, self.process.stdout, json.dumps(order)))
        except (OSError, ValueError) as error:
            raise ModelError(f"the peer ended: {self._complaint()}; {REMEDY}") from error
        finally:
            watch.cancel()

    def _complaint(self) -> str:
        """Return the last error that the process reported; many lines may follow it."""
        lines = self.log.read_text(errors="replace").splitlines()
        return ([line.strip() for line in lines if "Error" in line] or ["nothing said"])[-1]


@contextmanager
def started(python: Path, checkpoint: Path, threads: int) -> Iterator[VllmPeer]:
    """Start the peer. Raises ModelError without such an interpreter, or if vLLM does not run the checkpoint."""
    log = checkpoint / "peer.log"
    settings = {"OMP_NUM_THREADS": str(threads), "VLLM_CPU_OMP_THREADS_BIND": "nobind"}  # as many threads as ours
    try:
        with log.open("w") as file:
            process = psutil.Popen(
                [str(python), str(PEER_PROGRAM), str(checkpoint)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                env=os.environ | settings,
            )
    except OSError as error:
        raise ModelError(f"{python} can't be started: {error}; {REMEDY}") from error
    try:
        peer = VllmPeer(process, log)
        peer.send({})
        yield peer
    finally:
        _ended(process)


def _exchanged(orders: IO[str], answers: IO[str], order: str) -> str:
    orders.write(order + "\n")
    orders.flush()
    return answers.readline()


def _ended(process: psutil.Popen) -> None:
    """End the process with everything that it started."""
    with suppress(psutil.NoSuchProcess):
        for each in (*process.children(recursive=True), process):
            each.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):
            pipe.close()
