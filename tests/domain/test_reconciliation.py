"""The balance of a line: every number of a sequence is either decided, lost, in flight or unaccounted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from inspector.domain.reconciliation import (
    Balance,
    CameraAccount,
    CountComparison,
    CounterRange,
    Gap,
    RunSpan,
    SequenceHole,
    TriggerCount,
    camera_account,
)
from inspector.domain.spans import Span, merged

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)
COUNTED = TriggerCount("pcb", "cam1", 100, NOON, LATER, LATER)


def hole(first: int, last: int, *, at: datetime = NOON, run: int = 1) -> SequenceHole:
    return SequenceHole(first, last, at, run)


def balance(*cameras: CameraAccount, decided: int = 10, published: int = 10, pending: int = 0) -> Balance:
    return Balance("pcb", LATER, cameras, decided, published, 0, pending, ())


def numbered(numbers: set[int]) -> list[Span]:
    return merged(Span(number, number) for number in numbers)


@given(
    parts=st.sets(st.integers(1, 60), min_size=1),
    lost=st.sets(st.integers(0, 70)),
    twice=st.sets(st.integers(0, 70)),
    fresh=st.booleans(),
)
def test_every_number_is_in_exactly_one_account(parts: set[int], lost: set[int], twice: set[int], fresh: bool) -> None:
    """Whatever is booked twice, or arrived after it was given up."""
    missing = set(range(min(parts), max(parts))) - parts
    holes = [hole(*span, at=LATER if fresh else NOON) for span in numbered(missing)]
    losses = [Gap(*span, NOON, 1) for span in (*numbered(lost), *numbered(twice & lost))]
    reached = [CounterRange(1, min(parts), max(parts))]
    account = camera_account("cam1", len(parts), reached, holes, losses, settled=NOON)
    assert account.lost == len(lost - parts)
    unexplained = [RunSpan(1, *span) for span in numbered(missing - lost)]
    assert account.unaccounted == (() if fresh else tuple(unexplained))
    assert account.in_flight == (len(missing - lost) if fresh else 0)


def test_loss_of_another_run_of_the_counter_explains_nothing() -> None:
    reached = [CounterRange(1, 1, 9), CounterRange(2, 1, 9)]
    account = camera_account("cam1", 10, reached, [hole(5, 5, run=2)], [Gap(5, 5, NOON, 1)], settled=NOON)
    assert account.unaccounted == (RunSpan(2, 5, 5),)
    assert (account.lost, account.runs) == (0, 2)


def test_losses_before_the_first_and_after_the_last_part_of_a_run_are_losses() -> None:
    losses = [Gap(1, 4, NOON, 1), Gap(250, 255, NOON, 1)]
    assert camera_account("cam1", 10, [CounterRange(1, 5, 249)], [], losses, settled=NOON).lost == 10


def test_balanced_books_have_no_problems() -> None:
    books = balance(CameraAccount("cam1", 10, 2, 1, ()))
    assert books.problems() == []
    assert books.triggers_seen == 13


def test_each_disagreement_is_described_in_words() -> None:
    account = CameraAccount("cam1", 10, 0, 0, (RunSpan(1, 4, 6), RunSpan(1, 9, 9)))
    compared = CountComparison(COUNTED, decided=97, lost=1)
    books = Balance("pcb", LATER, (account,), 10, 8, 0, 1, (compared,))
    holes, outbox, plc = books.problems()
    assert holes == "cam1: 4 trigger(s) neither decided nor recorded as lost: seq 4 to 6, 9 to 9"
    assert outbox == "10 decided, but 8 published and 1 waiting in the outbox"
    assert "the PLC counted 100 trigger(s)" in plc
    assert "97 decided and 1 lost" in plc


def test_run_is_named_where_the_counter_has_several() -> None:
    account = CameraAccount("cam1", 10, 0, 0, (RunSpan(3, 4, 6),), runs=4)
    assert balance(account).problems() == [
        "cam1: 3 trigger(s) neither decided nor recorded as lost: seq 4 to 6 (run 3)"
    ]


def test_difference_says_in_which_direction() -> None:
    assert CountComparison(COUNTED, 97, 1).difference == 2
    assert CountComparison(COUNTED, 101, 0).difference == -1
