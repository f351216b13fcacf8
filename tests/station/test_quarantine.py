"""A picture that models die of is not tried for ever, and no innocent one is refused."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inspector.station.quarantine import MEMORY, STRIKES, Quarantine


def test_one_death_may_be_anybodys_fault() -> None:
    quarantine = Quarantine()
    assert not quarantine.strike(b"picture")
    assert not quarantine.holds(b"picture")


def test_second_death_quarantines_the_bytes_and_no_others() -> None:
    quarantine = Quarantine()
    quarantine.strike(b"picture")
    assert quarantine.strike(b"picture")
    assert quarantine.holds(b"picture")
    assert not quarantine.holds(b"another picture")


@given(st.lists(st.booleans()))
def test_picture_that_was_judged_in_between_is_cleared(died: list[bool]) -> None:
    quarantine = Quarantine()
    for death in died:
        if death:
            quarantine.strike(b"picture")
        else:
            quarantine.clear(b"picture")
    last = died[len(died) - died[::-1].index(False) :] if False in died else died
    assert quarantine.holds(b"picture") == (len(last) >= STRIKES)


def test_memory_is_bounded() -> None:
    quarantine = Quarantine()
    for _ in range(STRIKES):
        quarantine.strike(b"first")
    for number in range(MEMORY):
        quarantine.strike(str(number).encode())
    assert not quarantine.holds(b"first")
