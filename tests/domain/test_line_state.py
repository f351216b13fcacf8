"""A line passes only under a fingerprint and a policy that it has a right for."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fakes import NOON, PASSED, REJECTED

from inspector.domain.decision import JUDGED_REASONS, Decision, Reason, Verdict
from inspector.domain.declared import Disposition
from inspector.domain.line_state import LineState, LineStatus, PassQuestion, PassRight, RightOrigin, withhold

QUALIFIED = PassRight("f" * 16, "p" * 16, RightOrigin.QUALIFICATION, ("cam1",))
OVERRIDE = PassRight("f" * 16, "p" * 16, RightOrigin.OVERRIDE, ("cam1",), NOON + timedelta(days=7), "a customer waits")
LIVE = LineStatus(LineState.LIVE, (QUALIFIED,))
words = st.sampled_from(["f" * 16, "p" * 16, "0" * 16])
cameras = st.sampled_from(["cam1", "cam2"])
covered_cameras = st.sampled_from([("cam1",), ("cam1", "cam2"), ("*",), ()])
rights = st.builds(
    PassRight,
    words,
    words,
    st.sampled_from(RightOrigin),
    covered_cameras,
    st.none() | st.sampled_from([NOON, NOON + timedelta(1)]),
)


def asked(camera: str = "cam1", now: datetime = NOON) -> PassQuestion:
    return PassQuestion("f" * 16, "p" * 16, camera, now)


def test_a_qualified_line_has_no_objection() -> None:
    assert LIVE.objection(asked()) == ""
    assert LIVE.state_of(asked()) is LineState.LIVE


@pytest.mark.parametrize(
    ("status", "fingerprint", "policy", "detail", "state"),
    [
        (LineStatus(LineState.COMMISSIONING, (QUALIFIED,)), "f", "p", "commissioning", LineState.COMMISSIONING),
        (LIVE, "0", "p", "fingerprint", LineState.UNQUALIFIED),
        (LIVE, "f", "0", "policy", LineState.UNQUALIFIED),
        (LineStatus(LineState.LIVE), "f", "p", "qualification: the line has none", LineState.UNQUALIFIED),
        (LineStatus(LineState.PAUSED), "f", "p", "qualification: the line has none", LineState.PAUSED),
    ],
)
def test_what_is_missing_is_named(
    status: LineStatus, fingerprint: str, policy: str, detail: str, state: LineState
) -> None:
    question = PassQuestion(fingerprint * 16, policy * 16, "cam1", NOON)
    assert status.objection(question).startswith(detail)
    assert status.state_of(question) is state


def test_an_override_ends() -> None:
    status = LineStatus(LineState.LIVE, (OVERRIDE,))
    assert status.objection(asked()) == ""
    assert status.objection(asked(now=NOON + timedelta(days=7))).startswith("expired")


def test_a_qualification_counts_before_an_override() -> None:
    assert LineStatus(LineState.LIVE, (OVERRIDE, QUALIFIED)).right(asked()) == QUALIFIED


@given(st.sampled_from(LineState), st.lists(rights, max_size=4).map(tuple), words, words, cameras)
def test_a_part_passes_only_on_a_live_line_under_a_right_that_holds(
    state: LineState, given_rights: tuple[PassRight, ...], fingerprint: str, policy: str, camera: str
) -> None:
    status = LineStatus(state, given_rights)
    decided = withhold(PASSED, status.objection(PassQuestion(fingerprint, policy, camera, NOON)), Disposition.REVIEW)
    covered = any(
        (each.fingerprint, each.policy) == (fingerprint, policy)
        and {camera, "*"} & set(each.cameras)
        and (each.until is None or each.until > NOON)
        for each in given_rights
    )
    assert (decided.disposition is Disposition.PASS) == (covered and state is not LineState.COMMISSIONING)


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason not in JUDGED_REASONS])
def test_reasons_that_come_before_stay(reason: Reason) -> None:
    decision = Decision(Verdict.INCONCLUSIVE, Disposition.REVIEW, reason)
    assert withhold(decision, "commissioning", Disposition.REJECT) is decision


@pytest.mark.parametrize("judged", [PASSED, REJECTED])
def test_what_the_judgement_said_becomes_the_fail_safe(judged: Decision) -> None:
    decided = withhold(judged, "policy: not the qualified one", Disposition.REJECT)
    assert (decided.verdict, decided.disposition, decided.reason) == (
        Verdict.INCONCLUSIVE, Disposition.REJECT, Reason.UNQUALIFIED,
    )  # fmt: skip


def test_a_new_camera_is_unqualified_and_no_other() -> None:
    assert LIVE.objection(asked("cam2")).startswith("camera: cam2 was added")
    assert LIVE.state_of(asked("cam2")) is LineState.UNQUALIFIED
    assert LIVE.state_of(asked("cam1")) is LineState.LIVE
