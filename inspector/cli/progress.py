"""Show the progress of a long command: as bars on a terminal, as lines in a file, as JSON for a program."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from inspector.operations.progress import ReportProgress

LINE_EVERY_S: Final = 20.0  # where there is no terminal: nobody takes a long silence for a hang


@contextmanager
def progress_bars(console: Console) -> Iterator[ReportProgress]:
    """Show one bar per stage, or lines where there is no terminal; yields the function that reports progress."""
    if not console.is_terminal:
        yield progress_lines(console)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bars:
        tasks: dict[str, TaskID] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done)

        yield report


def progress_lines(console: Console, clock: Callable[[], float] = time.monotonic) -> ReportProgress:
    """Return a function that prints how far a stage is: at most one line in LINE_EVERY_S, and its end."""
    shown_s = clock()

    def report(stage: str, done: int, total: int) -> None:
        nonlocal shown_s
        if done >= total or clock() - shown_s >= LINE_EVERY_S:
            shown_s = clock()
            console.print(f"{stage}: {done} of {total}", highlight=False, markup=False)

    return report


@contextmanager
def json_progress(stream: TextIO) -> Iterator[ReportProgress]:
    """Write each step as one JSON document on a line of its own."""

    def report(stage: str, done: int, total: int) -> None:
        stream.write(json.dumps({"stage": stage, "done": done, "total": total}) + "\n")
        stream.flush()

    yield report
