"""Draws a soak: memory and handles of our processes, latency by minute, and what the files take."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from inspector.lab.chaos.processes import MIB
from inspector.lab.soak.run import SoakRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_soak(figure: Figure, record: SoakRecord, document: dict[str, Any]) -> None:
    """Draw the samples of a run into four charts."""
    figure.set_size_inches(11.0, 7.0)
    memory, handles, latency, files = figure.subplots(2, 2).flat
    _by_process(memory, record, "memory_mib", "memory of each process, change in MiB")
    _by_process(handles, record, "handles", "open handles, change")
    minutes = document["latency"]["by_minute"]
    for name in ("p50_ms", "p99_ms"):
        latency.plot([row["minute"] for row in minutes], [row[name] for row in minutes], marker=".", label=name)
    _label(latency, "latency from frame to verdict, ms")
    at = [each.at_s / 60.0 for each in record.sizes]
    files.plot(at, [each.database / MIB for each in record.sizes], label="database")
    files.plot(at, [each.evidence / MIB for each in record.sizes], label="pictures")
    files.plot(at, [each.logs.total / MIB for each in record.sizes], label="logs")
    _label(files, "files, MiB")


def _by_process(axes: Axes, record: SoakRecord, measure: str, title: str) -> None:
    """Draw how a measure of our processes changed since its first sample."""
    lines: dict[tuple[str, int], list[tuple[float, float]]] = defaultdict(list)
    for each in record.processes:
        if each.is_own:
            lines[each.name, each.pid].append((each.at_s / 60.0, float(getattr(each, measure))))
    for (name, _), points in lines.items():
        first = points[0][1]
        axes.plot([at for at, _ in points], [value - first for _, value in points], label=name)
    _label(axes, title)


def _label(axes: Axes, title: str) -> None:
    axes.set_title(title)
    axes.set_xlabel("minutes")
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
