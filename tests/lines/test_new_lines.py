"""New lines from templates and from other lines; every fault is named at its field."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from support.fakes import a_pipeline

from inspector.adapters.camera import CameraPictureReader
from inspector.adapters.ledger import FileEvidence, SqlArchive, SqlLineStore, store_versions
from inspector.config.line_template import TEMPLATES
from inspector.domain.line_state import LineState
from inspector.domain.line_version import VersionOrigin
from inspector.errors import ConflictError, DeclarationError, NotFoundError
from inspector.lines.new_lines import NewLine, NewLines
from inspector.lines.states import LineStates
from inspector.ports.lines import DeclaredVersion


@pytest.fixture
def lines(database: str, tmp_path: Path) -> Iterator[NewLines]:
    with closing(SqlArchive(database)) as archive:
        states, evidence = LineStates(archive, SqlLineStore(database)), FileEvidence(tmp_path / "evidence")
        yield NewLines(states, partial(store_versions, database), CameraPictureReader(()), evidence)


def asked(line: str = "mugs", **rest: object) -> NewLine:
    return NewLine(line, rest.pop("settings", {}), "ann", **rest)  # type: ignore[arg-type]


@pytest.mark.parametrize("template", TEMPLATES)
def test_line_from_a_template_passes_nothing_yet(lines: NewLines, template: str) -> None:
    view = lines.create(asked(template=template, settings={"product": "mug", "cameras": ["top", "side"]}))
    assert (view.line, view.state, view.version.version) == ("mugs", LineState.COMMISSIONING, 1)
    assert view.version.pipeline.product == "mug"
    assert list(view.version.pipeline.cameras) == ["top", "side"]


def test_line_like_another_one_has_its_settings_and_golden_samples(lines: NewLines) -> None:
    old = a_pipeline("pcb", deadline_ms=900.0, golden_samples=["a.jpg"], references=1)
    lines.store([DeclaredVersion(old, ("ab" * 32,))])
    version = lines.declared(asked("pcb2", like="pcb", settings={"cameras": ["cam7"]}, reason="second line"))
    assert version.pipeline == old.model_copy(update={"line": "pcb2", "cameras": version.pipeline.cameras})
    assert (version.golden, version.parent, version.origin) == (("ab" * 32,), None, VersionOrigin.CONSOLE)
    assert lines.create(asked("pcb2", like="pcb")).version.version == 1


def test_all_faults_are_named_at_their_fields(lines: NewLines) -> None:
    settings = {"deadline_ms": "soon", "ladder": [], "colour": 1, "thresholds": {"pass_below": 2}}
    with pytest.raises(DeclarationError) as refused:
        lines.create(asked("a b", template="surface", settings=settings))
    assert {fault.field for fault in refused.value.faults} == {
        "line",
        "deadline_ms",
        "ladder",
        "colour",
        "thresholds.pass_below",
    }
    assert all(fault.remedy for fault in refused.value.faults)


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (asked(template="sculpture"), "template"),
        (asked(), "template"),
        (asked(template="surface", like="pcb"), "template"),
        (asked(template="surface", settings={"golden_samples": ["x.jpg"]}), "golden_samples"),
        (asked(template="surface", settings={"line": "other"}), "line"),
        (asked("pcb", template="surface"), "line"),
    ],
    ids=["unknown template", "neither", "both", "golden samples", "two names", "existing line"],
)
def test_what_can_not_be_asked_is_refused(lines: NewLines, wanted: NewLine, field: str) -> None:
    lines.store([DeclaredVersion(a_pipeline("pcb"), ())])
    with pytest.raises(DeclarationError) as refused:
        lines.create(wanted)
    assert [fault.field for fault in refused.value.faults] == [field]
    assert len(lines.states.views()) == 1


def test_unknown_line_can_not_be_copied(lines: NewLines) -> None:
    with pytest.raises(NotFoundError):
        lines.create(asked(like="pcb"))


def test_of_two_people_who_create_the_same_line_one_is_refused(lines: NewLines) -> None:
    mine, theirs = (lines.declared(asked(template="surface", settings={"product": name})) for name in ("mug", "cup"))
    lines.store([mine])
    with pytest.raises(ConflictError):
        lines.store([theirs])
