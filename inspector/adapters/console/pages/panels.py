"""The panels above the list: totals, latency against the deadline, shares by line. They make no queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from nicegui import ui

from inspector.adapters.console.pages import phrases
from inspector.adapters.console.pages.addresses import list_address
from inspector.adapters.console.pages.looks import DISPOSITIONS
from inspector.adapters.console.pages.shell import words
from inspector.adapters.console.schemas import PartSummary, TotalsAnswer
from inspector.domain.declared import Disposition
from inspector.ports.archive import PartFilter

PALETTE: Final = {  # readable in both themes; the shape carries the same information
    Disposition.PASS: ("#2fa36b", "circle"),
    Disposition.REVIEW: ("#d9950f", "diamond"),
    Disposition.REJECT: ("#dd4b45", "triangle"),
}
MUTED_COLOUR: Final = "#8491a3"
AXIS: Final = {"axisLabel": {"color": MUTED_COLOUR}, "axisLine": {"show": False}, "axisTick": {"show": False}}
GRID: Final = {"lineStyle": {"color": "rgba(128,140,155,.2)"}}


class Tile:
    """One figure with its name above and a remark below. `alert` marks a figure that should be zero."""

    def __init__(self, name: str, *, icon: str = "", css: str = "") -> None:
        with ui.element("div").classes(f"tile {css}") as self._tile:
            with ui.element("div").classes("tile-name"):
                if icon:
                    ui.icon(icon, size="16px").props("aria-hidden=true")
                ui.label(name)
            self._value = ui.label().classes("tile-value")
            self._remark = ui.label().classes("sub")

    def show(self, value: str, remark: str, *, alert: bool = False) -> None:
        self._value.set_text(value)
        self._remark.set_text(remark)
        self._tile.classes(add="alert" if alert else "", remove="" if alert else "alert")


class TotalsStrip:
    """The totals of all lines together."""

    def __init__(self) -> None:
        with ui.element("section").classes("tiles").props('aria-label="Totals" data-testid=totals'):
            self._parts = Tile("Parts")
            self._by = {each: Tile(each, icon=look.icon, css=look.css) for each, look in DISPOSITIONS.items()}
            self._latency = Tile("Latency p50")
            self._votes = Tile("Votes a part")
            self._lost = Tile("Frames lost")
            self._outbox = Tile("Outbox waiting")

    def show(self, totals: TotalsAnswer) -> None:
        self._parts.show(f"{totals.parts:,}", f"{totals.parts / totals.minutes:,.1f} a minute")
        for disposition, tile in self._by.items():
            parts = totals.by_disposition[disposition]
            tile.show(_share(parts, totals.parts), f"{parts:,} parts")
        p50, p99 = totals.latency_p50_ms, totals.latency_p99_ms
        self._latency.show(phrases.duration(p50), f"p99 {phrases.duration(p99)}")
        self._votes.show("–" if totals.votes_mean is None else f"{totals.votes_mean:.1f}", "mean")
        self._lost.show(f"{totals.lost:,}", "sequence gaps", alert=totals.lost > 0)
        self._outbox.show(f"{totals.outbox:,}", "to the broker", alert=totals.outbox > 100)


class LatencyChart:
    """One dot per part: decision time and latency. The dashed line is the deadline."""

    def __init__(self) -> None:
        with ui.element("section").classes("card plot"):
            words("h2", "Latency of the newest parts")
            self._chart = ui.echart(_chart_options(), renderer="svg").classes("chart")

    def show(self, parts: Sequence[PartSummary]) -> None:
        series = [_dots(parts, disposition) for disposition in PALETTE]
        series.append(_deadline(parts))
        if series != self._chart.options["series"]:
            self._chart.options["series"] = series
            self._chart.update()


class LineBars:
    """Shares of the dispositions by line; a click lists that line."""

    def __init__(self) -> None:
        with ui.element("section").classes("card").props('aria-label="Lines"'):
            words("h2", "Lines")
            self._rows = ui.element("div").classes("lines")
        self._shown: dict[str, dict[Disposition, int]] | None = None

    def show(self, totals: TotalsAnswer) -> None:
        lines = _by_line(totals)
        if lines == self._shown:
            return
        self._shown = lines
        self._rows.clear()
        with self._rows:
            for line, counts in lines.items():
                _line_row(line, counts)
            if not lines:
                ui.label("no parts in this time").classes("muted")


def _line_row(line: str, counts: dict[Disposition, int]) -> None:
    spoken = ", ".join(f"{each} {parts}" for each, parts in counts.items())
    with ui.element("div").classes("line-row"):
        with ui.element("div"):
            ui.link(line, list_address(PartFilter(line=line))).classes("free-text")
            ui.label(f"{sum(counts.values()):,} parts").classes("muted number")
        with ui.element("div").classes("stack").props(f'role=img aria-label="{spoken}" title="{spoken}"'):
            for each, parts in counts.items():
                ui.element("i").classes(DISPOSITIONS[each].css).style(f"flex-grow: {parts}")


def _by_line(totals: TotalsAnswer) -> dict[str, dict[Disposition, int]]:
    lines: dict[str, dict[Disposition, int]] = {}
    for count in totals.counts:
        counts = lines.setdefault(count.line, dict.fromkeys(DISPOSITIONS, 0))
        counts[count.disposition] += count.parts
    return lines


def _share(parts: int, of: int) -> str:
    return f"{parts / of:.1%}" if of else "–"


def _dots(parts: Sequence[PartSummary], disposition: Disposition) -> dict[str, Any]:
    colour, symbol = PALETTE[disposition]
    mine = [part.verdict for part in parts if part.verdict.disposition is disposition]
    dots = [[verdict.decided_at.timestamp() * 1000.0, verdict.latency_ms] for verdict in mine]
    style = {"itemStyle": {"color": colour, "opacity": 0.85}, "symbol": symbol, "symbolSize": 8}
    return {"type": "scatter", "name": str(disposition), "data": dots, **style}


def _deadline(parts: Sequence[PartSummary]) -> dict[str, Any]:
    steps = [[part.verdict.decided_at.timestamp() * 1000.0, part.verdict.deadline_ms] for part in parts]
    style = {"lineStyle": {"type": "dashed", "width": 1.5, "color": MUTED_COLOUR}, "itemStyle": {"color": MUTED_COLOUR}}
    return {"type": "line", "name": "deadline", "data": steps[::-1], "step": "middle", "symbol": "none", **style}


def _chart_options() -> dict[str, Any]:
    return {
        "animation": False,
        "grid": {"left": 4, "right": 28, "top": 30, "bottom": 2, "containLabel": True},
        "legend": {"top": 0, "right": 0, "itemHeight": 9, "itemWidth": 14, "textStyle": {"color": MUTED_COLOUR}},
        "tooltip": {"renderMode": "richText"},
        "xAxis": {"type": "time", "splitNumber": 6, "splitLine": {"show": False}, **AXIS},
        "yAxis": {"type": "value", "name": "ms", "nameTextStyle": {"color": MUTED_COLOUR}, "splitLine": GRID, **AXIS},
        "series": [],
    }
