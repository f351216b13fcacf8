"""README.md stays short, and shows what the project promises to show."""

from __future__ import annotations

from typing import Final

from support.documents import commands
from support.paths import ROOT

README: Final = ROOT / "README.md"
MAX_LINES: Final = 150
MAX_PICTURE_BYTES: Final = 300_000


def test_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= MAX_LINES


def test_readme_shows_the_two_commands() -> None:
    shown = {command.text.split("#")[0].strip() for command in commands("make") if command.block.document == README}
    assert shown == {"make demo", "make test"}


def test_readme_shows_a_screenshot_and_a_frames_way() -> None:
    text = README.read_text()
    assert "](docs/images/part.png)" in text
    assert (ROOT / "docs" / "images" / "part.png").stat().st_size < MAX_PICTURE_BYTES
    assert "```mermaid\nflowchart" in text


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
