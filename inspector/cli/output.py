"""Print results to standard output, status and errors to standard error. Text from outside is escaped."""

from __future__ import annotations

import json
import sys
from typing import Any, Final, TextIO

from rich.console import Console, RenderableType
from rich.markup import escape

from inspector.cli.tables.figures import figures_table
from inspector.secret_texts import document_without_secrets, without_secrets

stderr_console: Final = Console(stderr=True)


def print_table(table: RenderableType) -> None:
    Console().print(table)


def print_json(document: Any, stream: TextIO | None = None) -> None:
    stream = stream or sys.stdout
    stream.write(json.dumps(document_without_secrets(document), indent=2, default=str) + "\n")
    stream.flush()


def print_figures(figures: dict[str, Any], as_json: bool) -> None:
    """Print named figures as one JSON document, or as a table of two columns."""
    if as_json:
        print_json(figures)
    else:
        print_table(figures_table(figures))


def print_status(text: str) -> None:
    stderr_console.print(escaped(text), highlight=False)


def print_error(text: str) -> None:
    stderr_console.print(f"[bold red]error:[/] {escaped(text)}", soft_wrap=True)


def escaped(value: object) -> str:
    """Escape text from outside, so that it cannot become markup."""
    return escape(without_secrets(str(value)))
