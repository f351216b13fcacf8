"""A line's right to pass over a change of its policy, and how a qualification gives way to live frames."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.challenges import ChallengedLine, challenged_line, challenged_pipeline, qualify

from inspector.config.diff import DeclaredPipeline
from inspector.domain.line_state import LineState
from inspector.lines.cameras import CameraRequest
from inspector.lines.kept_rights import KeptRight
from inspector.lines.pricing import Price
from inspector.lines.states import OverrideRequest
from inspector.operations.apply import LineChange, plan_changes, store_changes
from inspector.operations.qualification import keep_rights
from inspector.settings import Settings
from inspector.utc import utc_now

NG = [0.99] * 14
TIGHTER = {"pass_below": 0.1, "reject_above": 0.8}


@pytest.fixture
def line(tmp_path: Path) -> Iterator[ChallengedLine]:
    with challenged_line(tmp_path) as line:
        line.add(NG, is_ng=True)
        line.add([0.15], is_ng=False)
        yield line


@pytest.fixture
def settings(line: ChallengedLine, tmp_path: Path) -> Settings:
    return Settings(database_url=line.url, evidence_url=str(tmp_path / "evidence"), data=tmp_path)


def changes_of(settings: Settings, line: ChallengedLine, folder: Path, **declared: object) -> list[LineChange]:
    file = folder / "pcb.yaml"
    file.write_text("")
    fleet = (DeclaredPipeline(str(file), challenged_pipeline(**declared)),)
    return plan_changes(fleet, settings.database, line.service.sets.evidence)  # type: ignore[arg-type]


def change(settings: Settings, line: ChallengedLine, folder: Path, **declared: object) -> list[KeptRight]:
    changes = changes_of(settings, line, folder, **declared)
    kept = keep_rights(settings, changes)
    store_changes(changes, settings.database, rights={each.line: each for each in kept})
    return kept


def test_a_policy_that_stored_votes_prove_keeps_the_right(
    line: ChallengedLine, settings: Settings, tmp_path: Path
) -> None:
    qualify(line)
    [kept] = change(settings, line, tmp_path, thresholds=TIGHTER)
    assert kept.keeps
    assert "recomputed from stored votes: 0 of 14 NG parts pass, at most 19.3 %" in kept.text
    assert line.states.view("pcb").state is LineState.LIVE


def test_a_policy_under_which_ng_parts_pass_loses_the_right(
    line: ChallengedLine, settings: Settings, tmp_path: Path
) -> None:
    line.add([0.3] * 3, is_ng=True)
    qualify(line)
    [kept] = change(settings, line, tmp_path, thresholds={"pass_below": 0.4, "reject_above": 0.8})
    assert not kept.keeps
    assert "loses its right to pass: 3 of 17 NG parts pass" in kept.text
    assert line.states.view("pcb").state is LineState.UNQUALIFIED


def test_votes_that_end_too_early_are_counted(line: ChallengedLine, settings: Settings, tmp_path: Path) -> None:
    qualify(line)
    [kept] = change(settings, line, tmp_path, thresholds={"pass_below": 0.2, "reject_above": 0.9999})
    assert not kept.keeps
    assert "votes of 14 challenge part(s): they must be asked" in kept.text
    assert "run: inspector qualify pcb" in kept.text


def test_changed_scores_need_a_qualification(line: ChallengedLine, settings: Settings, tmp_path: Path) -> None:
    qualify(line)
    [kept] = change(settings, line, tmp_path, question="Is this board broken in any way?")
    assert kept == KeptRight("pcb", False, "scores change, so its right to pass ends; run: inspector qualify pcb")


def test_an_override_ends_with_its_version(line: ChallengedLine, settings: Settings, tmp_path: Path) -> None:
    states = replace(line.states, now=utc_now)
    states.go_live("pcb", "ann", "customer audit", OverrideRequest({"*": line.fingerprint}))
    [kept] = keep_rights(settings, changes_of(settings, line, tmp_path, thresholds=TIGHTER))
    assert not kept.keeps
    assert kept.text.startswith("its override ends with this version")


def test_a_file_with_other_thresholds_qualifies_no_replaced_camera(
    line: ChallengedLine, settings: Settings, tmp_path: Path
) -> None:
    line.declare(cameras=["cam1"])
    qualify(line)
    line.cameras.replace(CameraRequest("pcb", "cam1", "ann", "the lens broke"))
    scored = Price("pcb", {"cam1": line.fingerprint})
    changes = changes_of(settings, line, tmp_path, cameras=["cam1"], thresholds=TIGHTER)
    rights = {each.line: each for each in keep_rights(settings, changes, [scored])}
    store_changes(changes, settings.database, rights=rights)
    assert line.states.view("pcb").state is LineState.UNQUALIFIED
    assert line.states.version("pcb").status.rights == ()


def test_a_camera_that_files_remove_and_add_again_must_be_qualified(
    line: ChallengedLine, settings: Settings, tmp_path: Path
) -> None:
    line.declare(cameras=["cam1", "cam2"])
    qualify(line)
    change(settings, line, tmp_path, cameras=["cam1"])
    change(settings, line, tmp_path, cameras=["cam1", "cam2"])
    states = {each.camera: each.state for each in line.states.view("pcb").cameras}
    assert states == {"cam1": LineState.LIVE, "cam2": LineState.UNQUALIFIED}


def test_a_change_that_is_not_stored_records_nothing(line: ChallengedLine, settings: Settings, tmp_path: Path) -> None:
    qualify(line)
    before = line.states.version("pcb").status
    [kept] = keep_rights(settings, changes_of(settings, line, tmp_path, thresholds=TIGHTER))
    assert kept.keeps
    assert line.states.version("pcb").status == before


@pytest.mark.parametrize("declared", [{}, {"retention": {"pass_pictures": 0.5}}])
def test_a_change_that_touches_neither_says_nothing(
    line: ChallengedLine, settings: Settings, tmp_path: Path, declared: dict[str, object]
) -> None:
    qualify(line)
    assert change(settings, line, tmp_path, **declared) == []
    assert line.states.view("pcb").state is LineState.LIVE


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="this system has no idle scheduling")
def test_a_qualification_works_only_while_nobody_else_does() -> None:
    """Threads that the model starts inherit it: live frames on this machine get every cycle that they want."""
    program = (
        "import os, threading\n"
        "from inspector.operations.qualification import yield_to_live_frames\n"
        "yield_to_live_frames()\n"
        "thread = threading.Thread(target=lambda: print(os.sched_getscheduler(0) == os.SCHED_IDLE))\n"
        "thread.start(); thread.join()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
