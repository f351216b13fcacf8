"""README.md says what is there, and what it says works."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
import typer
from support.paths import ROOT

from inspector.cli.app import app

README = (ROOT / "README.md").read_text()
COMMANDS = [
    line.split("#")[0].strip()
    for block in re.findall(r"```bash\n(.*?)```", README, re.S)
    for line in block.splitlines()
]


def tree() -> str:
    return README.split("```text\n")[1].split("```")[0]


def test_tree_names_every_module() -> None:
    words = set(re.findall(r"[a-z_]+", tree()))
    missing = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "inspector").rglob("*.py")
        if path.stem != "__init__" and "migrations" not in path.parts and path.stem not in words
    ]
    assert missing == []


def test_tree_names_nothing_that_is_gone() -> None:
    named = re.findall(r"^    (\w+)/  ", tree(), re.M)
    assert [name for name in named if not (ROOT / "inspector" / name).is_dir()] == []


def test_top_level_is_as_designed() -> None:
    for name in (
        "pyproject.toml",
        "inspector",
        "pipelines",
        "models",
        "tests",
        "Makefile",
        "constraints.txt",
        "LICENSE",
    ):
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("line", [line for line in COMMANDS if line.startswith("make ")])
def test_make_target_exists(line: str) -> None:
    assert re.search(rf"^{line.split()[1]}:", (ROOT / "Makefile").read_text(), re.M)


@pytest.mark.parametrize("line", [line for line in COMMANDS if line.startswith("inspector ")])
def test_command_is_understood(line: str) -> None:
    """Every command line of the README parses; what the commands do is tested elsewhere."""
    command: Any = typer.main.get_command(app)
    words = shlex.split(line)[1:]
    while hasattr(command, "commands"):
        command, words = command.commands[words[0]], words[1:]
    command.make_context(line, words)


def test_every_command_teaches() -> None:
    """Every command and every option says what it is for."""
    for name, command in commands(typer.main.get_command(app)):
        assert command.help, name
        silent = [each.name for each in command.params if not getattr(each, "help", None)]
        assert silent == [], name


def commands(command: Any, name: str = "inspector") -> list[tuple[str, Any]]:
    if hasattr(command, "commands"):
        return [found for sub, inner in command.commands.items() for found in commands(inner, f"{name} {sub}")]
    return [(name, command)]
