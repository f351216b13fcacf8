"""Each kind of write that people make to a line, on a database with one line; all but the first need it declared."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Final

from support.fakes import a_pipeline

from inspector.adapters.ledger import (
    DeclaredVersion,
    SqlCameraChangeStore,
    SqlChallengeStore,
    SqlDraftStore,
    SqlLineStore,
    SqlQualificationStore,
    store_versions,
)
from inspector.domain.line_state import LineState, PassRight, RightOrigin
from inspector.domain.line_version import VersionOrigin
from inspector.ports.cameras import CameraAction, CameraChange
from inspector.ports.challenge import ChallengeChange, NewChallengePart, QualificationBasis, QualificationRecord
from inspector.ports.drafts import Draft, Promotion
from inspector.ports.lines import StatusChange

NOW: Final = datetime(2026, 3, 4, 12, tzinfo=UTC)
CHANGE: Final = ChallengeChange("ann", NOW, "weekly")
CHANGED: Final = a_pipeline(deadline_ms=900)


def set_live(url: str) -> None:
    right = PassRight("f1", "p1", RightOrigin.OVERRIDE, ("cam1",), NOW + timedelta(days=7), "trial")
    SqlLineStore(url).change_status(StatusChange("pcb", LineState.LIVE, (right,), "trial", "ann"))


def add_version(url: str) -> None:
    store_versions(url, [DeclaredVersion(a_pipeline(), (), "ann", reason="first")])


def add_draft(url: str) -> None:
    with closing(SqlDraftStore(url)) as store:
        store.add_draft(Draft("d1", a_pipeline(), (), 1, "ann", "less overkill", "", NOW))


def add_first_draft(url: str) -> None:
    add_version(url)
    add_draft(url)


def end_draft(url: str) -> None:
    with closing(SqlDraftStore(url)) as store:
        store.end_draft("pcb", "ann")


def add_challenge_part(url: str) -> None:
    with closing(SqlChallengeStore(url)) as store:
        store.add_challenge_parts("pcb", [NewChallengePart("ab", True)], CHANGE)


def add_challenge_parts(url: str) -> None:
    with closing(SqlChallengeStore(url)) as store:
        store.add_challenge_parts("pcb", [NewChallengePart(f"{number:064}", True) for number in range(3)], CHANGE)


def remove_challenge_part(url: str) -> None:
    with closing(SqlChallengeStore(url)) as store:
        store.remove_challenge_parts("pcb", [1], CHANGE)


def a_proof(version: int = 1, *, passed: bool = True) -> QualificationRecord:
    how = ("f1", "p1", QualificationBasis.SHIPPED, passed, {"escape": 0.01}, ())
    return QualificationRecord("pcb", version, *how, (), ("cam1",), None, "", "ann", "shipped", NOW)


def qualify(url: str) -> None:
    SqlQualificationStore(url).record_qualification(a_proof())


def refuse(url: str) -> None:
    SqlQualificationStore(url).record_qualification(a_proof(passed=False))


def change_version(url: str) -> None:
    store_versions(url, [DeclaredVersion(CHANGED, (), "ann", parent=1, proofs=(a_proof(2),))])


def roll_back(url: str) -> None:
    earlier = DeclaredVersion(a_pipeline(), (), "ann", "", 2, "a mistake", VersionOrigin.ROLLBACK, (a_proof(3),))
    store_versions(url, [earlier])


def add_golden_sample(url: str) -> None:
    shown = a_pipeline(golden_samples=["good.jpg"])
    store_versions(url, [DeclaredVersion(shown, ("cd" * 32,), "ann", parent=1, origin=VersionOrigin.GOLDEN)])


def promote(url: str) -> None:
    declared = DeclaredVersion(CHANGED, (), "ann", parent=1, proofs=(a_proof(2),))
    with closing(SqlDraftStore(url)) as store:
        store.promote(Promotion("d1", declared, "key"))


def rename_camera(url: str) -> None:
    declared = DeclaredVersion(a_pipeline(cameras=["east"]), (), "ann", parent=1)
    named = {"cam1": "east"}
    change = CameraChange(CameraAction.RENAME, "pcb", "cam1", "ann", "", NOW, declared, named, successors=named)
    SqlCameraChangeStore(url).change_camera(change)


def have_camera_parts(url: str) -> None:
    add_version(url)
    qualify(url)
    with closing(SqlChallengeStore(url)) as store:
        store.add_challenge_parts("pcb", [NewChallengePart("ab", True, camera="cam1")], CHANGE)
