"""Facts that arrive after a part's decision: a balanced sample, and a choice by key alone."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from support.fakes import PASSED, REJECTED, a_part

from inspector.domain.decision import Decision
from inspector.domain.declared import Disposition
from inspector.domain.frame import FrameKey
from inspector.domain.part_history import PartHistory, balanced_sample, is_shadow


def past(decision: Decision, count: int, reviewed: int) -> list[PartHistory]:
    parts = [a_part(f"{decision.disposition}-{k}", decision=decision) for k in range(count)]
    return [PartHistory(part, is_ng=False if k < reviewed else None) for k, part in enumerate(parts)]


def kept(parts: list[PartHistory]) -> Counter[Disposition]:
    return Counter(part.part.decision.disposition for part in balanced_sample(parts))


def test_parts_that_were_all_reviewed_all_stay() -> None:
    assert kept([*past(PASSED, 7, 7), *past(REJECTED, 3, 3)]) == {Disposition.PASS: 7, Disposition.REJECT: 3}


def test_rejects_are_thinned_to_the_share_of_passes_that_was_reviewed() -> None:
    assert kept([*past(PASSED, 80, 20), *past(REJECTED, 20, 20)]) == {Disposition.PASS: 20, Disposition.REJECT: 5}


def test_reviews_of_rejects_alone_say_nothing() -> None:
    assert balanced_sample([*past(PASSED, 80, 0), *past(REJECTED, 20, 20)]) == []


def test_a_rare_disposition_need_not_keep_up() -> None:
    assert kept([*past(PASSED, 199, 199), *past(REJECTED, 1, 0)]) == {Disposition.PASS: 199}


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.integers(0, 10**6))
def test_a_shadow_at_a_share_is_one_at_every_larger_share(one: float, other: float, number: int) -> None:
    key = FrameKey("pcb", "cam1", f"t-{number}")
    assert not is_shadow(key, 0.0)
    assert is_shadow(key, 1.0)
    assert is_shadow(key, min(one, other)) <= is_shadow(key, max(one, other))


def test_about_the_declared_share_of_names_is_chosen() -> None:
    chosen = sum(is_shadow(FrameKey("pcb", "cam1", f"st3-{number}"), 0.01) for number in range(20_000))
    assert 150 < chosen < 250
