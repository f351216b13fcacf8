"""The table of a command's figures."""

from __future__ import annotations

import io

from rich.console import Console

from inspector.cli.tables.figures import figures_table


def test_rows_are_aligned_and_missing_values_are_dashes() -> None:
    output = io.StringIO()
    rows = [{"asks": 1, "engine_s": 1.0684}, {"asks": 9, "engine_s": 12.5}]
    Console(file=output, width=60).print(figures_table({"direct": rows, "text_alone": []}))
    lines = [line.split() for line in output.getvalue().splitlines()]
    assert lines == [
        ["direct", "asks", "1", "engine_s", "1.07"],
        ["asks", "9", "engine_s", "12"],
        ["text", "alone", "-"],
    ]
