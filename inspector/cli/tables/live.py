"""The live table of lines in operation: counts per line and the newest verdicts."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from inspector.adapters.mqtt.line_client import Journey
from inspector.cli.output import stderr_console
from inspector.cli.tables.figures import cell
from inspector.domain.declared import Disposition
from inspector.operations.replay import ProgressView, no_progress_view
from inspector.operations.run_statistics import run_statistics

COLOURS: Final = {Disposition.PASS: "green", Disposition.REVIEW: "yellow", Disposition.REJECT: "red"}
MAX_VERDICTS_SHOWN: Final = 8
REFRESH_INTERVAL_S: Final = 0.5
LABELS: Final = {True: "NG", False: "OK", None: ""}


def live_view(title: str, as_json: bool) -> ProgressView:
    """The live table, or nothing where standard error is no terminal or JSON is wanted."""
    if as_json or not stderr_console.is_terminal:
        return no_progress_view
    return partial(live_table, stderr_console, title=title)


@contextmanager
def live_table(console: Console, journeys: Callable[[], list[Journey]], title: str) -> Iterator[None]:
    """Show verdicts, latency, votes and losses while the block runs."""
    stop = threading.Event()

    def refresh(live: Live) -> None:
        while not stop.wait(REFRESH_INTERVAL_S):
            live.update(_tables(journeys(), title))

    with Live(_tables([], title), console=console, auto_refresh=True, transient=False) as live:
        refresher = threading.Thread(target=refresh, args=(live,), daemon=True)
        refresher.start()
        try:
            yield
        finally:
            stop.set()
            refresher.join()
            live.update(_tables(journeys(), title))


def _tables(journeys: list[Journey], title: str) -> Group:
    return Group(Text(f"{title}; latency in ms", style="bold"), _lines_table(journeys), _verdicts_table(journeys))


def _lines_table(journeys: list[Journey]) -> Table:
    dispositions = (Disposition.PASS, Disposition.REVIEW, Disposition.REJECT)
    table = _empty_table(
        "line", "verdicts", "waiting", *dispositions, "p50", "p99", "votes", "escapes", "overkill", "late"
    )
    by_line = attrgetter("line")
    for line, group in groupby(sorted(journeys, key=by_line), key=by_line):
        statistics = run_statistics(list(group))
        counts, latency = Counter(statistics["dispositions"]), statistics["latency_ms"]
        values = (
            statistics["verdicts"],
            statistics["lost"],
            *(counts[disposition] for disposition in dispositions),
            latency["p50"],
            latency["p99"],
            *(statistics[name] for name in ("votes_mean", "escapes", "overkill", "late")),
        )
        table.add_row(line, *map(cell, values))
    return table


def _verdicts_table(journeys: list[Journey]) -> Table:
    """The newest verdicts, newest first."""
    table = _empty_table("trigger_id", "verdict", "disposition", "reason", "p_ng", "votes", "ms", "label")
    answered = [journey for journey in journeys if journey.verdicts][-MAX_VERDICTS_SHOWN:]
    for journey in reversed(answered):
        received_s, verdict = journey.verdicts[0]
        table.add_row(
            verdict.trigger_id,
            verdict.verdict,
            Text(verdict.disposition, style=COLOURS[verdict.disposition]),
            verdict.reason,
            cell(verdict.p_ng),
            f"{verdict.votes} in {verdict.rungs}",
            f"{(received_s - journey.sent_s) * 1000.0:.0f}",
            LABELS[journey.exposure.is_ng],
        )
    return table


def _empty_table(*columns: str) -> Table:
    """A table that fits into 80 columns; its first column is truncated where space is short."""
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    for place, name in enumerate(columns):
        table.add_column(name, justify="left" if place == 0 else "right", no_wrap=True, ratio=None if place else 1)
    return table
