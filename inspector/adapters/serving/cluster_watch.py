"""Notices that Ray is gone: without it Serve replaces nothing, and the service only looks as if it ran."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import psutil

from inspector.errors import ClusterLostError

log = logging.getLogger(__name__)

CORE_PROCESSES: Final = ("gcs_server", "raylet")
POLL_S: Final = 0.5
QUESTION_PERIOD_S: Final = 5.0
ANSWER_TIMEOUT_S: Final = 60.0  # Ray notices a dead node after up to 27 s, then starts Serve's controller again


def core_processes() -> dict[str, psutil.Process]:
    """Return the processes of a private Ray without which nothing works, by name."""
    return {each.name(): each for each in psutil.Process().children() if each.name() in CORE_PROCESSES}


class ClusterWatch:
    """Watches Ray's own processes, and asks the cluster a question that only a working one answers.

    `question` may block or raise. It raises ClusterLostError where waiting does not help.
    """

    def __init__(self, processes: dict[str, psutil.Process], question: Callable[[], object]) -> None:
        self._processes = processes
        self._question = question
        self._answered_s = time.monotonic()
        self._loss = ""
        self._stop = threading.Event()

    @property
    def loss(self) -> str:
        """What was lost; empty while the cluster works."""
        return self._loss

    @contextmanager
    def running(self) -> Iterator[None]:
        """Interrupt the block as Ctrl-C does when the cluster is lost. Its end then raises ClusterLostError."""
        for target in (self._watch, self._ask):
            threading.Thread(target=target, name="cluster-watch", daemon=True).start()
        try:
            yield
        except KeyboardInterrupt:
            if not self._loss:
                raise
        finally:
            self._stop.set()
        if self._loss:
            raise ClusterLostError(f"{self._loss}; the service ends, so that its supervisor starts it again")

    def _watch(self) -> None:
        while not self._stop.wait(POLL_S):
            if loss := self._ended_process() or self._silence():
                self._report(loss)
                return

    def _ask(self) -> None:
        while not self._stop.wait(QUESTION_PERIOD_S):
            try:
                self._question()
            except ClusterLostError as error:
                self._report(str(error))
            except Exception as error:
                log.warning("the Ray cluster did not answer: %s", error)
            else:
                self._answered_s = time.monotonic()

    def _report(self, loss: str) -> None:
        if self._stop.is_set():
            return
        self._loss = loss
        log.error("%s", loss)
        signal.pthread_kill(_main_thread(), signal.SIGINT)  # wakes a main thread that sleeps

    def _ended_process(self) -> str:
        ended = [f"{name} (process {each.pid})" for name, each in self._processes.items() if has_ended(each)]
        return f"Ray's {' and '.join(ended)} died" if ended else ""

    def _silence(self) -> str:
        silent_s = time.monotonic() - self._answered_s
        return f"the Ray cluster has not answered for {silent_s:.0f} s" if silent_s > ANSWER_TIMEOUT_S else ""


def has_ended(process: psutil.Process) -> bool:
    """Whether a process has ended, waited for by its parent or not."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def end_processes(processes: Sequence[psutil.Process]) -> None:
    """Kill what still runs of these processes."""
    for each in processes:
        try:
            each.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(processes, timeout=POLL_S)


def _main_thread() -> int:
    identity = threading.main_thread().ident
    assert identity is not None
    return identity
