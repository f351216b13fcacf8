"""README.md stays short, and shows what the project promises to show."""

from __future__ import annotations

from typing import Final

from support.documents import commands
from support.paths import ROOT

README: Final = ROOT / "README.md"
MAX_LINES: Final = 150


def test_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= MAX_LINES


def test_readme_shows_the_two_commands() -> None:
    shown = {command.text.split("#")[0].strip() for command in commands("make") if command.block.document == README}
    assert shown == {"make demo", "make test"}


def test_top_level_is_as_designed() -> None:
    for name in (
        "pyproject.toml",
        "inspector",
        "pipelines",
        "models",
        "tests",
        "docs",
        "Makefile",
        "constraints.txt",
        "LICENSE",
    ):
        assert (ROOT / name).exists(), name
