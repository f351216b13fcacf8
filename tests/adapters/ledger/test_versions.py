"""Versions of declarations: a new one only when something changed, and none is ever lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.databases import execute, fetch
from support.fakes import a_pipeline, new_version

from inspector.adapters.ledger import DeclaredVersion, NewVersion, SqlArchive, store_versions
from inspector.domain.line_version import VersionOrigin
from inspector.errors import ConflictError, LedgerError
from inspector.ports.ledger import PipelineVersion
from inspector.ports.lines import LineVersion

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
    again = DeclaredVersion(a_pipeline("casting"), ())
    assert stored(database, changed._replace(parent=1), again) == [NewVersion("pcb", 2)]
    assert newest(database)[1] == new_version(changed.pipeline, 2, changed.golden)


def test_going_back_to_an_earlier_declaration_is_a_new_version(database: str) -> None:
    before, after = DeclaredVersion(a_pipeline(), ()), DeclaredVersion(a_pipeline(product="boards"), ())
    changes = (before, after._replace(parent=1), before._replace(parent=2))
    assert [stored(database, each)[0].version for each in changes] == [1, 2, 3]


def test_author_and_text_are_kept_with_every_version(database: str) -> None:
    stored(database, DeclaredVersion(a_pipeline(), (), "ann", "line: pcb  # as of Monday"))
    stored(database, DeclaredVersion(a_pipeline(deadline_ms=900), (), "bob", "line: pcb  # faster", 1))
    kept = fetch(database, "SELECT version, author, source FROM pipeline_versions ORDER BY version")
    assert kept == [(1, "ann", "line: pcb  # as of Monday"), (2, "bob", "line: pcb  # faster")]


def test_version_of_another_grammar_is_named_and_can_be_applied_again(database: str) -> None:
    stored(database, DeclaredVersion(a_pipeline(), ()))
    execute(database, """UPDATE pipeline_versions SET declaration = '{"line": "pcb", "old"\\: 1}'""")
    with pytest.raises(LedgerError, match="version 1 of line pcb was stored under another grammar; apply"):
        newest(database)
    assert stored(database, DeclaredVersion(a_pipeline(), (), parent=1)) == [NewVersion("pcb", 2)]
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


EDITS = 20


def history(database: str, line: str = "pcb") -> list[LineVersion]:
    archive = SqlArchive(database)
    try:
        return archive.versions(line)
    finally:
        archive.close()


def test_every_version_says_who_made_it_why_and_from_what(database: str) -> None:
    stored(database, DeclaredVersion(a_pipeline(), (), "ann", "# text"))
    stored(
        database,
        DeclaredVersion(a_pipeline(deadline_ms=900), (SHA,), "bob", "", 1, "faster \udce9\x00", VersionOrigin.ROLLBACK),
    )
    first, second = history(database)
    assert (first.version, first.parent, first.author, first.origin) == (1, None, "ann", VersionOrigin.FILE)
    assert (second.version, second.parent, second.reason) == (2, 1, "faster \udce9\x00")
    assert (second.origin, second.source, second.golden) == (VersionOrigin.ROLLBACK, "# text", (SHA,))
    assert second.declaration == a_pipeline(deadline_ms=900)
    assert first.created_at <= second.created_at


def test_a_version_of_another_grammar_is_listed_without_its_content(database: str) -> None:
    stored(database, DeclaredVersion(a_pipeline(), ()))
    execute(database, """UPDATE pipeline_versions SET declaration = '{"line": "pcb", "old"\\: 1}'""")
    assert [each.declaration for each in history(database)] == [None]


@pytest.mark.parametrize("parent", [None, 1, 3])
def test_a_change_of_another_version_than_the_newest_is_refused(database: str, parent: int | None) -> None:
    stored(database, DeclaredVersion(a_pipeline(), (), "ann"))
    stored(database, DeclaredVersion(a_pipeline(deadline_ms=900), (), "bob", parent=1))
    with pytest.raises(ConflictError, match=r"pcb: this change is based on .*but version 2 by bob is live"):
        stored(
            database,
            DeclaredVersion(a_pipeline("casting"), ()),
            DeclaredVersion(a_pipeline(deadline_ms=700), (), "eve", parent=parent),
        )
    assert [each.author for each in history(database)] == ["ann", "bob"]
    assert history(database, "casting") == []


def test_of_twenty_people_who_edit_one_version_one_wins_and_the_others_hear_of_it(database: str) -> None:
    stored(database, DeclaredVersion(a_pipeline(), ()))

    def edit(number: int) -> bool:
        try:
            return bool(
                stored(database, DeclaredVersion(a_pipeline(deadline_ms=600 + number), (), f"p{number}", "", 1))
            )
        except ConflictError:
            return False

    with ThreadPoolExecutor(EDITS) as people:
        won = [number for number, wins in enumerate(people.map(edit, range(EDITS))) if wins]
    assert len(won) == 1
    assert [each.author for each in history(database)] == ["", f"p{won[0]}"]


def test_of_twenty_concurrent_edits_that_are_repeated_none_is_lost(database: str) -> None:
    stored(database, DeclaredVersion(a_pipeline(), ()))

    def edit(number: int) -> None:
        while True:
            [live] = newest(database)
            classes = {name: severity.value for name, severity in live.pipeline.defects.items()}
            mine = a_pipeline(defects=classes | {f"edit-{number}": "minor"})
            try:
                stored(database, DeclaredVersion(mine, (), f"p{number}", "", live.version))
            except ConflictError:
                continue
            return

    with ThreadPoolExecutor(EDITS) as people:
        list(people.map(edit, range(EDITS)))
    assert {f"edit-{number}" for number in range(EDITS)} <= set(newest(database)[0].pipeline.defects)
    assert [(each.version, each.parent) for each in history(database)] == [
        (number, number - 1 or None) for number in range(1, EDITS + 2)
    ]


KILLED_EDITOR = """
import sys
from inspector.adapters.ledger import DeclaredVersion, store_versions
from support.fakes import a_pipeline
for number in range(1, 10_000):
    lines = [a_pipeline(line, deadline_ms=100 + number) for line in ("pcb", "casting")]
    store_versions(sys.argv[1], [DeclaredVersion(each, (), parent=number) for each in lines])
    print(number, flush=True)
"""


def test_an_edit_of_two_lines_that_is_killed_is_stored_whole_or_not_at_all(database: str) -> None:
    stored(database, DeclaredVersion(a_pipeline("pcb"), ()), DeclaredVersion(a_pipeline("casting"), ()))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", KILLED_EDITOR, database]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as editor:
        assert editor.stdout is not None
        told = [editor.stdout.readline() for _ in range(10)]
        editor.send_signal(signal.SIGKILL)
        told += editor.stdout.readlines()
    counts = {line: [each.version for each in history(database, line)] for line in ("pcb", "casting")}
    assert counts["pcb"] == counts["casting"] == list(range(1, len(counts["pcb"]) + 1))
    assert len(counts["pcb"]) - 1 >= len(told)
    assert stored(database, DeclaredVersion(a_pipeline("pcb", deadline_ms=50), (), parent=len(counts["pcb"])))
