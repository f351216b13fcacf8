"""A picture that models die of is not tried for ever, and no innocent one is refused."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inspector.station.quarantine import MAX_FAILURES, REMEMBERED_PICTURES, PictureQuarantine


def test_one_death_may_be_anybodys_fault() -> None:
    quarantine = PictureQuarantine()
    assert not quarantine.add_failure(b"picture")
    assert not quarantine.holds(b"picture")


def test_second_death_quarantines_the_bytes_and_no_others() -> None:
    quarantine = PictureQuarantine()
    quarantine.add_failure(b"picture")
    assert quarantine.add_failure(b"picture")
    assert quarantine.holds(b"picture")
    assert not quarantine.holds(b"another picture")


@given(st.lists(st.booleans()))
def test_picture_that_was_judged_in_between_is_cleared(died: list[bool]) -> None:
    quarantine = PictureQuarantine()
    for death in died:
        if death:
            quarantine.add_failure(b"picture")
        else:
            quarantine.clear(b"picture")
    last = died[len(died) - died[::-1].index(False) :] if False in died else died
    assert quarantine.holds(b"picture") == (len(last) >= MAX_FAILURES)


def test_memory_is_bounded() -> None:
    quarantine = PictureQuarantine()
    for _ in range(MAX_FAILURES):
        quarantine.add_failure(b"first")
    for number in range(REMEMBERED_PICTURES):
        quarantine.add_failure(str(number).encode())
    assert not quarantine.holds(b"first")
