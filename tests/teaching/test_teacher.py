from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.taught_parts import taught_parts

from inspector.errors import InspectorError
from inspector.teaching.advice import Advice
from inspector.teaching.methods import HEADS
from inspector.teaching.taught_model import MAX_BYTES, read_taught_model
from inspector.teaching.teacher import teach


def test_golden_samples_alone_teach_a_memory_that_assists() -> None:
    report = teach(taught_parts(30, 0), grouped=True, declared=["spot"])
    assert [str(member.name) for member in report.model.members] == ["memory:lite0/16"]
    assert report.advice is Advice.ASSIST
    assert report.model.limits.reject_above is None
    assert "10 more NG parts" in report.missing[0]
    good = [report.model.opinion(part.features).p_ng for part in taught_parts(20, 0, seed=5)]
    odd = [report.model.opinion(part.features).p_ng for part in taught_parts(0, 10, seed=5)]
    assert np.mean(np.array(good) < 0.5) > 0.7
    assert min(odd) > 0.5


def test_under_ten_ng_parts_no_head_is_learned() -> None:
    report = teach(taught_parts(20, 9), grouped=True)
    assert not {member.name.kind for member in report.model.members} & HEADS
    assert report.advice is Advice.ASSIST
    assert "1 more NG parts" in report.missing[0]


def test_under_thirty_ng_parts_nothing_may_reject() -> None:
    report = teach(taught_parts(40, 29), grouped=True)
    assert report.model.limits.reject_above is None
    assert report.advice is Advice.ASSIST
    assert "1 more NG parts for the right to REJECT" in report.missing


def test_too_few_ng_parts_to_certify_a_limit_still_withhold_a_pass() -> None:
    parts = taught_parts(40, 12)
    model = teach(parts, grouped=True).model
    assert model.limits.pass_below is not None
    assert all(model.opinion(part.features).log_odds > model.limits.pass_below for part in parts if part.is_ng)


@pytest.fixture(scope="module")
def decided():  # type: ignore[no-untyped-def]
    return teach(taught_parts(60, 30), grouped=True, declared=["spot", "burr"], backbones=[("lite0", "f" * 16)])


def test_thirty_ng_parts_that_separate_may_decide(decided) -> None:  # type: ignore[no-untyped-def]
    assert decided.advice is Advice.DECIDE
    assert decided.model.limits.reject_above is not None
    assert decided.missing == ("classes never seen: burr",)
    assert max(decided.methods.values()) > 0.95


def test_without_groups_nothing_may_decide() -> None:
    report = teach(taught_parts(60, 30), grouped=False)
    assert report.advice is Advice.ASSIST
    assert any("several groups" in each for each in report.missing)


def test_no_known_ng_part_passes() -> None:
    """Some NG parts look exactly like good ones."""
    hidden = taught_parts(0, 3, strength=0.0, seed=9)
    known = [*taught_parts(60, 40), *(replace(part, name=f"{part.name}h", group=f"{part.group}h") for part in hidden)]
    report = teach(known, grouped=True)
    log_odds = np.array([report.model.opinion(part.features).log_odds for part in known if part.is_ng])
    assert not report.model.limits.passes(log_odds).any()


def test_good_parts_of_one_group_are_refused() -> None:
    with pytest.raises(InspectorError, match="one group"):
        teach(taught_parts(10, 0, groups=1), grouped=True)


def test_a_golden_sample_unlike_all_others_is_left_out() -> None:
    stray = replace(taught_parts(0, 1, strength=60.0, seed=4)[0], name="stray", is_ng=False, boxes=(), defect="")
    report = teach([*taught_parts(20, 0), stray], grouped=True)
    assert report.outliers == ("stray",)
    assert "stray" not in report.model.parts


def test_methods_that_rank_no_better_than_chance_are_refused() -> None:
    report = teach(taught_parts(40, 30, strength=0.0), grouped=True)
    assert report.advice is Advice.REFUSE or (report.ranking.auroc is not None and report.ranking.auroc >= 0.6)
    assert report.advice is not Advice.DECIDE


def test_a_stored_model_is_small_and_judges_as_before(decided) -> None:  # type: ignore[no-untyped-def]
    data = decided.model.to_bytes()
    assert len(data) < MAX_BYTES
    stored = read_taught_model(data)
    assert stored.to_bytes() == data
    assert stored.backbones == (("lite0", "f" * 16),)
    assert stored.parts == decided.model.parts
    for part in taught_parts(2, 2, seed=8):
        ours, theirs = decided.model.opinion(part.features), stored.opinion(part.features)
        assert ours.p_ng == pytest.approx(theirs.p_ng, abs=1e-4)
        assert ours.by == theirs.by


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 cut", b"{}"])
def test_damaged_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(InspectorError, match="teach the line again"):
        read_taught_model(data)


def test_missing_features_are_named(decided) -> None:  # type: ignore[no-untyped-def]
    part = taught_parts(1, 0)[0]
    lacks = replace(part.features, maps={})
    assert decided.model.missing(part.features) == []
    assert decided.model.missing(lacks) == sorted(decided.model.maps)
