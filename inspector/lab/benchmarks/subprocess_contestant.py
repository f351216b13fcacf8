"""Contestants in processes of their own: neither threads nor freed memory of one can slow another.

Knows processes; `contestants.py` runs in them.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, TypeVar

import psutil

from inspector.errors import ModelError
from inspector.lab.benchmarks.measurement import Measurement, timed

Result = TypeVar("Result")
Run = Callable[..., float]  # MiB of device memory


@dataclass(frozen=True, slots=True)
class Contestant:
    """A process that has loaded its contestant."""

    process: psutil.Process
    pipe: Connection

    def lap(self, parts: int, *order: Any) -> Measurement:
        """Run one round over the parts. Raises what the contestant raised, or ModelError if the process ended."""
        device_mib: list[float] = []
        measured = timed(lambda: device_mib.append(self._exchange(order)), parts, self.process)
        return measured._replace(device_mib=device_mib[0])

    def _exchange(self, order: Sequence[Any]) -> float:
        self.pipe.send(order)
        return _answer(self.pipe)


@contextmanager
def started(enter: Callable[[], Run]) -> Iterator[Contestant]:
    """Start a process that calls the picklable `enter`, and its result with each order."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, enter), daemon=True)
    process.start()
    theirs.close()
    try:
        _answer(ours)
        yield Contestant(psutil.Process(process.pid), ours)
    finally:
        process.kill()
        process.join()
        ours.close()


def run_in_own_process(compute: Callable[[], Result]) -> Result:
    """Run a picklable function in a process that then ends, with all memory that it took, a device's too."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as passing:
        return passing.submit(compute).result()


def _serve(pipe: Connection, enter: Callable[[], Run]) -> None:
    """Report to the other process what entering raised, then what each round returned or raised."""
    try:
        run = enter()
    except Exception as error:
        pipe.send(error)
        return
    pipe.send(0.0)
    while True:
        order: Sequence[Any] = pipe.recv()
        pipe.send(_tried(partial(run, *order)))


def _tried(call: Callable[[], float]) -> float | Exception:
    try:
        return call()
    except Exception as error:
        return error


def _answer(pipe: Connection) -> float:
    try:
        result: float | Exception = pipe.recv()
    except EOFError as error:
        raise ModelError("a contender's process ended; see what it printed") from error
    if isinstance(result, Exception):
        raise result
    return result
