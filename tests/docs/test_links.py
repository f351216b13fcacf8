"""Every file that a document names exists, and every link leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest
from support.documents import documents
from support.paths import ROOT

PATHS: Final = re.compile(r"`((?:inspector|tests|docs|pipelines|models|k8s)/[\w./\-]*)`")
EXAMPLES: Final = re.compile(r"inspector/v1/|pipelines/mugs|models/my-")  # topics, and files that a reader writes
LINKS: Final = re.compile(r"\]\(([^)#\s]+)(?:#([^)\s]+))?\)|\]\(#([^)\s]+)\)")


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_named_in_a_document_exists(document: Path) -> None:
    text = document.read_text()
    assert [path for path in PATHS.findall(text) if not EXAMPLES.match(path) and not (ROOT / path).exists()] == []


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    page = document
    broken = [
        f"{target}#{anchor or own}"
        for target, anchor, own in LINKS.findall(page.read_text())
        if not target.startswith(("http:", "https:"))
        and not _leads(page.parent / target if target else page, anchor or own)
    ]
    assert broken == []


def _leads(path: Path, anchor: str) -> bool:
    if not path.exists():
        return False
    return not anchor or anchor in {_anchor(title) for title in re.findall(r"^#+ (.+)$", path.read_text(), re.M)}


def _anchor(title: str) -> str:
    """The name that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def test_every_document_can_be_found_from_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text() + (ROOT / "docs" / "decisions" / "README.md").read_text()
    index += (ROOT / "docs" / "benchmarks" / "README.md").read_text()
    hidden = [page for page in (ROOT / "docs").rglob("*.md") if page.name != "README.md" and page.name not in index]
    assert hidden == []
