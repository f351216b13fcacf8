"""Formats the figures as the tables of a model page, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from inspector.lab.training.checkpoint_figures import CheckpointFigures

NUMBER_TYPES: Final = (float, int)


def as_markdown(figures: CheckpointFigures) -> str:
    """Return one table with the single figures, then one table per mapping."""
    named = {name: getattr(figures, name) for name in CheckpointFigures.__slots__}
    plain = {name: value for name, value in named.items() if isinstance(value, NUMBER_TYPES)}
    tables = {name: value for name, value in named.items() if isinstance(value, Mapping)}
    return "\n\n".join(_table(name, rows) for name, rows in ({"figures": plain} | tables).items())


def _table(name: str, rows: Mapping[str, float | Mapping[str, float]]) -> str:
    first = next(iter(rows.values()))
    columns = list(first) if isinstance(first, Mapping) else [""]
    head = [f"| {name.replace('_', ' ')} | {' | '.join(column.replace('_', ' ') for column in columns)} |"]
    rule = [f"|---|{'--:|' * len(columns)}"]
    return "\n".join([*head, *rule, *(_row(key, value) for key, value in rows.items())])


def _row(key: str, value: float | Mapping[str, float]) -> str:
    values = value.values() if isinstance(value, Mapping) else [value]
    return f"| {key.replace('_', ' ')} | {' | '.join(_format_figure(key, each) for each in values)} |"


def _format_figure(key: str, value: float) -> str:
    return f"{value:.0f}" if key in {"frames", "direct_ms", "report_ms"} else f"{value:.3f}"
