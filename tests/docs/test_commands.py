"""Every command in the documents is one that exists."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
import typer
from support.documents import Command, commands
from support.paths import ROOT

from inspector.cli.app import app

MAKEFILE = (ROOT / "Makefile").read_text()


@pytest.mark.parametrize("command", commands("make"), ids=str)
def test_make_target_exists(command: Command) -> None:
    assert re.search(rf"^{command.text.split()[1]}:", MAKEFILE, re.M)


@pytest.mark.parametrize("command", commands("inspector"), ids=str)
def test_command_line_parses(command: Command) -> None:
    """What the commands do is tested elsewhere."""
    parsed: Any = typer.main.get_command(app)
    words = shlex.split(command.text, comments=True)[1:]
    while hasattr(parsed, "commands"):
        parsed, words = parsed.commands[words[0]], words[1:]
    parsed.make_context(command.text, words)


def test_every_command_and_option_has_help() -> None:
    for name, command in leaf_commands(typer.main.get_command(app)):
        assert command.help, name
        silent = [each.name for each in command.params if not getattr(each, "help", None)]
        assert silent == [], name


def leaf_commands(command: Any, name: str = "inspector") -> list[tuple[str, Any]]:
    if hasattr(command, "commands"):
        return [leaf for sub, inner in command.commands.items() for leaf in leaf_commands(inner, f"{name} {sub}")]
    return [(name, command)]
