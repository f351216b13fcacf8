"""Contenders, each in a process of its own: neither the threads nor the freed memory of one can slow another's lap.
Knows processes; what is run there comes from `entrants.py`."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import psutil

from inspector.errors import ModelError
from inspector.lab.benchmarks.measurement import Lap, timed

Run = Callable[..., object]


@dataclass(frozen=True, slots=True)
class Contender:
    """A process that has loaded what it needs."""

    process: psutil.Process
    pipe: Connection

    def lap(self, parts: int, *order: Any) -> Lap:
        """One lap of so many parts. Raises what it raised there, and ModelError where the process ended."""
        return timed(lambda: _answer(self._exchange(order)), parts, self.process)

    def _exchange(self, order: Sequence[Any]) -> object:
        self.pipe.send(order)
        return _received(self.pipe)


@contextmanager
def started(enter: Callable[[], Run]) -> Iterator[Contender]:
    """Calls `enter`, which can be pickled, in a new process, and there what it returns with each lap's order."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, enter), daemon=True)
    process.start()
    theirs.close()
    try:
        _answer(_received(ours))
        yield Contender(psutil.Process(process.pid), ours)
    finally:
        process.kill()
        process.join()
        ours.close()


def _serve(pipe: Connection, enter: Callable[[], Run]) -> None:
    run = _tried(pipe, enter)
    while run is not None:
        order: Sequence[Any] = pipe.recv()
        _tried(pipe, partial(run, *order))


def _tried(pipe: Connection, call: Callable[[], Any]) -> Any:
    """What it returns; whether it raised is told to the other side."""
    try:
        result = call()
    except Exception as error:
        pipe.send(error)
        return None
    pipe.send(None)
    return result


def _received(pipe: Connection) -> object:
    try:
        return pipe.recv()
    except EOFError as error:
        raise ModelError("a contender's process ended; see what it printed") from error


def _answer(told: object) -> None:
    if isinstance(told, Exception):
        raise told
