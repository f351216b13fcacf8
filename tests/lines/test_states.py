"""Commissioning, pausing and going live, on a real ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from support.fakes import NOON, a_pipeline

from inspector.adapters.ledger import DeclaredVersion, SqlArchive, SqlLineStore, store_versions, upgrade
from inspector.domain.line_state import LineState, PassQuestion, PassRight, RightOrigin
from inspector.errors import InspectorError
from inspector.lines.states import LineStates, OverrideRequest
from inspector.ports.lines import StatusChange

FINGERPRINT = "f" * 16
POLICY = a_pipeline().policy_fingerprint()


@dataclass
class Clock:
    time: datetime = NOON

    def __call__(self) -> datetime:
        return self.time


@dataclass
class Installation:
    url: str
    archive: SqlArchive
    clock: Clock = field(default_factory=Clock)

    @property
    def states(self) -> LineStates:
        return LineStates(self.archive, SqlLineStore(self.url), self.clock)

    def qualify(self) -> None:
        right = PassRight(FINGERPRINT, POLICY, RightOrigin.QUALIFICATION, ("*",))
        SqlLineStore(self.url).change_status(StatusChange("pcb", None, (right,), "", "ann"))


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    url = f"sqlite:///{tmp_path}/ledger.db"
    upgrade(url)
    store_versions(url, [DeclaredVersion(a_pipeline(), ())])
    with closing(SqlArchive(url)) as archive:
        yield Installation(url, archive)


def test_a_new_line_is_in_commissioning(installation: Installation) -> None:
    [view] = installation.states.views()
    assert (view.line, view.state, view.right) == ("pcb", LineState.COMMISSIONING, None)
    assert view.objection.startswith("commissioning")


def test_a_line_without_a_qualification_does_not_go_live(installation: Installation) -> None:
    with pytest.raises(InspectorError, match="not qualified under version 1; run: inspector qualify pcb"):
        installation.states.go_live("pcb", "ann", "we are in a hurry")
    assert installation.states.view("pcb").state is LineState.COMMISSIONING


def test_a_qualified_line_goes_live_pauses_and_comes_back(installation: Installation) -> None:
    installation.qualify()
    assert installation.states.go_live("pcb", "ann", "").state is LineState.LIVE
    assert installation.states.pause("pcb", "ann", "jam").state is LineState.PAUSED
    assert installation.states.go_live("pcb", "ann", "").state is LineState.LIVE
    assert installation.states.commission("pcb", "ann", "new jig").state is LineState.COMMISSIONING


def test_an_override_has_a_reason_and_an_end(installation: Installation) -> None:
    view = installation.states.go_live("pcb", "ann", "a customer waits", OverrideRequest({"*": FINGERPRINT}))
    assert view.right is not None
    assert replace(view.right, scoring="") == PassRight(
        FINGERPRINT, POLICY, RightOrigin.OVERRIDE, ("*",), NOON + timedelta(days=7), "a customer waits"
    )
    installation.clock.time += timedelta(days=8)
    ended = installation.states.view("pcb")
    assert (ended.state, ended.right) == (LineState.UNQUALIFIED, None)
    assert ended.objection.startswith("expired")


@pytest.mark.parametrize(
    ("reason", "days", "complaint"),
    [("", 7.0, "reason: an override needs one"), ("why not", 0.0, "days: 0 is not"), ("why not", 91.0, "days: 91")],
)
def test_an_override_that_nobody_can_check_is_refused(
    installation: Installation, reason: str, days: float, complaint: str
) -> None:
    with pytest.raises(InspectorError, match=complaint):
        installation.states.go_live("pcb", "ann", reason, OverrideRequest({"*": FINGERPRINT}, days))
    assert installation.states.view("pcb").state is LineState.COMMISSIONING


def test_a_new_policy_takes_the_right_away(installation: Installation) -> None:
    installation.qualify()
    installation.states.go_live("pcb", "ann", "")
    store_versions(installation.url, [DeclaredVersion(a_pipeline(thresholds={"pass_below": 0.4}), (), parent=1)])
    view = installation.states.view("pcb")
    assert view.state is LineState.UNQUALIFIED
    with pytest.raises(InspectorError, match="not qualified under version 2"):
        installation.states.go_live("pcb", "ann", "")


def test_an_unknown_line_is_named(installation: Installation) -> None:
    with pytest.raises(InspectorError, match="there is no line 'pbc'"):
        installation.states.pause("pbc", "ann", "")


def test_a_line_that_rejects_everything_until_it_is_live_says_so(installation: Installation) -> None:
    store_versions(installation.url, [DeclaredVersion(a_pipeline("casting", fail_safe="REJECT"), ())])
    assert [bool(view.scrap_warning) for view in installation.states.views()] == [True, False]


def test_a_new_camera_or_region_makes_only_that_camera_unqualified(installation: Installation) -> None:
    cut = {"region": [0.0, 0.0, 0.5, 1.0]}
    declared = a_pipeline(cameras={"cam1": {}, "cam2": cut})
    store_versions(installation.url, [DeclaredVersion(declared, (), parent=1)])
    judged_by = {"cam1": FINGERPRINT, "cam2": "2" * 16}
    view = installation.states.go_live("pcb", "ann", "drill", OverrideRequest(judged_by))
    assert [each.state for each in view.cameras] == [LineState.LIVE, LineState.LIVE]
    assert (view.objection, len(view.version.status.rights)) == ("", 2)

    more = a_pipeline(cameras={"cam1": {}, "cam2": cut, "cam3": {}})
    store_versions(installation.url, [DeclaredVersion(more, (), parent=2)])
    status = installation.states.view("pcb").version.status
    asked = [PassQuestion(judged_by.get(name, FINGERPRINT), POLICY, name, NOON) for name in ("cam1", "cam2", "cam3")]
    assert [status.state_of(each) for each in asked] == [LineState.LIVE, LineState.LIVE, LineState.UNQUALIFIED]
    moved = PassQuestion("3" * 16, POLICY, "cam2", NOON)
    assert status.objection(moved).startswith("fingerprint"), "cam2 is judged in another region"
