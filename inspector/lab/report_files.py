"""Write a report: texts, JSON documents and charts in one folder."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inspector.errors import InspectorError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ReportFiles = Mapping[str, str | Callable[["Figure"], None]]  # by file name: a text, or the function that draws a chart


def write_report(report: ReportFiles, folder: Path) -> list[Path]:
    """Write all files of a report and return their paths. Raises InspectorError if the folder is not writable."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in report.items():
            if isinstance(content, str):
                (folder / name).write_text(content, encoding="utf-8")
            else:
                _print_chart(content, folder / name)
    except OSError as error:
        raise InspectorError(f"{folder} can't be written: {error}; name another folder with --out") from error
    return [folder / name for name in report]


def json_text(document: Any) -> str:
    return json.dumps(document, indent=2) + "\n"


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table whose first column is text and whose others are numbers."""
    lines = [columns, ["---", *["--:"] * (len(columns) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _print_chart(draw: Callable[[Figure], None], path: Path) -> None:
    """Print a chart as PNG; the file appears once it is complete."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(layout="constrained")
    draw(figure)
    draft = path.with_name(f".{path.name}.new.png")
    FigureCanvasAgg(figure).print_png(draft)
    os.replace(draft, path)
