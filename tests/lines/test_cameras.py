"""Cameras are connected, renamed, replaced, retired and paused; what they were proved for goes with them, or ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support.databases import fetch
from support.fakes import a_pipeline

from inspector.adapters.ledger import (
    FileEvidence,
    SqlArchive,
    SqlCameraChangeStore,
    SqlLineStore,
    SqlUnknownCameras,
    store_versions,
)
from inspector.domain.line_state import LineState, LineStatus, PassQuestion, PassRight, RightOrigin
from inspector.domain.pipeline import Pipeline
from inspector.errors import ConflictError, DeclarationError, InspectorError, LedgerError, NotFoundError
from inspector.lines.cameras import CameraRequest, Cameras
from inspector.lines.states import LineStates
from inspector.ports.lines import DeclaredVersion, StatusChange
from inspector.ports.unknown_cameras import UnknownPicture
from inspector.utc import utc_now

FINGERPRINT = "0123456789abcdef"


class Plant(NamedTuple):
    cameras: Cameras
    archive: SqlArchive
    url: str

    def declare(self, *names: str, proved: tuple[str, ...] | None = None, **settings: Any) -> Pipeline:
        """A live line with these cameras, which may pass the parts of those that are proved."""
        pipeline = a_pipeline("pcb", cameras=list(names), **settings)
        store_versions(self.url, [DeclaredVersion(pipeline, ())])
        right = PassRight(
            FINGERPRINT, pipeline.policy_fingerprint(), RightOrigin.QUALIFICATION, names if proved is None else proved
        )
        SqlLineStore(self.url).change_status(StatusChange("pcb", LineState.LIVE, (right,), "", "ann"))
        return pipeline

    @property
    def status(self) -> LineStatus:
        (version,) = self.archive.list_pipelines()
        return version.status

    @property
    def names(self) -> list[str]:
        (version,) = self.archive.list_pipelines()
        return list(version.pipeline.cameras)

    def may_pass(self, camera: str) -> bool:
        (version,) = self.archive.list_pipelines()
        asked = PassQuestion(FINGERPRINT, version.pipeline.policy_fingerprint(), camera, utc_now())
        return not version.status.objection(asked)

    def audited(self) -> list[str]:
        rows = fetch(self.url, "SELECT action, actor FROM audit WHERE action LIKE 'camera.%' ORDER BY number")
        return [f"{action} by {actor}" for action, actor in rows]


@pytest.fixture
def plant(database: str, tmp_path: Path) -> Iterator[Plant]:
    unknown = SqlUnknownCameras(database, FileEvidence(str(tmp_path / "evidence")))
    with closing(SqlArchive(database)) as archive:
        states = LineStates(archive, SqlLineStore(database))
        yield Plant(Cameras(states, archive, unknown, SqlCameraChangeStore(database)), archive, database)


def of(camera: str, reason: str = "a good reason", line: str = "pcb") -> CameraRequest:
    return CameraRequest(line, camera, "ann", reason)


def test_connected_camera_is_a_version_with_author_and_reason_and_proves_nothing(plant: Plant) -> None:
    plant.declare("cam1")
    shown = plant.cameras.connect(of("cam2"), (0.1, 0.0, 0.9, 1.0))
    assert (shown.is_declared, shown.region) == (True, (0.1, 0.0, 0.9, 1.0))
    assert plant.names == ["cam1", "cam2"]
    assert (plant.may_pass("cam1"), plant.may_pass("cam2")) == (True, False)
    newest = plant.archive.versions("pcb")[-1]
    assert (newest.version, newest.author, newest.reason) == (2, "ann", "connect cam2: a good reason")
    assert plant.audited() == ["camera.connect by ann"]


def test_right_for_any_camera_does_not_cover_a_connected_one(plant: Plant) -> None:
    plant.declare("cam1", proved=("*",))
    plant.cameras.connect(of("cam2"))
    assert (plant.may_pass("cam1"), plant.may_pass("cam2")) == (True, False)


def test_renamed_camera_keeps_region_right_and_pause(plant: Plant) -> None:
    plant.declare("cam1")
    plant.cameras.connect(of("left"), (0.0, 0.0, 0.5, 1.0))
    plant.cameras.pause(of("cam1"))
    shown = plant.cameras.rename(of("cam1"), "top")
    assert (shown.camera, shown.is_paused) == ("top", True)
    assert plant.names == ["top", "left"]
    assert (plant.may_pass("top"), plant.may_pass("cam1")) == (True, False)
    assert plant.cameras.rename(of("left"), "west").region == (0.0, 0.0, 0.5, 1.0)


@pytest.mark.parametrize("by", [None, "cam1", "cam9"])
def test_replaced_camera_proves_nothing(plant: Plant, by: str | None) -> None:
    plant.declare("cam1", "cam2")
    shown = plant.cameras.replace(of("cam1"), by)
    assert plant.names == [by or "cam1", "cam2"]
    assert (plant.may_pass(shown.camera), plant.may_pass("cam2")) == (False, True)


def test_camera_that_comes_back_after_it_was_retired_proves_nothing(plant: Plant) -> None:
    plant.declare("cam1", "cam2")
    plant.cameras.retire(of("cam2"))
    assert plant.names == ["cam1"]
    plant.cameras.connect(of("cam2"))
    assert (plant.may_pass("cam1"), plant.may_pass("cam2")) == (True, False)


def test_override_ends_when_it_was_before_for_the_cameras_that_it_still_covers(plant: Plant) -> None:
    pipeline = plant.declare("cam1", "cam2", proved=())
    until = utc_now().replace(microsecond=0) + timedelta(days=3)
    policy = pipeline.policy_fingerprint()
    right = PassRight(FINGERPRINT, policy, RightOrigin.OVERRIDE, ("cam1", "cam2"), until, "a trial")
    SqlLineStore(plant.url).change_status(StatusChange("pcb", None, (right,), "a trial", "ann"))
    plant.cameras.replace(of("cam1"))
    kept = [each for each in plant.status.rights if each.origin is RightOrigin.OVERRIDE]
    assert [(each.cameras, each.until, each.reason) for each in kept] == [(("cam2",), until, "a trial")]


def test_paused_camera_leaves_the_others_alone(plant: Plant) -> None:
    plant.declare("cam1", "cam2")
    assert plant.cameras.pause(of("cam1")).is_paused
    assert (plant.status.is_paused("cam1"), plant.status.is_paused("cam2")) == (True, False)
    (view,) = plant.cameras.states.views()
    assert [each.state for each in view.cameras] == [LineState.PAUSED, LineState.LIVE]
    assert view.state is LineState.LIVE
    assert not plant.cameras.resume(of("cam1")).is_paused
    assert plant.status.paused_cameras == frozenset()


def test_camera_of_a_line_that_accepts_any_can_be_paused_but_not_named(plant: Plant) -> None:
    plant.declare("*")
    plant.cameras.states.store.change_status(StatusChange("pcb", LineState.LIVE, (), "", "ann"))
    with pytest.raises(InspectorError, match="accepts any camera"):
        plant.cameras.connect(of("cam2"))
    assert plant.cameras.pause(of("cam2")).is_paused
    assert plant.status.is_paused("cam2")


Change = Callable[[Cameras], object]


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda cameras: cameras.connect(of("cam1")), InspectorError, "already declares cam1"),
        (lambda cameras: cameras.connect(of("a b")), DeclarationError, "'a b' is not a name; use 1 to 64"),
        (lambda cameras: cameras.connect(of("cam3", line="solar")), NotFoundError, "no line 'solar'"),
        (
            lambda cameras: cameras.connect(of("cam3"), (0.5, 0.0, 0.1, 1.0)),
            DeclarationError,
            "cameras.cam3: is empty; write",
        ),
        (lambda cameras: cameras.rename(of("cam1"), "cam2"), InspectorError, "already declares cam2"),
        (lambda cameras: cameras.rename(of("cam8"), "cam9"), NotFoundError, "declares no camera 'cam8'"),
        (lambda cameras: cameras.rename(of("cam1"), "*"), DeclarationError, "is not a name"),
        (lambda cameras: cameras.replace(of("cam1", "")), InspectorError, "reason: replacing a camera needs one"),
        (lambda cameras: cameras.retire(of("cam1", "")), InspectorError, "reason: retiring a camera needs one"),
        (lambda cameras: cameras.pause(of("cam8")), NotFoundError, "declares no camera 'cam8'"),
        (lambda cameras: cameras.pause(of("cam1", "x" * 500)), InspectorError, "at most 400"),
    ],
)
def test_change_that_can_not_be_made_changes_nothing(
    plant: Plant, change: Change, error: type[InspectorError], words: str
) -> None:
    plant.declare("cam1", "cam2")
    with pytest.raises(error, match=words):
        change(plant.cameras)
    assert (plant.names, plant.audited()) == (["cam1", "cam2"], [])
    assert plant.status.paused_cameras == frozenset()


def test_only_camera_of_a_line_is_not_retired(plant: Plant) -> None:
    plant.declare("cam1")
    with pytest.raises(InspectorError, match="is the only camera of pcb; pause the line instead"):
        plant.cameras.retire(of("cam1"))


def test_change_on_an_older_version_is_refused_whole(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant.declare("cam1", "cam2")
    store, stored = plant.cameras.store, []
    monkeypatch.setattr(SqlCameraChangeStore, "change_camera", lambda self, change: stored.append(change))
    plant.cameras.retire(of("cam2"))
    monkeypatch.undo()
    plant.cameras.connect(of("cam3"))
    with pytest.raises(ConflictError, match="based on version 1, but version 2 by ann is live"):
        store.change_camera(stored[0])
    assert (plant.names, plant.may_pass("cam2")) == (["cam1", "cam2", "cam3"], True)
    assert plant.audited() == ["camera.connect by ann"]


def test_camera_is_not_connected_to_another_version_than_the_one_that_was_seen(plant: Plant) -> None:
    plant.declare("cam1")
    plant.cameras.connect(of("cam2"))
    with pytest.raises(ConflictError, match="version 2 is live, not 1"):
        plant.cameras.connect(of("cam3")._replace(base=1))
    assert plant.names == ["cam1", "cam2"]


def test_pause_of_a_camera_that_is_renamed_meanwhile_is_refused(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant.declare("cam1")
    store, stored = plant.cameras.store, []
    monkeypatch.setattr(SqlCameraChangeStore, "change_camera", lambda self, change: stored.append(change))
    plant.cameras.pause(of("cam1"))
    monkeypatch.undo()
    plant.cameras.rename(of("cam1"), "top")
    with pytest.raises(ConflictError, match="pcb does not declare cam1 any more"):
        store.change_camera(stored[0])
    assert plant.status.paused_cameras == frozenset()


def test_cameras_that_no_line_declares_are_listed_with_their_pictures(plant: Plant, tmp_path: Path) -> None:
    plant.declare("cam1")
    unknown = SqlUnknownCameras(plant.url, FileEvidence(str(tmp_path / "evidence")))
    unknown.keep([UnknownPicture("pcb", "new", b"\xff\xd8\xffnew", utc_now())])
    listed = {each.camera: each for each in plant.cameras.cameras()}
    assert (listed["cam1"].is_declared, listed["new"].is_declared) == (True, False)
    assert plant.cameras.unknown.read(listed["new"].pictures[0]) == b"\xff\xd8\xffnew"
    assert plant.cameras.connect(of("new")).pictures == ()
    with pytest.raises(NotFoundError, match="has no camera 'cam7'"):
        plant.cameras.camera("pcb", "cam7")


def test_ledger_that_is_away_is_an_error_of_ours(plant: Plant) -> None:
    plant.archive.close()
    broken = SqlCameraChangeStore("sqlite:////nowhere/at/all.db")
    with pytest.raises(LedgerError):
        broken.change_camera(None)  # type: ignore[arg-type]
