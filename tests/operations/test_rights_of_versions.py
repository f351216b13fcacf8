"""A rollback and a promotion recompute the right to pass from stored votes of the challenge set."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.challenges import ChallengedLine, challenged_line, challenged_pipeline, qualify
from support.fakes import a_part
from support.reviews import add_reviews, labelled

from inspector.adapters.ledger import SqlLedger
from inspector.domain.line_state import LineState, RightOrigin
from inspector.domain.line_version import VersionOrigin
from inspector.domain.part import PartRecord, PipelineRef
from inspector.domain.pipeline import Pipeline
from inspector.domain.vote import Vote
from inspector.errors import InspectorError
from inspector.lines.cameras import CameraRequest
from inspector.lines.pricing import EscapesError
from inspector.lines.promotion import PromotionRequest
from inspector.lines.states import OverrideRequest
from inspector.lines.versions import ReadableVersion
from inspector.operations.drafts import PromotedDraft, drafts_of, promote_draft
from inspector.operations.line_versions import line_history
from inspector.operations.rollback import roll_back
from inspector.operations.stored_change import StoredChange
from inspector.ports.drafts import ShadowDecision
from inspector.settings import Settings

NARROW = {"pass_below": 0.2, "reject_above": 0.8}
WIDE = {"pass_below": 0.4, "reject_above": 0.8}


@pytest.fixture
def line(tmp_path: Path) -> Iterator[ChallengedLine]:
    with challenged_line(tmp_path) as line:
        line.add([0.99] * 14, is_ng=True)
        line.add([0.15], is_ng=False)
        yield line


@pytest.fixture
def settings(line: ChallengedLine, tmp_path: Path) -> Settings:
    return Settings(database_url=line.url, evidence_url=str(tmp_path / "evidence"), data=tmp_path)


def judge(line: ChallengedLine, name: str, p_ng: float, *, version: int = 1, ng: bool | None = None) -> PartRecord:
    """Store a part that was judged under the line's fingerprint."""
    ref = PipelineRef("pcb", version, line.fingerprint)
    votes = tuple(Vote(view, rung, p_ng) for rung, view in enumerate(("direct", "paraphrase")))  # type: ignore[arg-type]
    part = a_part(name, pipeline=ref, p_ng=p_ng, votes=votes)

    async def store() -> None:
        async with SqlLedger(line.url) as ledger:
            await ledger.record(part, [])

    asyncio.run(store())
    if ng is not None:
        add_reviews(line.url, [labelled(part.result_id, ng)])
    return part


def rolled_back(settings: Settings, to: int, *, dry_run: bool = False) -> StoredChange:
    return roll_back(settings, "pcb", to, "too many reviews", None, dry_run=dry_run)


def test_a_rolled_back_version_that_was_qualified_is_live_at_once(line: ChallengedLine, settings: Settings) -> None:
    judge(line, "t-1", 0.01)
    qualify(line)
    line.declare(thresholds={"pass_below": 0.1, "reject_above": 0.8})
    assert line.states.view("pcb").state is LineState.UNQUALIFIED
    result = rolled_back(settings, 1)
    assert (result.version, result.view.state) == (3, LineState.LIVE)
    assert result.effect.right is not None
    assert "has the right to pass, recomputed from stored votes: 0 of 14 NG parts pass" in result.effect.right.text


def test_a_version_that_never_was_qualified_is_if_stored_votes_prove_it(
    line: ChallengedLine, settings: Settings
) -> None:
    line.declare(thresholds={"pass_below": 0.1, "reject_above": 0.8})
    judge(line, "t-1", 0.01, version=2)
    qualify(line)
    result = rolled_back(settings, 1)
    assert result.view.state is LineState.LIVE
    assert result.effect.right is not None
    assert result.effect.right.keeps


def test_a_rolled_back_version_that_stored_votes_refute_is_unqualified(
    line: ChallengedLine, settings: Settings
) -> None:
    line.declare(thresholds=WIDE)
    line.declare(thresholds=NARROW)
    judge(line, "t-1", 0.01, version=3)
    line.add([0.3] * 4, is_ng=True)
    qualify(line)
    result = rolled_back(settings, 2)
    assert result.view.state is LineState.UNQUALIFIED
    assert result.view.objection == "policy: not the qualified one; qualify the line"
    assert result.effect.right is not None
    assert "4 of 18 NG parts pass" in result.effect.right.text


def test_a_right_that_newer_challenge_parts_refute_does_not_come_back(line: ChallengedLine, settings: Settings) -> None:
    """Version 1 was qualified before the parts came that it lets pass."""
    line.declare(thresholds=WIDE)
    judge(line, "t-1", 0.01, version=2)
    qualify(line)
    line.declare(thresholds=NARROW)
    line.add([0.3] * 4, is_ng=True)
    qualify(line)
    assert rolled_back(settings, 2).view.state is LineState.UNQUALIFIED


def test_a_right_stays_where_newer_challenge_parts_were_not_asked(line: ChallengedLine, settings: Settings) -> None:
    judge(line, "t-1", 0.01)
    qualify(line)
    line.declare(question="Is this board broken in any way?")
    line.add([0.99], is_ng=True)
    result = rolled_back(settings, 1)
    assert result.view.state is LineState.LIVE
    assert result.effect.right is not None
    assert "from its qualification; 1 challenge part(s) are newer" in result.effect.right.text


