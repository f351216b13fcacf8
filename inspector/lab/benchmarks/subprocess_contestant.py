"""Contestants in processes of their own: neither threads nor freed memory of one can slow another.

Knows processes; `contestants.py` runs in them.
"""

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
from inspector.lab.benchmarks.measurement import Measurement, timed

Run = Callable[..., object]


@dataclass(frozen=True, slots=True)
class Contestant:
    """A process that has loaded its contestant."""

    process: psutil.Process
    pipe: Connection

    def lap(self, parts: int, *order: Any) -> Measurement:
        """Run one round over the parts. Raises what the contestant raised, or ModelError if the process ended."""
        return timed(lambda: _answer(self._exchange(order)), parts, self.process)

    def _exchange(self, order: Sequence[Any]) -> object:
        self.pipe.send(order)
        return _received(self.pipe)


@contextmanager
def started(enter: Callable[[], Run]) -> Iterator[Contestant]:
    """Start a process that calls the picklable `enter`, and its result with each order."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, enter), daemon=True)
    process.start()
    theirs.close()
    try:
        _answer(_received(ours))
        yield Contestant(psutil.Process(process.pid), ours)
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
    """Return the result; report an exception to the other process."""
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


def _answer(result: object) -> None:
    if isinstance(result, Exception):
        raise result
