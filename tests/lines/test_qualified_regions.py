"""Lines whose cameras have regions: each region is qualified by itself, on a real ledger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.challenges import ChallengedLine, challenged_line, challenged_pipeline
from support.fakes import NOON

from inspector.adapters.ledger import SqlCameraChangeStore
from inspector.domain.line_state import LineState
from inspector.errors import InspectorError, NotFoundError
from inspector.lines.cameras import CameraRequest
from inspector.lines.kept_rights import KeptRight, keep_right
from inspector.lines.qualification import LineQualification
from inspector.lines.versions import ReadableVersion
from inspector.ports.cameras import CameraAction, CameraChange
from inspector.ports.lines import DeclaredVersion

NG = [0.99] * 14  # enough for an escape share of 20 %
LEFT, TOP = [0.0, 0.0, 0.5, 1.0], [0.0, 0.0, 1.0, 0.5]
LIVE, UNQUALIFIED = LineState.LIVE, LineState.UNQUALIFIED
TIGHTER = {"pass_below": 0.1, "reject_above": 0.8}


def cameras(**regions: list[float] | None) -> dict[str, object]:
    return {"cameras": {name: {"region": region} for name, region in regions.items()}}


@pytest.fixture
def line(tmp_path: Path) -> Iterator[ChallengedLine]:
    with challenged_line(tmp_path) as line:
        line.declare(**cameras(cam1=None, cam2=LEFT))
        line.add(NG, is_ng=True, camera="cam1")
        line.add(NG, is_ng=True, camera="cam2")
        yield line


async def qualified(line: ChallengedLine, camera: str | None = None) -> LineQualification:
    results = await line.prove(camera)
    for each in results:
        line.service.record(each, "ann")
    return line.service.result(line.states.version("pcb"), results)


def states(line: ChallengedLine) -> dict[str, LineState]:
    return {each.camera: each.state for each in line.states.view("pcb").cameras}


def change(line: ChallengedLine, **settings: object) -> KeptRight | None:
    """Declare other settings as a person would: with the right recomputed before."""
    live, content = line.states.version("pcb"), ReadableVersion(challenged_pipeline(**settings), ())
    kept = keep_right(line.service, live, content, "ann")
    line.store(content, kept)
    return kept


async def test_each_region_is_proved_by_the_pictures_of_its_cameras(line: ChallengedLine) -> None:
    result = await qualified(line)
    assert result.passed
    assert [(each.cameras, each.region, each.figures.escape.parts) for each in result.regions] == [
        (("cam1",), None, 14),
        (("cam2",), tuple(LEFT), 14),
    ]
    assert set(line.engine.regions) == {None, tuple(LEFT)}
    rights = line.states.version("pcb").status.rights
    assert [(each.cameras, each.fingerprint) for each in rights] == [
        ((name,), line.fingerprints[name]) for name in ("cam1", "cam2")
    ]
    line.states.go_live("pcb", "ann", "")
    assert states(line) == {"cam1": LIVE, "cam2": LIVE}


async def test_cameras_that_share_a_region_prove_it_together(line: ChallengedLine) -> None:
    line.declare(**cameras(cam1=LEFT, cam2=LEFT))
    [result] = (await qualified(line)).regions
    assert (result.cameras, result.figures.escape.parts) == (("cam1", "cam2"), 28)


async def test_one_region_may_fail_and_the_other_pass(line: ChallengedLine) -> None:
    line.add([0.01], is_ng=True, camera="cam2")
    result = await qualified(line)
    assert not result.passed
    assert result.missing == ("cam2: 1 of 15 NG parts pass; 7 more NG without a miss for 20 % (bound now 27.9 %)",)
    line.states.go_live("pcb", "ann", "")
    assert states(line) == {"cam1": LIVE, "cam2": UNQUALIFIED}


async def test_a_changed_region_makes_only_its_camera_unqualified_until_it_is_proved_again(
    line: ChallengedLine,
) -> None:
    await qualified(line)
    line.states.go_live("pcb", "ann", "")
    kept = change(line, **cameras(cam1=None, cam2=TOP))
    assert kept == KeptRight(
        "pcb", False, "cam2: another region changes scores, so its right to pass ends; run: inspector qualify pcb"
    )
    assert states(line) == {"cam1": LIVE, "cam2": UNQUALIFIED}
    asked = len(line.engine.regions)
    assert (await qualified(line, "cam2")).passed
    assert set(line.engine.regions[asked:]) == {tuple(TOP)}
    assert states(line) == {"cam1": LIVE, "cam2": LIVE}


async def test_a_region_that_comes_back_is_proved_already(line: ChallengedLine) -> None:
    await qualified(line)
    line.states.go_live("pcb", "ann", "")
    change(line, **cameras(cam1=None, cam2=TOP))
    change(line, **cameras(cam1=None, cam2=LEFT))
    assert states(line) == {"cam1": LIVE, "cam2": LIVE}


async def test_a_camera_that_gets_the_region_of_another_one_must_be_qualified(line: ChallengedLine) -> None:
    await qualified(line)
    line.states.go_live("pcb", "ann", "")
    change(line, **cameras(cam1=LEFT, cam2=LEFT))
    assert states(line) == {"cam1": UNQUALIFIED, "cam2": LIVE}
    assert (await qualified(line)).passed
    assert states(line) == {"cam1": LIVE, "cam2": LIVE}


async def test_a_new_policy_is_recomputed_for_each_region(line: ChallengedLine) -> None:
    line.add([0.15], is_ng=False, camera="cam2")
    await qualified(line)
    line.states.go_live("pcb", "ann", "")
    asked = len(line.engine.regions)
    kept = change(line, **cameras(cam1=None, cam2=LEFT), thresholds=TIGHTER)
    assert kept is not None
    assert kept.keeps
    assert "cam1: keeps its right to pass" in kept.text
    assert "cam2: keeps its right to pass" in kept.text
    assert (states(line), len(line.engine.regions)) == ({"cam1": LIVE, "cam2": LIVE}, asked)


async def test_a_retired_camera_alone_in_its_region_comes_back_unqualified(line: ChallengedLine) -> None:
    await qualified(line)
    line.states.go_live("pcb", "ann", "")
    scored = {name: line.fingerprints[name] for name in ("cam1", "cam2")}
    line.cameras.retire(CameraRequest("pcb", "cam2", "ann", "the station was removed"))
    line.cameras.connect(CameraRequest("pcb", "cam2", "ann"), (0.0, 0.0, 0.5, 1.0))
    assert states(line) == {"cam1": LIVE, "cam2": UNQUALIFIED}
    content = ReadableVersion(challenged_pipeline(**cameras(cam1=None, cam2=LEFT), thresholds=TIGHTER), ())
    line.store(content, keep_right(line.service, line.states.version("pcb"), content, "ann", scored))
    assert states(line) == {"cam1": LIVE, "cam2": UNQUALIFIED}
    assert (await qualified(line, "cam2")).passed
    assert states(line) == {"cam1": LIVE, "cam2": LIVE}


async def test_a_camera_that_is_replaced_while_a_change_is_prepared_is_not_qualified_by_it(
    line: ChallengedLine,
) -> None:
    await qualified(line)
    line.states.go_live("pcb", "ann", "")
    content = ReadableVersion(challenged_pipeline(**cameras(cam1=None, cam2=LEFT), thresholds=TIGHTER), ())
    kept = keep_right(line.service, line.states.version("pcb"), content, "ann")
    line.cameras.replace(CameraRequest("pcb", "cam2", "ann", "the lens broke"))
    line.store(content, kept)
    assert states(line) == {"cam1": LIVE, "cam2": UNQUALIFIED}


async def test_pictures_of_no_named_camera_count_where_the_whole_picture_is_judged(line: ChallengedLine) -> None:
    line.add(NG, is_ng=True)
    assert [each.figures.escape.parts for each in await line.prove()] == [28, 14]


@pytest.mark.parametrize(
    ("camera", "declared", "complaint"),
    [
        ("cam3", cameras(cam1=None, cam2=LEFT), "camera: pcb declares no camera 'cam3'; name one of cam1, cam2"),
        ("", cameras(cam1=TOP, cam2=LEFT), "camera: each camera of pcb has a region; say which took it: cam1, cam2"),
    ],
)
def test_a_picture_that_would_count_for_no_camera_is_refused(
    line: ChallengedLine, camera: str, declared: dict[str, object], complaint: str
) -> None:
    line.declare(**declared)
    with pytest.raises(InspectorError, match=complaint):
        line.add([0.99], is_ng=True, camera=camera)


def test_a_picture_is_of_one_camera(line: ChallengedLine) -> None:
    line.scores.clear()
    with pytest.raises(InspectorError, match="is in the set as a picture of cam1 already"):
        line.add([0.99], is_ng=True, camera="cam2")


def test_pictures_of_the_only_camera_need_no_name(line: ChallengedLine) -> None:
    line.declare(**cameras(cam1=LEFT))
    line.add([0.99], is_ng=True)
    assert line.service.sets.parts("pcb")[-1].camera == "cam1"


async def test_parts_of_a_retired_camera_are_counted_and_left_out(line: ChallengedLine) -> None:
    line.declare(**cameras(cam1=None))
    result = await qualified(line)
    assert (result.left_out, [each.figures.escape.parts for each in result.regions]) == (14, [14])


def test_an_unknown_camera_is_named(line: ChallengedLine) -> None:
    with pytest.raises(NotFoundError, match="pcb declares no camera 'cam9'; its cameras are cam1, cam2"):
        line.replays("cam9")


@pytest.mark.parametrize("action", [CameraAction.RENAME, CameraAction.REPLACE])
def test_challenge_parts_follow_the_place_of_their_camera(line: ChallengedLine, action: CameraAction) -> None:
    pipeline = challenged_pipeline(**cameras(cam1=None, east=LEFT))
    declared = DeclaredVersion(pipeline, (), parent=line.states.version("pcb").version)
    named = {"cam2": "east"}
    SqlCameraChangeStore(line.url).change_camera(
        CameraChange(action, "pcb", "cam2", "ann", "moved", NOON, declared, successors=named)
    )
    assert [len(line.replays(name)[0].unknown) for name in ("cam1", "east")] == [14, 14]


async def test_a_line_with_changed_scores_is_not_shown_live_before_its_first_part(line: ChallengedLine) -> None:
    await qualified(line)
    line.states.go_live("pcb", "ann", "")
    change(line, **cameras(cam1=None, cam2=LEFT), question="Is this board broken in any way?")
    assert states(line) == {"cam1": UNQUALIFIED, "cam2": UNQUALIFIED}
    with pytest.raises(InspectorError, match="pcb is not qualified under version"):
        line.states.go_live("pcb", "ann", "")
