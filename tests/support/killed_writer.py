"""A writer that is killed by SIGKILL before each of its statements and commits in turn, and what it leaves."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Engine, event, select
from support.databases import connected

from inspector.adapters.ledger.tables import metadata

MAX_STEPS = 200  # statements and commits of one write
LINE_TABLES = (
    "audit", "camera_states", "challenge_judgements", "challenge_parts", "challenge_votes", "drafts", "line_states",
    "outbox", "pass_rights", "pipeline_versions", "qualifications",
)  # fmt: skip
Tables = dict[str, list[tuple[Any, ...]]]
Write = Callable[[str], object]


def killed_at_each_step(url: str, write: Write) -> Iterator[set[str]]:
    """Yield the tables of lines that differ after the writer was killed before its first step, its second, and so on.

    The last time it ends by itself.
    """
    before = _tables(url)
    for step in range(MAX_STEPS):
        was_killed = _write(url, write, step)
        after = _tables(url)
        yield {name for name, rows in after.items() if rows != before[name]}
        if not was_killed:
            return
    raise AssertionError(f"the writer took more than {MAX_STEPS} steps")


def _write(url: str, write: Write, step: int) -> bool:
    """Write in a process of its own; return whether it was killed."""
    child = os.fork()
    if child == 0:
        os._exit(_as_child(url, write, step))
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, "the write failed"
    return False


def _as_child(url: str, write: Write, step: int) -> int:
    left = [step]

    def count(*_: object) -> None:
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1

    event.listen(Engine, "before_cursor_execute", count)
    event.listen(Engine, "commit", count)
    try:
        write(url)
    except BaseException as error:  # whatever it is, the parent tells it
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
        return 1
    return 0


def _tables(url: str) -> Tables:
    with connected(url) as connection:
        return {
            name: sorted((tuple(row) for row in connection.execute(select(metadata.tables[name]))), key=repr)
            for name in LINE_TABLES
        }
