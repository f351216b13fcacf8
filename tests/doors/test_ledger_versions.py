"""Versions of declarations: a new one only when something changed, and none is ever lost."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from fakes import a_pipeline

from inspector.errors import LedgerError
from inspector.ledger import Declaration, NewVersion, SqlArchive, store_versions, upgrade
from inspector.ports import PipelineVersion

SHA = "a" * 64


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "ledger.db"
    upgrade(f"sqlite:///{file}")
    return file


def stored(file: Path, *declarations: Declaration) -> list[NewVersion]:
    return store_versions(f"sqlite:///{file}", declarations)


def newest(file: Path) -> list[PipelineVersion]:
    archive = SqlArchive(f"sqlite:///{file}")
    try:
        return archive.list_pipelines()
    finally:
        archive.close()


def test_first_version_of_a_line_is_1(file: Path) -> None:
    assert stored(file, Declaration(a_pipeline("pcb"), ()), Declaration(a_pipeline("casting"), (SHA,))) == [
        NewVersion("pcb", 1),
        NewVersion("casting", 1),
    ]
    assert newest(file) == [
        PipelineVersion(a_pipeline("casting"), 1, (SHA,)),
        PipelineVersion(a_pipeline("pcb"), 1, ()),
    ]


def test_unchanged_pipeline_makes_no_version(file: Path) -> None:
    stored(file, Declaration(a_pipeline(), (SHA,), "ann", "# first text"))
    assert stored(file, Declaration(a_pipeline(), (SHA,), "bob", "# other words, same meaning")) == []


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(Declaration(a_pipeline(deadline_ms=900), (SHA,)), id="a setting"),
        pytest.param(Declaration(a_pipeline(), ("b" * 64,)), id="the bytes of a golden sample"),
        pytest.param(Declaration(a_pipeline(), ()), id="a golden sample less"),
        pytest.param(
            Declaration(a_pipeline(defects={"short": "critical", "scratch": "major"}), (SHA,)),
            id="the order in which the model reads the defects",
        ),
    ],
)
def test_changed_content_makes_the_next_version(file: Path, changed: Declaration) -> None:
    stored(file, Declaration(a_pipeline(), (SHA,)), Declaration(a_pipeline("casting"), ()))
    assert stored(file, changed, Declaration(a_pipeline("casting"), ())) == [NewVersion("pcb", 2)]
    assert newest(file)[1] == PipelineVersion(changed.pipeline, 2, changed.golden)


def test_going_back_to_an_earlier_declaration_is_a_new_version(file: Path) -> None:
    before, after = Declaration(a_pipeline(), ()), Declaration(a_pipeline(product="boards"), ())
    assert [stored(file, each)[0].version for each in (before, after, before)] == [1, 2, 3]


def test_author_and_text_are_kept_with_every_version(file: Path) -> None:
    stored(file, Declaration(a_pipeline(), (), "ann", "line: pcb  # as of Monday"))
    stored(file, Declaration(a_pipeline(deadline_ms=900), (), "bob", "line: pcb  # faster"))
    with closing(sqlite3.connect(file)) as connection:
        kept = connection.execute("SELECT version, author, source FROM pipeline_versions ORDER BY version").fetchall()
    assert kept == [(1, "ann", "line: pcb  # as of Monday"), (2, "bob", "line: pcb  # faster")]


def test_version_of_another_grammar_is_named_and_can_be_applied_again(file: Path) -> None:
    stored(file, Declaration(a_pipeline(), ()))
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute('UPDATE pipeline_versions SET declaration = \'{"line": "pcb", "old": 1}\'')
    with pytest.raises(LedgerError, match="version 1 of line pcb was stored under another grammar; apply"):
        newest(file)
    assert stored(file, Declaration(a_pipeline(), ())) == [NewVersion("pcb", 2)]
    assert newest(file) == [PipelineVersion(a_pipeline(), 2, ())]


def test_versions_that_can_not_all_be_stored_are_none_of_them_stored(file: Path) -> None:
    twice = Declaration(a_pipeline("pcb", deadline_ms=700), ())
    with pytest.raises(LedgerError, match="the pipelines can't be stored: UNIQUE"):
        stored(file, Declaration(a_pipeline("casting"), ()), Declaration(a_pipeline("pcb"), ()), twice)
    assert newest(file) == []
