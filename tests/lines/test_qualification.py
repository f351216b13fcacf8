"""Qualification on a real ledger, with an engine that sees what the test says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.challenges import ChallengedLine, challenged_line
from support.databases import execute, fetch

from inspector.domain.line_state import LineState, RightOrigin
from inspector.errors import InspectorError, LedgerError, ServerError
from inspector.lines.qualification import RegionQualification
from inspector.ports.challenge import QualificationBasis

ENOUGH_NG = [0.99] * 14  # for an escape share of 20 %
ASKED, STORED = QualificationBasis.ASKED, QualificationBasis.STORED_VOTES


@pytest.fixture
def line(tmp_path: Path) -> Iterator[ChallengedLine]:
    with challenged_line(tmp_path) as line:
        yield line


async def qualified(line: ChallengedLine) -> RegionQualification:
    [result] = await line.prove()
    line.service.record(result, "ann")
    return result


def rights(line: ChallengedLine) -> list[tuple[str, str, RightOrigin]]:
    return [(each.fingerprint, each.policy, each.origin) for each in line.states.version("pcb").status.rights]


async def test_a_line_that_proves_itself_gets_the_right_to_pass(line: ChallengedLine) -> None:
    line.add(ENOUGH_NG, is_ng=True)
    line.add([0.01, 0.01, 0.99, 0.5], is_ng=False)
    result = await qualified(line)
    assert result.passed
    assert (result.figures.escape.found, result.figures.escape.parts) == (0, 14)
    assert result.figures.escape.upper == pytest.approx(1 - 0.05 ** (1 / 14))
    assert [result.figures.overkill.found, result.figures.review_ok.found] == [1, 1]
    policy = line.states.version("pcb").pipeline.policy_fingerprint()
    assert rights(line) == [(line.fingerprint, policy, RightOrigin.QUALIFICATION)]
    assert line.states.go_live("pcb", "ann", "").state is LineState.LIVE


@pytest.mark.parametrize(
    ("ng", "ok", "limits", "missing"),
    [
        ([0.99] * 18, [0.01], {}, "41 more NG without a miss for 5 %"),
        ([], [0.01], {}, "59 more NG without a miss for 5 %"),
        ([0.99] * 14 + [0.01], [0.01], {"escape": 0.2}, "1 of 15 NG parts pass; 7 more NG without a miss for 20 %"),
        ([0.99] * 10 + [0.01] * 2, [0.01], {}, "2 of 12 NG parts pass; 112 more NG without a miss for 5 %"),
        (ENOUGH_NG, [0.01] * 5, {"escape": 0.2, "overkill": 0.1}, "24 more OK without a rejected one for 10 %"),
        (
            ENOUGH_NG,
            [0.99],
            {"escape": 0.2, "overkill": 0.1},
            "1 of 1 OK parts are rejected; 45 more OK without a rejected one for 10 %",
        ),
        (ENOUGH_NG, [0.01], {"escape": 0.2, "confidence": 0.99}, "7 more NG without a miss for 20 %"),
    ],
)
async def test_a_line_is_refused_with_what_is_missing(
    line: ChallengedLine, ng: list[float], ok: list[float], limits: dict[str, float], missing: str
) -> None:
    line.declare(qualification=limits)
    line.add(ng, is_ng=True)
    line.add(ok, is_ng=False)
    result = await qualified(line)
    assert not result.passed
    assert result.missing[0].startswith(missing)
    assert rights(line) == []
    with pytest.raises(InspectorError, match="is not qualified"):
        line.states.go_live("pcb", "ann", "")


async def test_limits_of_qualification_change_neither_scores_nor_policy(line: ChallengedLine) -> None:
    before = line.states.version("pcb").pipeline
    line.declare(qualification={"escape": 0.01})
    after = line.states.version("pcb").pipeline
    assert after.settings_fingerprint() == before.settings_fingerprint()
    assert after.policy_fingerprint() == before.policy_fingerprint()


async def test_nothing_is_asked_twice(line: ChallengedLine) -> None:
    line.add(ENOUGH_NG, is_ng=True)
    await line.ask()
    asked = len(line.engine.asked)
    line.add([0.01], is_ng=False)
    assert len((await line.ask()).outcomes) == 15
    assert len(line.engine.asked) > asked
    asked = len(line.engine.asked)
    assert (await line.ask()).unknown == ()
    assert len(line.engine.asked) == asked


async def test_a_new_policy_is_recomputed_from_stored_votes(line: ChallengedLine) -> None:
    line.add(ENOUGH_NG, is_ng=True)
    line.add([0.15], is_ng=False)
    assert (await qualified(line)).figures.review_ok.found == 0
    asked = len(line.engine.asked)
    line.declare(thresholds={"pass_below": 0.1, "reject_above": 0.8})
    result = line.service.assess(line.replay(), STORED)
    assert result.passed
    assert (result.figures.review_ok.found, len(line.engine.asked)) == (1, asked)
    line.service.record(result, "ann")
    assert len({policy for _, policy, _ in rights(line)}) == 2


async def test_votes_that_end_too_early_must_be_asked_again(line: ChallengedLine) -> None:
    line.add([0.99] * 3, is_ng=True)
    await qualified(line)
    line.declare(thresholds={"pass_below": 0.2, "reject_above": 0.9999})
    result = line.service.assess(line.replay(), STORED)
    assert len(result.replay.unknown) == 3
    assert result.missing[0] == "votes of 3 challenge part(s): they must be asked"
    assert (await line.ask()).unknown == ()


async def test_quality_limits_are_recomputed_from_measurements(line: ChallengedLine) -> None:
    line.add(ENOUGH_NG, is_ng=True)
    line.add([0.01, 0.01], is_ng=False)
    await qualified(line)
    line.declare(quality={"min_side_px": 65}, fail_safe="REJECT")
    result = line.service.assess(line.replay(), STORED)
    assert (result.figures.overkill.found, result.replay.unknown) == (2, ())


async def test_another_fingerprint_asks_again(line: ChallengedLine) -> None:
    line.add(ENOUGH_NG, is_ng=True)
    await qualified(line)
    line.engine.fingerprint = "fedcba9876543210"
    assert len(line.replay().unknown) == 14


async def test_a_refused_line_loses_its_earlier_right(line: ChallengedLine) -> None:
    line.add(ENOUGH_NG, is_ng=True)
    await qualified(line)
    line.states.go_live("pcb", "ann", "")
    line.add([0.01], is_ng=True)
    assert not (await qualified(line)).passed
    assert rights(line) == []
    assert line.states.view("pcb").state is LineState.UNQUALIFIED


async def test_right_and_qualification_are_stored_together_or_not_at_all(line: ChallengedLine) -> None:
    line.add(ENOUGH_NG, is_ng=True)
    result = line.service.assess(await line.ask(), ASKED)
    execute(
        line.url,
        "CREATE TRIGGER full BEFORE INSERT ON pass_rights BEGIN SELECT RAISE(ABORT, 'disk is full'); END",
    )
    with pytest.raises(LedgerError, match="the qualification can't be stored: disk is full"):
        line.service.record(result, "ann")
    assert fetch(line.url, "SELECT * FROM qualifications") == []


async def test_a_set_that_changed_meanwhile_proves_nothing(line: ChallengedLine) -> None:
    line.add(ENOUGH_NG, is_ng=True)
    result = line.service.assess(await line.ask(), ASKED)
    line.add([0.01], is_ng=True)
    with pytest.raises(LedgerError, match="was changed meanwhile; run again"):
        line.service.record(result, "ann")
    assert rights(line) == []


async def test_a_qualification_twice_gives_one_right(line: ChallengedLine) -> None:
    line.add(ENOUGH_NG, is_ng=True)
    await qualified(line)
    await qualified(line)
    assert len(rights(line)) == 1
    assert len(fetch(line.url, "SELECT * FROM qualifications")) == 2


async def test_a_failing_model_keeps_the_answers_so_far(line: ChallengedLine) -> None:
    line.add([0.99, 0.98, 0.97], is_ng=True)
    sees, line.engine.sees = line.engine.sees, lambda picture, _question: _fail_on(line.scores[picture])
    with pytest.raises(InspectorError, match=r"part 2 was not judged .*the server is away.*run again to continue"):
        await line.ask()
    assert len(line.replay().unknown) == 2
    line.engine.sees = sees
    assert (await line.ask()).unknown == ()


def _fail_on(score: float) -> float:
    if score == 0.98:
        raise ServerError("the server is away")
    return score


async def test_a_model_that_changes_meanwhile_is_noticed(line: ChallengedLine) -> None:
    line.add([0.99], is_ng=True)
    replays = line.replays()
    line.engine.fingerprint = "fedcba9876543210"
    with pytest.raises(InspectorError, match="the model was changed meanwhile"):
        await line.service.prove(replays, line.model, lambda _done, _total: None)


async def test_pictures_of_few_groups_are_counted(line: ChallengedLine) -> None:
    line.add(ENOUGH_NG, is_ng=True, group="lot 7")
    line.add([0.01] * 2, is_ng=False)
    result = await qualified(line)
    assert (result.figures.ng_groups, result.figures.ok_groups) == (1, 2)
