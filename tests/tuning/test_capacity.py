"""The formula for waiting, held against a simulation of the same queue."""

from __future__ import annotations

import heapq
import random
from itertools import accumulate

import pytest

from inspector.tuning.capacity import Demand, ServiceTimes, capacity_of, erlang_c, needed_capacity

EQUAL = ServiceTimes([100.0] * 200)
VARIED = ServiceTimes.of_mean_and_p95(100.0, 250.0)
LADDER = ServiceTimes([60.0] * 85 + [260.0] * 12 + [600.0] * 3)
PARTS = 60_000


def poisson(rng: random.Random, per_s: float) -> list[float]:
    return list(accumulate(rng.expovariate(per_s) for _ in range(PARTS)))


def periodic(rng: random.Random, per_s: float) -> list[float]:
    """Twelve cameras that trigger regularly, each with a phase of its own."""
    cameras = 12
    phases = [rng.random() for _ in range(cameras)]
    return sorted((number + phase) * cameras / per_s for phase in phases for number in range(PARTS // cameras))


def simulated_late(arrivals: list[float], servers: int, demand: Demand, times: ServiceTimes) -> float:
    """Share of parts that end after their deadline, first come, first served."""
    rng = random.Random(7)
    free = [0.0] * servers
    late = 0
    for arrival in arrivals:
        end = max(arrival, heapq.heappop(free)) + rng.choice(times.samples_ms) / 1000.0
        heapq.heappush(free, end)
        late += end - arrival > demand.deadline_ms / 1000.0
    return late / len(arrivals)


def test_erlang_c_agrees_with_known_values() -> None:
    assert erlang_c(1, 0.5) == pytest.approx(0.5)
    assert erlang_c(2, 1.0) == pytest.approx(1 / 3)
    assert erlang_c(10, 8.0) == pytest.approx(0.4092, abs=1e-4)


@pytest.mark.parametrize("times", [EQUAL, VARIED, LADDER], ids=["equal", "varied", "ladder"])
@pytest.mark.parametrize("per_s", [5.0, 30.0, 120.0])
@pytest.mark.parametrize("arrivals", [poisson, periodic])
def test_promise_holds_in_a_simulation(times: ServiceTimes, per_s: float, arrivals: object) -> None:
    demand = Demand(per_s, 1000.0, 0.005)
    capacity = needed_capacity(demand, times)
    assert capacity is not None
    arrived = (poisson if arrivals is poisson else periodic)(random.Random(3), per_s)
    assert simulated_late(arrived, capacity.servers, demand, times) <= 1.5 * demand.late_share


@pytest.mark.parametrize("times", [EQUAL, VARIED, LADDER], ids=["equal", "varied", "ladder"])
def test_answer_is_not_wasteful(times: ServiceTimes) -> None:
    """A quarter fewer servers break the promise, or are busier than is allowed."""
    demand = Demand(120.0, 700.0, 0.005)
    capacity = needed_capacity(demand, times)
    assert capacity is not None
    fewer = capacity.servers * 3 // 4
    assert capacity_of(fewer, demand, times).busy > 0.9 or (
        simulated_late(poisson(random.Random(3), 120.0), fewer, demand, times) > demand.late_share
    )


def test_share_late_is_near_the_simulated_one() -> None:
    demand = Demand(30.0, 500.0, 0.01)
    formula = capacity_of(4, demand, VARIED).late_share
    simulated = simulated_late(poisson(random.Random(5), 30.0), 4, demand, VARIED)
    assert simulated / 2 < formula < 2 * simulated


def test_no_number_suffices_where_parts_alone_take_too_long() -> None:
    assert needed_capacity(Demand(1.0, 500.0, 0.01), LADDER) is None


def test_servers_that_can_not_keep_up_are_late() -> None:
    assert capacity_of(1, Demand(20.0, 1e6, 0.01), EQUAL).late_share == 1.0


@pytest.mark.parametrize(("mean_ms", "p95_ms"), [(100.0, 90.0), (100.0, 1000.0)])
def test_impossible_pair_of_figures_is_refused(mean_ms: float, p95_ms: float) -> None:
    with pytest.raises(ValueError, match="no distribution of times"):
        ServiceTimes.of_mean_and_p95(mean_ms, p95_ms)


def test_two_figures_give_back_their_mean_and_p95() -> None:
    ordered = sorted(VARIED.samples_ms)
    assert VARIED.mean_ms == pytest.approx(100.0, rel=0.02)
    assert ordered[int(0.95 * len(ordered))] == pytest.approx(250.0, rel=0.03)


@pytest.mark.parametrize("samples", [[], [0.0], [-1.0], [float("nan")], [float("inf")]])
def test_times_that_are_none_are_refused(samples: list[float]) -> None:
    with pytest.raises(ValueError, match="finite and above 0"):
        ServiceTimes(samples)
