"""The project's documents, and the commands and YAML that stand in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from support.paths import ROOT

FENCE: Final = re.compile(r"^```(\w+)\n(.*?)^```", re.S | re.M)
LINE_BREAK: Final = re.compile(r"\\\n\s*")


class Block(NamedTuple):
    """One fenced block of a document. `row` is the line of its first line."""

    document: Path
    row: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.document.relative_to(ROOT)}:{self.row}"


class Command(NamedTuple):
    """One command line of a document."""

    block: Block
    text: str

    def __str__(self) -> str:
        return f"{self.block.document.relative_to(ROOT)}: {self.text}"


def documents() -> list[Path]:
    """Every document of the project, the embedded model's page included."""
    top = [*ROOT.glob("*.md"), ROOT / "models" / "demo" / "README.md"]
    return sorted(top) + sorted((ROOT / "docs").rglob("*.md"))


def blocks(*languages: str) -> list[Block]:
    return [block for document in documents() for block in _blocks_of(document) if block.language in languages]


def commands(program: str) -> list[Command]:
    """The lines of shell blocks that call this program."""
    return [
        Command(block, line)
        for block in blocks("bash", "sh")
        for line in map(str.strip, LINE_BREAK.sub(" ", block.text).splitlines())
        if line.startswith(f"{program} ")
    ]


def _blocks_of(document: Path) -> Iterator[Block]:
    text = document.read_text()
    for fence in FENCE.finditer(text):
        yield Block(document, text.count("\n", 0, fence.start()) + 2, fence[1], fence[2])
