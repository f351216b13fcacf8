"""Versions of declarations: a new one only when something changed, and none is ever lost."""

from __future__ import annotations

import json

import pytest
from support.databases import execute, fetch
from support.fakes import a_pipeline, new_version

from inspector.adapters.ledger import DeclaredVersion, NewVersion, SqlArchive, store_versions
from inspector.errors import LedgerError
from inspector.ports.ledger import PipelineVersion

SHA = "a" * 64


def stored(database: str, *declarations: DeclaredVersion) -> list[NewVersion]:
    return store_versions(database, declarations)


def newest(database: str) -> list[PipelineVersion]:
    archive = SqlArchive(database)
    try:
        return archive.list_pipelines()
    finally:
        archive.close()


def test_first_version_of_a_line_is_1(database: str) -> None:
    assert stored(database, DeclaredVersion(a_pipeline("pcb"), ()), DeclaredVersion(a_pipeline("casting"), (SHA,))) == [
        NewVersion("pcb", 1),
        NewVersion("casting", 1),
    ]
    assert newest(database) == [
        new_version(a_pipeline("casting"), 1, (SHA,)),
        new_version(a_pipeline("pcb"), 1, ()),
    ]


def test_unchanged_pipeline_makes_no_version(database: str) -> None:
    stored(database, DeclaredVersion(a_pipeline(), (SHA,), "ann", "# first text"))
    assert stored(database, DeclaredVersion(a_pipeline(), (SHA,), "bob", "# other words, same meaning")) == []


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(DeclaredVersion(a_pipeline(deadline_ms=900), (SHA,)), id="a setting"),
        pytest.param(DeclaredVersion(a_pipeline(), ("b" * 64,)), id="the bytes of a golden sample"),
        pytest.param(DeclaredVersion(a_pipeline(), ()), id="a golden sample less"),
        pytest.param(
            DeclaredVersion(a_pipeline(defects={"short": "critical", "scratch": "major"}), (SHA,)),
            id="the order in which the model reads the defects",
        ),
    ],
)
def test_changed_content_makes_the_next_version(database: str, changed: DeclaredVersion) -> None:
    stored(database, DeclaredVersion(a_pipeline(), (SHA,)), DeclaredVersion(a_pipeline("casting"), ()))
    assert stored(database, changed, DeclaredVersion(a_pipeline("casting"), ())) == [NewVersion("pcb", 2)]
    assert newest(database)[1] == new_version(changed.pipeline, 2, changed.golden)


def test_going_back_to_an_earlier_declaration_is_a_new_version(database: str) -> None:
    before, after = DeclaredVersion(a_pipeline(), ()), DeclaredVersion(a_pipeline(product="boards"), ())
    assert [stored(database, each)[0].version for each in (before, after, before)] == [1, 2, 3]


def test_author_and_text_are_kept_with_every_version(database: str) -> None:
    stored(database, DeclaredVersion(a_pipeline(), (), "ann", "line: pcb  # as of Monday"))
    stored(database, DeclaredVersion(a_pipeline(deadline_ms=900), (), "bob", "line: pcb  # faster"))
    kept = fetch(database, "SELECT version, author, source FROM pipeline_versions ORDER BY version")
    assert kept == [(1, "ann", "line: pcb  # as of Monday"), (2, "bob", "line: pcb  # faster")]


def test_version_of_another_grammar_is_named_and_can_be_applied_again(database: str) -> None:
    stored(database, DeclaredVersion(a_pipeline(), ()))
    execute(database, """UPDATE pipeline_versions SET declaration = '{"line": "pcb", "old"\\: 1}'""")
    with pytest.raises(LedgerError, match="version 1 of line pcb was stored under another grammar; apply"):
        newest(database)
    assert stored(database, DeclaredVersion(a_pipeline(), ())) == [NewVersion("pcb", 2)]
    assert newest(database) == [new_version(a_pipeline(), 2, ())]


def test_versions_that_can_not_all_be_stored_are_none_of_them_stored(database: str) -> None:
    twice = DeclaredVersion(a_pipeline("pcb", deadline_ms=700), ())
    with pytest.raises(LedgerError, match=r"the pipelines can't be stored: (UNIQUE|duplicate key)"):
        stored(database, DeclaredVersion(a_pipeline("casting"), ()), DeclaredVersion(a_pipeline("pcb"), ()), twice)
    assert newest(database) == []


@pytest.mark.parametrize("stored_before", [{"cameras": []}, {}], ids=["no names", "no setting"])
def test_version_from_before_named_cameras_means_any_camera(database: str, stored_before: dict[str, object]) -> None:
    stored(database, DeclaredVersion(a_pipeline(cameras=["cam1"]), ()))
    declaration = a_pipeline().model_dump(mode="json", exclude={"cameras"}) | stored_before
    text = json.dumps(declaration).replace(":", "\\:")
    execute(database, f"UPDATE pipeline_versions SET declaration = '{text}'")
    [version] = newest(database)
    assert version.pipeline.accepts_camera("cam7")
    assert version.pipeline.named_cameras == ()
