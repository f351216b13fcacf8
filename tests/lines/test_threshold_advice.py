"""Limits for a promise, chosen on the tables of votes, are those that a replay of each part gives."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import numpy as np
import pytest
from support.reviews import add_reviews, labelled
from support.voted_line import FINGERPRINT, voted_parts, voted_pipeline

from inspector.adapters.ledger import DeclaredVersion, SqlArchive, SqlLedger, store_versions
from inspector.domain.part_history import History
from inspector.lines.threshold_advice import ThresholdAdvisor
from inspector.lines.vote_tables import VoteTables
from inspector.tuning.threshold_choice import ThresholdChoice, ThresholdPromise, choose_thresholds, limit_grid
from inspector.tuning.threshold_evidence import gather_evidence


@pytest.mark.parametrize("whole_ladder", [False, True])
@pytest.mark.parametrize("promise", [ThresholdPromise(0.3, confidence=0.8), ThresholdPromise(0.3, 0.4, 0.8)])
async def test_choice_equals_that_of_a_replay_of_each_part(
    database: str, promise: ThresholdPromise, whole_ladder: bool
) -> None:
    line, parts = voted_pipeline(), list(voted_parts(150))
    store_versions(database, [DeclaredVersion(line, ())])
    async with SqlLedger(database) as ledger:
        for part, _ in parts:
            await ledger.record(part, [])
        for part, _ in parts[::3]:
            await ledger.add_shadow(part.result_id, part.votes)
    add_reviews(database, [labelled(part.result_id, is_ng) for part, is_ng in parts[:90]])
    with closing(SqlArchive(database)) as archive:
        found = ThresholdAdvisor(archive, VoteTables(archive)).advise("pcb", promise, whole_ladder=whole_ladder)
        history = archive.history("pcb", FINGERPRINT, 1000)
    if whole_ladder:
        shadowed = tuple(part for part in history.parts if part.shadow)
        history = History(shadowed, {})
    grid = limit_grid(line, promise, whole_ladder=whole_ladder)
    evidence = gather_evidence(history, line, FINGERPRINT, grid)
    expected = choose_thresholds(evidence, promise, line.thresholds)
    assert np.count_nonzero(evidence.truth >= 0) > 10
    assert found.choice == expected
    assert found.fingerprint == FINGERPRINT
    assert {each.number for each in found.next_parts}.isdisjoint(range(1, 91))


async def test_advice_about_the_same_parts_is_computed_once_and_an_answer_counts_at_once(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    line, parts, computed = voted_pipeline(), list(voted_parts(40)), list[object]()
    store_versions(database, [DeclaredVersion(line, ())])
    async with SqlLedger(database) as ledger:
        for part, _ in parts:
            await ledger.record(part, [])

    def counted(*given: Any) -> ThresholdChoice:
        computed.append(given)
        return choose_thresholds(*given)

    monkeypatch.setattr("inspector.lines.threshold_advice.choose_thresholds", counted)
    promise, other = ThresholdPromise(0.3, confidence=0.8), ThresholdPromise(0.2, confidence=0.8)
    with closing(SqlArchive(database)) as archive, ThreadPoolExecutor(4) as people:
        advisor = ThresholdAdvisor(archive, VoteTables(archive))
        answers = list(people.map(lambda _: advisor.advise("pcb", promise), range(8)))
        assert all(each is answers[0] for each in answers)
        assert len(computed) == 1
        advisor.advise("pcb", other)
        assert len(computed) == 2
        before = answers[0].choice.samples
        add_reviews(database, [labelled(parts[0][0].result_id, False)])
        after = advisor.advise("pcb", promise).choice.samples
    assert len(computed) == 3
    assert sum(each.reviewed for each in after) == sum(each.reviewed for each in before) + 1
