"""Changes are priced on stored parts before they are live; known NG parts that would newly pass block them."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.fakes import PASSED, REJECTED, a_part, a_pipeline
from support.reviews import add_reviews, labelled

from inspector.adapters.ledger import DeclaredVersion, SqlArchive, SqlLedger, store_versions, upgrade
from inspector.domain.decision import Decision, Reason, Verdict
from inspector.domain.declared import Disposition, ViewName
from inspector.domain.line_version import VersionOrigin
from inspector.domain.part import PartRecord, PipelineRef
from inspector.domain.pipeline import Pipeline
from inspector.domain.vote import StoppedBy, Vote
from inspector.errors import InspectorError
from inspector.lines.pricing import Price, Pricing, require_accepted
from inspector.lines.versions import ReadableVersion
from inspector.operations.line_versions import line_history, version_diff
from inspector.operations.rollback import roll_back
from inspector.operations.stored_change import StoredChange
from inspector.settings import Settings

DOUBT = Decision(Verdict.INCONCLUSIVE, Disposition.REVIEW, Reason.DISAGREEMENT)
NARROW = {"pass_below": 0.2, "reject_above": 0.8}
WIDE = {"pass_below": 0.4, "reject_above": 0.8}
FINGERPRINT = "0123456789abcdef"


@dataclass
class Line:
    """Line pcb on a real ledger; `declare` makes the next version."""

    url: str

    def declare(self, **settings: Any) -> Pipeline:
        with closing(SqlArchive(self.url)) as archive:
            parent = next((each.version for each in archive.list_pipelines()), None)
        pipeline = a_pipeline(**settings)
        store_versions(self.url, [DeclaredVersion(pipeline, (), "ann", "line: pcb", parent, "tuned")])
        return pipeline

    def judge(
        self,
        name: str,
        p_ng: float,
        *,
        ng: bool | None,
        version: int = 1,
        fingerprint: str = FINGERPRINT,
        stopped_by: StoppedBy = StoppedBy.LADDER_END,
    ) -> None:
        decision = PASSED if p_ng < 0.2 else REJECTED if p_ng > 0.8 else DOUBT
        part = a_part(
            name,
            part_id=f"SN-{name}",
            decision=decision,
            p_ng=p_ng,
            votes=(Vote(ViewName.DIRECT, 0, p_ng),),
            stopped_by=stopped_by,
            pipeline=PipelineRef("pcb", version, fingerprint),
        )
        asyncio.run(self._store(part.result_id, part, ng))

    async def _store(self, result_id: str, part: PartRecord, ng: bool | None) -> None:
        async with SqlLedger(self.url) as ledger:
            await ledger.record(part, [])
        if ng is not None:
            add_reviews(self.url, [labelled(result_id, ng)])

    def price(self, **settings: Any) -> Price:
        with closing(SqlArchive(self.url)) as archive:
            return Pricing.over(archive).price("pcb", ReadableVersion(a_pipeline(**settings), ()))


@pytest.fixture
def line(tmp_path: Path) -> Line:
    line = Line(f"sqlite:///{tmp_path}/ledger.db")
    upgrade(line.url)
    line.declare(thresholds=NARROW)
    return line


def reviewed(line: Line) -> None:
    """Five NG parts and five OK parts in doubt, and one NG part that is rejected for sure."""
    for number in range(5):
        line.judge(f"ng-{number}", 0.30, ng=True)
        line.judge(f"ok-{number}", 0.25, ng=False)
    line.judge("sure", 0.99, ng=True)
    line.judge("nobody", 0.30, ng=None)


def test_ng_parts_that_would_newly_pass_are_listed(line: Line) -> None:
    reviewed(line)
    price = line.price(thresholds=WIDE)
    assert [each.trigger_id for each in price.escapes] == [f"ng-{number}" for number in range(5)]
    assert {each.part_id for each in price.escapes} == {f"SN-ng-{number}" for number in range(5)}
    assert all(each.is_certain and each.disposition == "REVIEW" for each in price.escapes)
    sums = price.sums()
    assert (sums["parts"], sums["reviewed"], sums["escapes"]) == (12, 11, (0, 5))
    assert sums["moved"] == {"REVIEW to PASS": 11}
    assert price.as_json()["blocks"]


def test_they_block_the_change_until_their_number_is_accepted_with_a_reason(line: Line) -> None:
    reviewed(line)
    prices = [line.price(thresholds=WIDE)]
    with pytest.raises(InspectorError) as refused:
        require_accepted(prices, None, "we need output")
    assert "5 part(s) that people called NG would newly pass; nothing is stored" in str(refused.value)
    assert "cam1/ng-3, part SN-ng-3, p(NG) 0.300, was REVIEW" in str(refused.value)
    for wrong in (0, 4, 6):
        with pytest.raises(InspectorError, match=f"accept-escapes: {wrong} is not the number .* which is 5"):
            require_accepted(prices, wrong, "we need output")
    with pytest.raises(InspectorError, match="reason: accepting NG parts"):
        require_accepted(prices, 5, "")
    require_accepted(prices, 5, "we need output")


def test_a_change_under_which_no_known_ng_part_passes_is_free(line: Line) -> None:
    reviewed(line)
    prices = [line.price(thresholds={"pass_below": 0.28, "reject_above": 0.8})]
    assert prices[0].escapes == ()
    require_accepted(prices, None, "")
    with pytest.raises(InspectorError, match="accept-escapes: 5 is not the number"):
        require_accepted(prices, 5, "just in case")


def test_an_ng_part_that_passes_already_does_not_block_again(line: Line) -> None:
    line.judge("old", 0.1, ng=True)
    assert line.price(thresholds=WIDE).escapes == ()


def test_an_ng_part_whose_votes_end_too_early_counts_as_one_that_passes(line: Line) -> None:
    ladder = [{"views": ["direct"]}, {"views": ["inverted"]}]
    line.declare(thresholds=NARROW, ladder=ladder)
    line.judge("early", 0.30, ng=True, version=2, stopped_by=StoppedBy.DECIDED)
    price = line.price(thresholds=WIDE, ladder=ladder)
    assert [(each.trigger_id, each.is_certain) for each in price.escapes] == [("early", False)]
    assert price.unknown_ng == 1
    assert "unknown" in price.as_json()


def test_parts_that_a_deadline_ended_are_counted_apart_from_those_whose_votes_end_too_early(line: Line) -> None:
    reviewed(line)
    known = line.price(thresholds=WIDE)
    for number in range(3):
        line.judge(f"late-{number}", 0.95, ng=number > 0, stopped_by=StoppedBy.DEADLINE)
    price = line.price(thresholds=WIDE)
    assert (price.sums(), price.unknown_ng, price.cut_short) == (known.sums(), 0, (3, 2))


@pytest.mark.parametrize("settings", [{"question": "Is it broken?"}, {"product": "lamp"}], ids=["question", "product"])
def test_a_new_fingerprint_can_not_be_priced_and_says_so(line: Line, settings: dict[str, object]) -> None:
    reviewed(line)
    price = line.price(thresholds=WIDE, **settings)
    assert "can't be priced from stored votes" in price.objection
    assert "inspector qualify pcb" in price.objection
    assert (price.escapes, price.impacts) == ((), ())


def test_votes_of_an_earlier_model_do_not_price_a_change(line: Line) -> None:
    reviewed(line)
    line.judge("new-model", 0.30, ng=None, fingerprint="f" * 16)
    price = line.price(thresholds=WIDE)
    assert price.fingerprints == ("f" * 16,)
    assert price.escapes == ()


def rolled_back(
    line: Line, to: int, reason: str, *, accepted: int | None = None, dry_run: bool = False
) -> StoredChange:
    settings = Settings(database_url=line.url, data=Path(line.url.removeprefix("sqlite:///")).parent)
    return roll_back(settings, "pcb", to, reason, accepted, dry_run=dry_run)


def test_a_rollback_is_a_new_version_with_the_old_content(line: Line) -> None:
    line.declare(thresholds={"pass_below": 0.1, "reject_above": 0.8})
    result = rolled_back(line, 1, "too many reviews")
    assert result.version == 3
    newest = line_history(line.url, "pcb")[-1]
    assert (newest.parent, newest.origin, newest.reason) == (
        2,
        VersionOrigin.ROLLBACK,
        "to version 1: too many reviews",
    )
    assert version_diff(line.url, "pcb", 1, 3).is_empty
    assert str(version_diff(line.url, "pcb", 1, 2)) == "thresholds.pass_below: 0.2 → 0.1"


def test_a_rollback_is_priced_like_any_change(line: Line) -> None:
    line.declare(thresholds=WIDE)
    line.declare(thresholds=NARROW)
    reviewed(line)
    with pytest.raises(InspectorError, match="5 part"):
        rolled_back(line, 2, "more output")
    assert len(rolled_back(line, 2, "more output", dry_run=True).effect.price.escapes) == 5
    assert len(line_history(line.url, "pcb")) == 3
    assert rolled_back(line, 2, "more output", accepted=5).version == 4


@pytest.mark.parametrize(
    ("to", "reason", "complaint"),
    [
        (9, "why not", "pcb has no version 9; its versions are 1 to 2"),
        (2, "why not", "already has the content of 2"),
        (1, "", "reason: a rollback needs one"),
    ],
)
def test_a_rollback_that_makes_no_sense_is_refused(line: Line, to: int, reason: str, complaint: str) -> None:
    line.declare(thresholds=WIDE)
    with pytest.raises(InspectorError, match=complaint):
        rolled_back(line, to, reason)
    assert len(line_history(line.url, "pcb")) == 2


def test_an_unknown_line_has_no_versions(line: Line) -> None:
    with pytest.raises(InspectorError, match="there is no line 'pbc'"):
        line_history(line.url, "pbc")
