"""The band around a share: a change is found soon, and one that is none however often one asks."""

from __future__ import annotations

import numpy as np
import pytest

from inspector.numerics.share_band import FALSE_ALARMS, ShareBand, band_around

BAND = ShareBand(0.02, 0.08)


def left_after(share: float, parts: int, seed: int, band: ShareBand = BAND) -> int | None:
    """The number of parts after which the band was left, asking after each of them."""
    counts = np.cumsum(np.random.default_rng(seed).random(parts) < share)
    asked = (number for number, count in enumerate(counts, 1) if band.is_left_by(int(count), number))
    return next(asked, None)


def test_a_share_in_the_band_hardly_ever_leaves_it() -> None:
    alarms = sum(left_after(share, 400, seed) is not None for share in (0.02, 0.08) for seed in range(100))
    assert alarms <= 2 * FALSE_ALARMS * 200


@pytest.mark.parametrize(("share", "within"), [(0.3, 60), (1.0, 4), (0.2, 300)])
def test_a_share_above_the_band_is_found(share: float, within: int) -> None:
    found = [left_after(share, within, seed) for seed in range(20)]
    assert sum(each is not None for each in found) >= 18


def test_a_share_below_the_band_is_found() -> None:
    assert left_after(0.0, 40, 0, ShareBand(0.3, 0.5)) is not None


def test_no_parts_are_no_change() -> None:
    assert not BAND.is_left_by(0, 0)


def test_the_band_is_the_exact_interval_and_the_tolerance() -> None:
    assert band_around(5, 100, 0.02) == pytest.approx((0.0164 - 0.02 + 0.0036, 0.1128 + 0.02), abs=1e-3)


@pytest.mark.parametrize("parts", [0, 3])
def test_few_earlier_parts_prove_nothing(parts: int) -> None:
    assert not band_around(0, parts, 0.0).is_left_by(2, 4)
