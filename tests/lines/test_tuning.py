"""Other limits on stored parts: the figures equal the priced replay and the replay of each part."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from support.reviews import add_reviews, labelled
from support.voted_line import FINGERPRINT, voted_parts, voted_pipeline

from inspector.adapters.ledger import DeclaredVersion, SqlArchive, SqlLedger, store_versions
from inspector.domain.declared import Disposition, Severity
from inspector.domain.part_history import PartHistory
from inspector.domain.pipeline import Pipeline, Thresholds
from inspector.domain.report import Finding, Words, WordsState
from inspector.domain.vote import StoppedBy, Vote
from inspector.errors import InspectorError, NotFoundError
from inspector.lines.pricing import Pricing
from inspector.lines.tuning import OtherSettings, Tuning
from inspector.lines.versions import ReadableVersion
from inspector.numerics.exact_bounds import measured_share
from inspector.ports.archive import PartFilter
from inspector.tuning.counterfactual import VOTE_STOPS, impact, new_escapes

REPORTED = Words(WordsState.WRITTEN, (Finding("scratch", Severity.MAJOR, None, "a scratch"),))
LIMITS = [(0.2, 0.8), (0.0, 1.0), (0.05, 0.6), (0.35, 0.9), (0.5, 0.5), (0.7, 0.95), (1.0, 1.0)]


@dataclass
class Line:
    url: str
    archive: SqlArchive
    tuning: Tuning

    async def judge(self, count: int, reviewed: int, **changes: Any) -> None:
        parts = list(voted_parts(count, **changes))
        async with SqlLedger(self.url) as ledger:
            for part, _ in parts:
                await ledger.record(part, [])
        add_reviews(self.url, [labelled(part.result_id, is_ng) for part, is_ng in parts[:reviewed]])

    def declare(self, **settings: Any) -> Pipeline:
        pipeline = voted_pipeline(**settings)
        store_versions(self.url, [DeclaredVersion(pipeline, ())])
        return pipeline


@pytest.fixture
def line(database: str) -> Iterator[Line]:
    with closing(SqlArchive(database)) as archive:
        yield Line(database, archive, Tuning(Pricing.over(archive)))


def with_limits(pipeline: Pipeline, low: float, high: float) -> Pipeline:
    return pipeline.model_copy(update={"thresholds": Thresholds(pass_below=low, reject_above=high)})


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"count": "majority", "fail_safe": "REJECT"},
        {"settle": {"prior": 0.1, "confidence": 0.8, "max_votes": 3, "shadow": 0.0}},
        {"second_opinion": {"by": "taught", "doubt_above": 0.4, "model": "a" * 64}},
    ],
    ids=["soft", "majority", "prior", "taught"],
)
async def test_figures_at_every_pair_of_limits_equal_the_priced_replay(line: Line, settings: dict[str, Any]) -> None:
    live = line.declare(**settings)
    await line.judge(120, 70, opinions="second_opinion" in settings)
    parts = line.archive.history("pcb", FINGERPRINT, 10_000).parts
    for low, high in LIMITS:
        after = with_limits(live, low, high)
        found = line.tuning.what_if("pcb", OtherSettings(after.thresholds))
        expected = impact(parts, live, after, FINGERPRINT)
        assert found.impact == expected
        escaped = {each.part.result_id for each in new_escapes(parts, live, after, FINGERPRINT)}
        assert {each.part.result_id for each in found.moves if each.is_escape} == escaped
        price = Pricing.over(line.archive).price("pcb", ReadableVersion(after, ()))
        assert price.sums()["moved"] == {f"{old} to {new}": count for (old, new), count in found.impact.moved.items()}
        assert (len(price.escapes), price.unknown_ng) == (found.escapes, found.unknown_ng)
        assert {each.result_id for each in price.escapes} == escaped
        ng = sum(bool(part.is_ng) for part in parts)
        assert found.after.escape.found == expected.escapes[1]
        assert found.after.escape == measured_share(expected.escapes[1], found.after.escape.parts)
        assert found.after.escape.parts <= ng


async def test_parts_that_move_are_listed_escapes_first(line: Line) -> None:
    line.declare()
    await line.judge(200, 150)
    found = line.tuning.what_if("pcb", OtherSettings(Thresholds(pass_below=0.7, reject_above=0.95)))
    kinds = [(not each.is_escape, each.is_ng is None) for each in found.moves]
    assert found.escapes > 0
    assert kinds == sorted(kinds)
    assert found.moved == len(found.moves)
    assert sum(each.after.review.parts for each in found.cameras) == found.after.review.parts
    assert found.reviews_per_hour[0] > found.reviews_per_hour[1]


async def test_new_parts_reviews_and_shadow_votes_are_in_the_next_answer(line: Line) -> None:
    live = line.declare()
    await line.judge(40, 20)
    first = line.tuning.what_if("pcb", OtherSettings(live.thresholds))
    async with SqlLedger(line.url) as ledger:
        for part, _ in list(voted_parts(60))[40:]:
            await ledger.record(part, [])
        await ledger.add_shadow("pcb-cam1-t1", list(voted_parts(2))[1][0].votes)
    add_reviews(line.url, [labelled("pcb-cam1-t30", True)])
    parts = line.archive.history("pcb", FINGERPRINT, 10_000).parts
    for low, high in LIMITS:
        after = with_limits(live, low, high)
        assert line.tuning.what_if("pcb", OtherSettings(after.thresholds)).impact == impact(
            parts, live, after, FINGERPRINT
        )
    assert line.tuning.what_if("pcb", OtherSettings(live.thresholds)).impact.parts > first.impact.parts
    assert line.tuning.what_if("pcb", OtherSettings(live.thresholds)).impact.reviewed == first.impact.reviewed + 1


async def test_scores_are_those_of_the_votes_after_each_rung(line: Line) -> None:
    line.declare()
    await line.judge(60, 30)
    scores = line.tuning.scores("pcb")
    records = {row.number: row.part for row in line.archive.parts(PartFilter(), 100)}
    for at, number in enumerate(scores.number.tolist()):
        votes = records[number].votes
        asked = {vote.rung for vote in votes}
        for rung, column in enumerate(scores.p_ng):
            assert np.isnan(column[at]) or rung in asked
        if len(votes) == 1 and votes[0].p_ng is not None:
            assert scores.p_ng[0][at] == pytest.approx(votes[0].p_ng)
    assert (scores.truth >= 0).sum() == 30
    by_kind = {kind: scores.disposition == scores.dispositions.index(kind) for kind in Disposition}
    for mask in by_kind.values():
        if (scores.truth[mask] >= 0).any():
            assert np.nansum(scores.weight[mask]) == pytest.approx(mask.sum())


def test_a_line_without_judged_parts_says_so(line: Line) -> None:
    line.declare()
    with pytest.raises(NotFoundError, match="no part of pcb was judged"):
        line.tuning.scores("pcb")
    with pytest.raises(NotFoundError, match="no line 'solar'"):
        line.tuning.scores("solar")


def cut(part: PartHistory, rungs: int) -> PartHistory:
    """The part as a shorter ladder would have left it: a later rung follows whole ones."""

    def first(votes: tuple[Vote, ...]) -> tuple[Vote, ...]:
        return tuple(vote for vote in votes if vote.rung < rungs)

    votes, shadow = part.part.votes, part.shadow
    is_whole = any(vote.rung >= rungs for vote in votes)
    stopped_by = StoppedBy.LADDER_END if is_whole else part.part.stopped_by
    left = replace(part.part, votes=first(votes), stopped_by=stopped_by)
    return part._replace(part=left, shadow=first(shadow))


@pytest.mark.parametrize("settings", [{}, {"count": "majority", "fail_safe": "REJECT"}], ids=["soft", "majority"])
async def test_shorter_ladder_is_replayed_as_if_it_was_declared(line: Line, settings: dict[str, Any]) -> None:
    live = line.declare(**settings)
    await line.judge(150, 90)
    history = line.archive.history("pcb", FINGERPRINT, 10_000).parts
    parts = [part for part in history if part.part.stopped_by in VOTE_STOPS]
    for rungs, (low, high) in product((1, 2, 3), LIMITS):
        after = with_limits(live.model_copy(update={"ladder": live.ladder[:rungs]}), low, high)
        found = line.tuning.what_if("pcb", OtherSettings(after.thresholds, rungs))
        assert found.impact == impact(parts, live, after, FINGERPRINT, [cut(part, rungs) for part in parts])
        assert (found.ladder, found.settings.rungs) == (3, rungs)
    shortest = line.tuning.what_if("pcb", OtherSettings(live.thresholds, 1))
    assert shortest.impact.votes[1] < shortest.impact.votes[0]


async def test_longer_ladder_and_unknown_camera_are_refused(line: Line) -> None:
    live = line.declare()
    await line.judge(20, 5)
    with pytest.raises(InspectorError, match="rungs: 4 is more than the ladder of pcb has; use 1 to 3"):
        line.tuning.what_if("pcb", OtherSettings(live.thresholds, 4))
    with pytest.raises(NotFoundError, match="no part of pcb/cam9 was judged"):
        line.tuning.what_if("pcb", OtherSettings(live.thresholds, camera="cam9"))


async def test_one_camera_alone_has_the_figures_of_that_camera(line: Line) -> None:
    line.declare()
    await line.judge(60, 40)
    async with SqlLedger(line.url) as ledger:
        for part, _ in voted_parts(30, seed=5):
            await ledger.record(replace(part, result_id=f"b-{part.result_id}", key=part.key._replace(camera="b")), [])
    limits = Thresholds(pass_below=0.5, reject_above=0.9)
    whole, alone = (line.tuning.what_if("pcb", OtherSettings(limits, camera=camera)) for camera in (None, "b"))
    [shares] = [each for each in whole.cameras if each.camera == "b"]
    assert (alone.before, alone.after) == (shares.before, shares.after)
    assert {each.part.camera for each in alone.moves} == {"b"}
    assert [each.camera for each in alone.cameras] == ["b"]


async def test_escapes_are_split_by_class_and_by_the_most_serious_severity(line: Line) -> None:
    line.declare(defects={"scratch": "minor", "short": "critical"})
    parts = list(voted_parts(80))
    async with SqlLedger(line.url) as ledger:
        for part, _ in parts:
            await ledger.record(replace(part, stopped_by=StoppedBy.LADDER_END, words=REPORTED), [])
    ng = [part.result_id for part, is_ng in parts if is_ng]
    named = [("scratch",), ("scratch", "short"), ("dent",), ()]
    answers = [labelled(each, True) for each in ng]
    add_reviews(line.url, [replace(one, classes=named[at % 4]) for at, one in enumerate(answers)])
    found = line.tuning.what_if("pcb", OtherSettings(Thresholds(pass_below=0.9, reject_above=0.95)))
    counts = {each.defect: (each.severity, each.before.parts) for each in found.defects}
    of = [len(ng[at::4]) for at in range(4)]
    assert counts == {
        "short": (Severity.CRITICAL, of[1]),
        "scratch": (Severity.MINOR, of[0] + of[1] + of[3]),  # the report names it where no person named a class
        "dent": (None, of[2]),
    }
    assert {each.severity: each.before.parts for each in found.severities} == {
        Severity.CRITICAL: of[1],
        Severity.MINOR: of[0] + of[3],
    }
    assert sum(each.after.found for each in found.defects) > sum(each.before.found for each in found.defects)
    assert {("short" in each.defects) for each in found.moves if each.is_ng} == {True, False}


async def test_an_answer_is_in_the_next_figures_and_a_new_part_soon(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = line.declare()
    await line.judge(40, 0)
    assert line.tuning.what_if("pcb", OtherSettings(live.thresholds)).impact.reviewed == 0
    part, is_ng = list(voted_parts(41))[40]
    async with SqlLedger(line.url) as ledger:
        await ledger.record(part, [])
    assert len(line.tuning.scores("pcb").number) == 40
    add_reviews(line.url, [labelled(part.result_id, is_ng)])
    assert len(line.tuning.scores("pcb").number) == 41
    async with SqlLedger(line.url) as ledger:
        await ledger.record(replace(part, result_id="later", key=part.key._replace(trigger_id="later")), [])
    monkeypatch.setattr("inspector.lines.vote_tables.RECENT_S", 0.0)
    assert len(line.tuning.scores("pcb").number) == 42


async def test_a_price_looks_at_every_part_even_where_figures_may_be_older(line: Line) -> None:
    live = line.declare()
    await line.judge(30, 30)
    before = line.tuning.scores("pcb")
    part, _ = list(voted_parts(31))[30]
    async with SqlLedger(line.url) as ledger:
        await ledger.record(part, [])
    priced = line.tuning.pricing.price("pcb", ReadableVersion(with_limits(live, 0.9, 0.95), ()))
    assert priced.sums()["parts"] + priced.sums()["unknown"] + priced.cut_short[0] == len(before.number) + 1
