"""The live table of a running line, and the closing figures, for a terminal."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from inspector.adapters.mqtt.line_client import Journey
from inspector.domain.declared import Disposition
from inspector.operations.run_statistics import run_statistics

COLOURS = {Disposition.PASS: "green", Disposition.REVIEW: "yellow", Disposition.REJECT: "red"}
NEWEST = 8
REFRESH_S = 0.5


@contextmanager
def live_table(screen: Console, journeys: Callable[[], list[Journey]], title: str) -> Iterator[None]:
    """Shows verdicts, latency, votes and losses while the block runs."""
    stop = threading.Event()

    def refresh(live: Live) -> None:
        while not stop.wait(REFRESH_S):
            live.update(_picture(journeys(), title))

    with Live(_picture([], title), console=screen, auto_refresh=True, transient=False) as live:
        painter = threading.Thread(target=refresh, args=(live,), daemon=True)
        painter.start()
        try:
            yield
        finally:
            stop.set()
            painter.join()
            live.update(_picture(journeys(), title))


def summary(result: dict[str, Any]) -> Table:
    """The figures of a run as a table of two columns."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in result.items():
        table.add_row(name.replace("_", " "), _plain(value))
    return table


def _picture(journeys: list[Journey], title: str) -> Group:
    return Group(Text(f"{title}; latency in ms", style="bold"), _by_line(journeys), _newest(journeys))


def _plain_table(*columns: str) -> Table:
    """Fits into 80 columns; the first column gives way."""
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    for place, name in enumerate(columns):
        table.add_column(name, justify="left" if place == 0 else "right", no_wrap=True, ratio=None if place else 1)
    return table


def _by_line(journeys: list[Journey]) -> Table:
    dispositions = (Disposition.PASS, Disposition.REVIEW, Disposition.REJECT)
    table = _plain_table(
        "line", "verdicts", "waiting", *dispositions, "p50", "p99", "votes", "escapes", "overkill", "late"
    )
    for line, group in groupby(sorted(journeys, key=_line), key=_line):
        result = run_statistics(list(group))
        found, latency = Counter(result["dispositions"]), result["latency_ms"]
        told = (result["verdicts"], result["lost"], *(found[each] for each in dispositions), latency["p50"])
        more = (latency["p99"], result["votes_mean"], result["escapes"], result["overkill"], result["late"])
        table.add_row(line, *map(_plain, told + more))
    return table


def _newest(journeys: list[Journey]) -> Table:
    table = _plain_table("trigger_id", "verdict", "disposition", "reason", "p_ng", "votes", "ms", "label")
    answered = [journey for journey in journeys if journey.verdicts][-NEWEST:]
    for journey in reversed(answered):
        at, verdict = journey.verdicts[0]
        table.add_row(
            verdict.trigger_id,
            verdict.verdict,
            Text(verdict.disposition, style=COLOURS[verdict.disposition]),
            verdict.reason,
            _plain(verdict.p_ng),
            f"{verdict.votes} in {verdict.rungs}",
            f"{(at - journey.sent_s) * 1000.0:.0f}",
            {True: "NG", False: "OK", None: ""}[journey.exposure.is_ng],
        )
    return table


def _line(journey: Journey) -> str:
    return journey.line


def _plain(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 10 else f"{value:.0f}"
    if isinstance(value, dict):
        return "  ".join(f"{name} {_plain(inner)}" for name, inner in value.items()) or "-"
    if isinstance(value, list):
        return "\n".join(map(_plain, value)) or "-"
    return str(value)
