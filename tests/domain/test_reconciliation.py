"""The balance of a line: every number of a sequence is either decided, lost, in flight or unaccounted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from inspector.domain.reconciliation import (
    Balance,
    CameraAccount,
    CountComparison,
    Gap,
    SequenceHole,
    TriggerCount,
    camera_account,
)
from inspector.domain.sequence import Span, spans

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)
COUNTED = TriggerCount("pcb", "cam1", 100, NOON, LATER, LATER)


def hole(
    first: int, last: int, *, at: datetime = NOON, begun: datetime = NOON, ended: datetime = LATER
) -> SequenceHole:
    return SequenceHole(first, last, at, begun, ended)


def balance(*cameras: CameraAccount, decided: int = 10, published: int = 10, pending: int = 0) -> Balance:
    return Balance("pcb", LATER, cameras, decided, published, 0, pending, ())


@given(missing=st.sets(st.integers(1, 60)), lost=st.sets(st.integers(1, 60)), fresh=st.booleans())
def test_every_missing_number_is_in_exactly_one_account(missing: set[int], lost: set[int], fresh: bool) -> None:
    at = LATER if fresh else NOON
    holes = [hole(*span, at=at) for span in spans(missing)]
    losses = [Gap(*span, NOON) for span in spans(lost)]
    account = camera_account("cam1", 10, holes, losses, settled=NOON)
    assert account.lost == len(missing & lost)
    unexplained = spans(missing - lost)
    assert account.unaccounted == (() if fresh else tuple(unexplained))
    assert account.in_flight == (len(missing - lost) if fresh else 0)


def test_loss_of_an_earlier_run_of_the_counter_explains_nothing() -> None:
    before = Gap(5, 5, NOON - timedelta(hours=1))
    account = camera_account("cam1", 10, [hole(5, 5)], [before], settled=NOON)
    assert account.unaccounted == (Span(5, 5),)


def test_loss_recorded_shortly_after_the_last_part_counts() -> None:
    told = Gap(5, 5, LATER + timedelta(seconds=7))
    assert camera_account("cam1", 10, [hole(5, 5)], [told], settled=NOON).lost == 1


def test_balanced_books_have_no_problems() -> None:
    books = balance(CameraAccount("cam1", 10, 2, 1, ()))
    assert books.problems() == []
    assert books.triggers_seen == 13


def test_each_disagreement_is_described_in_words() -> None:
    account = CameraAccount("cam1", 10, 0, 0, (Span(4, 6), Span(9, 9)))
    compared = CountComparison(COUNTED, decided=97, lost=1)
    books = Balance("pcb", LATER, (account,), 10, 8, 0, 1, (compared,))
    holes, outbox, plc = books.problems()
    assert holes == "cam1: 4 trigger(s) neither decided nor recorded as lost: seq 4 to 6, 9 to 9"
    assert outbox == "10 decided, but 8 published and 1 waiting in the outbox"
    assert "the PLC counted 100 trigger(s)" in plc
    assert "97 decided and 1 lost" in plc


def test_difference_says_in_which_direction() -> None:
    assert CountComparison(COUNTED, 97, 1).difference == 2
    assert CountComparison(COUNTED, 101, 0).difference == -1
