"""A draft decides on the votes of live parts; the live version alone is published."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.fakes import PASSED, a_part, a_pipeline

from inspector.adapters.ledger import DeclaredVersion, SqlLedger, store_versions, upgrade
from inspector.domain.decision import Decision, Reason, Verdict
from inspector.domain.declared import Disposition, ViewName
from inspector.domain.part import PipelineRef
from inspector.domain.vote import StoppedBy, Vote
from inspector.errors import InspectorError
from inspector.lines.drafts import Drafts
from inspector.lines.versions import ReadableVersion
from inspector.operations.drafts import as_json, drafts_of
from inspector.station.shadow_decisions import PARTS_PER_STEP, ShadowDecisions

DOUBT = Decision(Verdict.INCONCLUSIVE, Disposition.REVIEW, Reason.DISAGREEMENT)
WIDE = {"thresholds": {"pass_below": 0.4, "reject_above": 0.8}}


@dataclass
class Shop:
    url: str
    drafts: Drafts

    def draft(self, **settings: Any) -> None:
        self.drafts.add(ReadableVersion(a_pipeline(**settings), ()), "ann", "less reviews", "line: pcb")

    async def judge(self, ledger: SqlLedger, name: str, p_ng: float, version: int = 1, **changes: Any) -> None:
        part = a_part(
            name,
            decision=PASSED if p_ng < 0.2 else DOUBT,
            votes=(Vote(ViewName.DIRECT, 0, p_ng),),
            pipeline=PipelineRef("pcb", version, "0123456789abcdef"),
            **{"stopped_by": StoppedBy.LADDER_END} | changes,
        )
        await ledger.record(part, [])


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    url = f"sqlite:///{tmp_path}/ledger.db"
    upgrade(url)
    store_versions(url, [DeclaredVersion(a_pipeline(), ())])
    with drafts_of(url) as drafts:
        yield Shop(url, drafts)


async def test_both_versions_decide_on_the_same_votes(shop: Shop) -> None:
    async with SqlLedger(shop.url) as ledger:
        await shop.judge(ledger, "before", 0.3)
        shop.draft(**WIDE)
        for number in range(PARTS_PER_STEP + 5):
            await shop.judge(ledger, f"t-{number}", 0.3 if number % 2 else 0.1)
        await shop.judge(ledger, "other", 0.3, version=2)
        decisions = ShadowDecisions(ledger)
        for _ in range(3):
            await decisions.step()
    figures = as_json(shop.drafts.comparison("pcb"))
    assert (figures["parts"], figures["differ"], figures["unknown"]) == (25, 12, 0)
    assert {(each["live"], each["draft"]): each["parts"] for each in figures["dispositions"]} == {
        ("PASS", "PASS"): 13,
        ("REVIEW", "PASS"): 12,
    }


async def test_a_part_for_which_the_draft_would_ask_more_is_unknown(shop: Shop) -> None:
    shop.draft(**WIDE, settle={"confidence": 0.99})
    async with SqlLedger(shop.url) as ledger:
        await shop.judge(ledger, "cut", 0.3, stopped_by=StoppedBy.DEADLINE)
        await ShadowDecisions(ledger).step()
    assert as_json(shop.drafts.comparison("pcb"))["dispositions"][0]["live"] == "REVIEW"


async def test_a_new_draft_ends_the_earlier_one_and_begins_anew(shop: Shop) -> None:
    shop.draft(**WIDE)
    async with SqlLedger(shop.url) as ledger:
        await shop.judge(ledger, "t-1", 0.3)
        await ShadowDecisions(ledger).step()
        shop.draft(thresholds={"pass_below": 0.3, "reject_above": 0.8})
        await ShadowDecisions(ledger).step()
        [draft] = await ledger.open_drafts()
    assert draft.pipeline.thresholds.pass_below == 0.3
    assert as_json(shop.drafts.comparison("pcb"))["parts"] == 0
    shop.drafts.end("pcb", "ann")
    with pytest.raises(InspectorError, match="pcb has no draft; make one"):
        shop.drafts.comparison("pcb")
    with pytest.raises(InspectorError, match="pcb has no draft"):
        shop.drafts.end("pcb", "ann")


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [({}, "the draft is what is live"), ({"question": "Is it broken?"}, "changes scores.*inspector qualify pcb")],
)
def test_a_draft_that_can_not_be_compared_is_refused(shop: Shop, settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InspectorError, match=complaint):
        shop.draft(**settings)
