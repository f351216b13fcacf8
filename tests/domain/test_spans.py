"""Spans hold the same numbers as sets do."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from inspector.domain.spans import Span, absent, merged, total, without

SPANS = st.lists(st.tuples(st.integers(0, 80), st.integers(0, 9)).map(lambda each: Span(each[0], each[0] + each[1])))


def numbers(spans: list[Span]) -> set[int]:
    return {number for span in spans for number in range(span.first, span.last + 1)}


@given(SPANS)
def test_merged_spans_hold_the_same_numbers_and_no_two_touch(spans: list[Span]) -> None:
    found = merged(spans)
    assert numbers(found) == numbers(spans)
    assert total(found) == len(numbers(spans))
    assert all(after.first > before.last + 1 for before, after in pairwise(found))


@given(SPANS, SPANS)
def test_without_removes_exactly_those_numbers(spans: list[Span], removed: list[Span]) -> None:
    rest = without(merged(spans), merged(removed))
    assert numbers(rest) == numbers(spans) - numbers(removed)
    assert total(rest) == len(numbers(rest))


@given(st.integers(0, 50), st.integers(0, 30), st.sets(st.integers(0, 90)))
def test_absent_numbers_are_those_of_the_span_that_are_not_present(first: int, length: int, present: set[int]) -> None:
    span = Span(first, first + length)
    assert numbers(absent(span, sorted(present))) == numbers([span]) - present


def test_spans_of_any_length_take_no_time_by_numbers() -> None:
    whole, hole = Span(0, 10**15), Span(10**14, 10**14)
    assert without([whole], [hole]) == [Span(0, 10**14 - 1), Span(10**14 + 1, 10**15)]
    assert absent(whole, [5]) == [Span(0, 4), Span(6, 10**15)]
