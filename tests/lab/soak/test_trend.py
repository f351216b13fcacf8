from __future__ import annotations

from random import Random

import pytest

from inspector.lab.soak.trend import TimedSample, Trend, trend_of

SETTLING_MIB = 0.5


def of(samples: list[TimedSample]) -> Trend:
    trend = trend_of(samples)
    assert trend is not None
    return trend


@pytest.mark.parametrize(("slope_per_min", "flat"), [(0.0, True), (0.5, False), (1.1, False)])
def test_growth_is_told_from_noise(slope_per_min: float, *, flat: bool) -> None:
    """The station once grew by 1.1 MiB a minute."""
    noise = Random(7)
    trend = of(
        [TimedSample(at_s, 300.0 + slope_per_min * at_s / 60.0 + noise.gauss(0.0, 1.5)) for at_s in range(0, 900, 2)]
    )
    assert trend.is_flat(SETTLING_MIB) is flat
    assert trend.lower_per_min < slope_per_min < trend.upper_per_min


def test_settling_of_a_heap_is_no_growth() -> None:
    """A process that always holds the same grew by a quarter of a MiB in seven minutes, without noise."""
    assert of([TimedSample(at_s, 275.0 + 0.035 * at_s / 60.0) for at_s in range(0, 420, 2)]).is_flat(SETTLING_MIB)


def test_a_large_growth_is_none_the_smaller_for_noise() -> None:
    swinging = [(at_s, 20.0 * (-1) ** (at_s // 30)) for at_s in range(0, 600, 2)]
    trend = of([TimedSample(at_s, 50.0 + at_s / 60.0 + swing) for at_s, swing in swinging])
    assert trend.lower_per_min < 0.0, "nothing is proved"
    assert not trend.is_flat(SETTLING_MIB)


def test_a_few_handles_more_are_no_growth_and_a_handle_a_minute_is() -> None:
    steady = of([TimedSample(at_s, 40.0 + (at_s > 300)) for at_s in range(0, 600, 2)])
    leaking = of([TimedSample(at_s, 40.0 + at_s // 60) for at_s in range(0, 600, 2)])
    assert (steady.is_flat(3.0), leaking.is_flat(3.0)) == (True, False)


def test_too_few_samples_have_no_trend() -> None:
    assert trend_of([TimedSample(0.0, 1.0), TimedSample(2.0, 9.0)]) is None
