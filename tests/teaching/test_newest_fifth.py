from __future__ import annotations

from datetime import UTC, datetime, timedelta

from inspector.teaching.newest_fifth import DatedPart, group_parts, newest_groups

START = datetime(2026, 11, 2, 6, tzinfo=UTC)


def dated(number: int, *, hours: float = 0.0, lot: str | None = None, part_id: str | None = None) -> DatedPart:
    return DatedPart(f"r{number}", part_id, lot, START + timedelta(hours=hours or number))


def test_lots_group_before_shifts_and_shifts_before_parts() -> None:
    lots = group_parts([dated(number, lot=f"L{number // 4}") for number in range(20)])
    shifts = group_parts([dated(number, hours=3.0 * number) for number in range(20)])
    one_day = group_parts([dated(number, hours=number / 10, part_id=f"p{number // 2}") for number in range(20)])
    assert (lots.name, lots.size) == ("lot", 5)
    assert (shifts.name, shifts.size) == ("shift", 8)
    assert (one_day.name, one_day.size) == ("part", 10)


def test_the_newest_groups_hold_a_fifth_of_the_parts() -> None:
    parts = [dated(number, lot=f"L{number // 4}") for number in range(40)]
    assert newest_groups(parts, group_parts(parts)) == {"lot L8", "lot L9"}


def test_a_group_is_as_new_as_its_newest_part() -> None:
    """A lot that came back yesterday is not taught with its older half."""
    parts = [dated(number, lot=f"L{number // 4}") for number in range(40)]
    late = dated(99, hours=99.0, lot="L0")
    assert "lot L0" in newest_groups([*parts, late], group_parts([*parts, late]))