def test_a_dry_run_grants_nothing(line: ChallengedLine, settings: Settings) -> None:
    line.declare(thresholds=NARROW | {"pass_below": 0.1})
    judge(line, "t-1", 0.01, version=2)
    qualify(line)
    before = line.states.version("pcb").status
    result = rolled_back(settings, 1, dry_run=True)
    assert result.version is None
    assert result.effect.right is not None
    assert result.effect.right.keeps
    assert line.states.version("pcb").status == before


def draft(line: ChallengedLine, declared: Pipeline) -> str:
    with drafts_of(line.url) as drafts:
        return drafts.add(ReadableVersion(declared, ()), "ann", "less overkill", "line: pcb").draft_id


def shade(line: ChallengedLine, draft_id: str) -> None:
    """Let the draft decide on the first part."""

    async def store() -> None:
        async with SqlLedger(line.url) as ledger:
            disposition = "PASS"
            decision = ShadowDecision(draft_id, 1, disposition, disposition)  # type: ignore[arg-type]
            await ledger.add_shadow_decisions([decision])

    asyncio.run(store())


def promoted(settings: Settings, accepted: int | None = None, *, needs_shadow: bool = True) -> PromotedDraft:
    request = PromotionRequest("ann", "as few escapes", accepted)
    return promote_draft(settings, "pcb", request, needs_shadow=needs_shadow, dry_run=False)


def test_a_promoted_draft_is_live_with_its_right_recomputed(line: ChallengedLine, settings: Settings) -> None:
    judge(line, "t-1", 0.01)
    qualify(line)
    shade(line, draft(line, challenged_pipeline(thresholds=WIDE)))
    result = promoted(settings)
    assert (result.change.version, result.change.view.state, result.comparison.total) == (2, LineState.LIVE, 1)
    newest = line_history(line.url, "pcb")[-1]
    assert (newest.parent, newest.origin, newest.reason) == (1, VersionOrigin.FILE, "as few escapes")
    with pytest.raises(InspectorError, match="pcb has no draft"):
        promoted(settings)


def test_a_draft_that_decided_on_nothing_is_not_promoted(line: ChallengedLine, settings: Settings) -> None:
    judge(line, "t-1", 0.01)
    draft(line, challenged_pipeline(thresholds=WIDE))
    with pytest.raises(InspectorError, match="decided on no parts in the shadow yet"):
        promoted(settings)
    assert promoted(settings, needs_shadow=False).change.version == 2


def test_a_draft_under_which_ng_parts_pass_needs_approval(line: ChallengedLine, settings: Settings) -> None:
    judge(line, "t-1", 0.3, ng=True)
    shade(line, draft(line, challenged_pipeline(thresholds=WIDE)))
    with pytest.raises(EscapesError, match="1 part"):
        promoted(settings)
    assert promoted(settings, accepted=1).change.version == 2


@pytest.fixture
def replaced(line: ChallengedLine) -> ChallengedLine:
    """A line whose only camera was qualified, and then replaced under its name."""
    line.declare(cameras=["cam1"], thresholds=NARROW)
    judge(line, "t-1", 0.01, version=2)
    qualify(line)
    line.cameras.replace(CameraRequest("pcb", "cam1", "ann", "the lens broke"))
    assert line.states.view("pcb").state is LineState.UNQUALIFIED
    return line


def test_a_promotion_of_other_thresholds_qualifies_no_replaced_camera(
    replaced: ChallengedLine, settings: Settings
) -> None:
    shade(replaced, draft(replaced, challenged_pipeline(cameras=["cam1"], thresholds=WIDE)))
    assert promoted(settings).change.view.state is LineState.UNQUALIFIED
    assert replaced.states.version("pcb").status.rights == ()
    qualify(replaced)
    assert replaced.states.view("pcb").state is LineState.LIVE


def test_an_override_of_a_replaced_camera_becomes_no_qualification(
    replaced: ChallengedLine, settings: Settings
) -> None:
    override = OverrideRequest({"cam1": replaced.fingerprint}, 1.0)
    replaced.states.go_live("pcb", "ann", "a trial for a day", override)
    shade(replaced, draft(replaced, challenged_pipeline(cameras=["cam1"], thresholds=WIDE)))
    assert promoted(settings).change.view.state is LineState.UNQUALIFIED
    assert [each.origin for each in replaced.states.version("pcb").status.rights] == [RightOrigin.OVERRIDE]


def test_a_rollback_qualifies_no_replaced_camera(replaced: ChallengedLine, settings: Settings) -> None:
    replaced.declare(cameras=["cam1"], thresholds=WIDE)
    assert rolled_back(settings, 2).view.state is LineState.UNQUALIFIED
    assert replaced.states.version("pcb").status.rights == ()


def test_a_camera_that_a_rollback_brings_back_must_be_qualified(line: ChallengedLine, settings: Settings) -> None:
    line.declare(cameras=["cam1", "cam2"])
    judge(line, "t-1", 0.01, version=2)
    qualify(line)
    line.declare(cameras=["cam1"])
    result = rolled_back(settings, 2)
    assert {each.camera: each.state for each in result.view.cameras} == {
        "cam1": LineState.LIVE,
        "cam2": LineState.UNQUALIFIED,
    }
