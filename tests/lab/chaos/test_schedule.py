"""The order of faults: drawn by lot, the same for the same seed, none forgotten."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.lab.chaos.schedule import FaultKind, fault_schedule, parse_faults

faults = st.lists(st.sampled_from(FaultKind), min_size=1, unique=True)
kills = st.integers(1, 20)
durations = st.floats(1.0, 3600.0)
seeds = st.integers(0, 2**31)


@given(faults, kills, durations, seeds)
def test_every_fault_strikes_as_often_as_asked_in_order_and_in_time(
    faults: list[FaultKind], kills: int, duration_s: float, seed: int
) -> None:
    planned = fault_schedule(faults, kills, duration_s, seed)
    assert Counter(each.fault for each in planned) == dict.fromkeys(faults, kills)
    assert all(earlier.at_s < later.at_s for earlier, later in pairwise(planned))
    assert all(0.0 < each.at_s < duration_s and 0.0 <= each.lot < 1.0 for each in planned)


@given(faults, kills, durations, seeds)
def test_same_seed_gives_the_same_schedule(faults: list[FaultKind], kills: int, duration_s: float, seed: int) -> None:
    assert fault_schedule(faults, kills, duration_s, seed) == fault_schedule(faults, kills, duration_s, seed)


def test_another_seed_gives_another_order() -> None:
    orders = {tuple(each.fault for each in fault_schedule(tuple(FaultKind), 3, 60.0, seed)) for seed in range(10)}
    assert len(orders) > 1


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("station", (FaultKind.STATION,)),
        ("network, broker", (FaultKind.NETWORK, FaultKind.BROKER)),
        ("relay,station", (FaultKind.STATION,)),  # one process: it dies once
        ("relay-freeze", (FaultKind.STATION_FREEZE,)),
        (",".join(FaultKind), tuple(FaultKind)),
    ],
)
def test_faults_are_chosen_by_name(names: str, expected: tuple[FaultKind, ...]) -> None:
    assert parse_faults(names) == expected


@pytest.mark.parametrize("names", ["", " , ", "station,gremlin"])
def test_unknown_fault_is_refused_with_those_there_are(names: str) -> None:
    with pytest.raises(ValueError, match=r"there are station, .*, hostile-all"):
        parse_faults(names)
