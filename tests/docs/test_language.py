"""Phrases that only insiders understand stay out of the code and the documents."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from support.documents import documents
from support.paths import ROOT

PHRASES: Final = {
    r"\btold\b": "say who reports, publishes or prints what",
    r"\bheard\b|\bhears?\b|\bhearing\b": "received, reported, or the noun",
    r"\blet go\b|\blets? .{1,20} go\b": "released, dropped or acknowledged",
    r"\b(earlier|next|last) (life|lives)\b": "a previous run, the next run",
    r"\bbeside\b": "next to, in addition to, or compared with",
    r"\bwhoever\b": "name the person or component",
    r"\bway home\b|\bway back\b": "the time reserved for storing and publishing; the reply",
    r"\b(station's|line's|one's) (ear|pen|voice|lookout)\b|\bthe (ear|pen|voice) (of|for)\b": "name the component",
}
DECLARATIONS: Final = sorted(path for room in ("pipelines", "models", "k8s") for path in (ROOT / room).glob("*.yaml"))
SOURCES: Final = sorted((ROOT / "inspector").rglob("*.py"))
TEXTS: Final = (tokenize.STRING, tokenize.COMMENT, *filter(None, (getattr(tokenize, "FSTRING_MIDDLE", None),)))


def texts(source: Path) -> Iterator[tuple[int, str]]:
    """The lines of comments, docstrings and other strings, with their numbers."""
    for token in tokenize.generate_tokens(io.StringIO(source.read_text()).readline):
        if token.type in TEXTS:
            yield from enumerate(token.string.splitlines(), start=token.start[0])


def faults(file: Path, lines: Iterator[tuple[int, str]]) -> list[str]:
    name = str(file.relative_to(ROOT))
    return [
        f"{name}:{row}: {match[0]!r}; instead: {advice}"
        for row, line in lines
        for phrase, advice in PHRASES.items()
        if (match := re.search(phrase, line, re.I))
    ]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_code_uses_plain_words(source: Path) -> None:
    found = faults(source, texts(source))
    assert found == [], "\n" + "\n".join(found)


@pytest.mark.parametrize("file", DECLARATIONS, ids=lambda path: str(path.relative_to(ROOT)))
def test_declarations_use_plain_words(file: Path) -> None:
    found = faults(file, enumerate(file.read_text().splitlines(), start=1))
    assert found == [], "\n" + "\n".join(found)


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_documents_use_plain_words(document: Path) -> None:
    found = faults(document, enumerate(document.read_text().splitlines(), start=1))
    assert found == [], "\n" + "\n".join(found)
