"""Print results: tables on a terminal, JSON documents for scripts, text from outside escaped."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any

from rich.console import Console

if TYPE_CHECKING:
    from inspector.adapters.mqtt.line_client import Journey


screen = Console(stderr=True)


def watch_lines(title: str, as_json: bool) -> Callable[[Callable[[], list[Journey]]], AbstractContextManager[None]]:
    from inspector.cli.tables.live import live_table
    from inspector.operations.replay import no_progress_view

    return no_progress_view if as_json or not screen.is_terminal else partial(live_table, screen, title=title)


def show_figures(result: dict[str, Any], as_json: bool) -> None:
    from inspector.cli.tables.live import summary

    if as_json:
        print_json(result)
    else:
        Console().print(summary(result))


def say(text: str) -> None:
    screen.print(escaped(text), highlight=False)


def print_json(document: Any) -> None:
    sys.stdout.write(json.dumps(document, indent=2, default=str) + "\n")


def escaped(value: object) -> str:
    """Text from outside must not become markup."""
    from rich.markup import escape

    return escape(str(value))
