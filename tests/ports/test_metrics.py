"""The sums behind the metrics: valid names for Prometheus, edges around the deadline, and addition."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from inspector.adapters.telemetry.metrics import METRICS, MetricKind
from inspector.ports.metrics import DEADLINE_SHARE_EDGES, NO_PARTS, PartSums

numbers = st.integers(0, 10**6)
counted = st.builds(
    PartSums,
    *[numbers] * 4,
    *[st.integers(0, 10**6).map(float)] * 2,
    st.tuples(*[numbers] * len(DEADLINE_SHARE_EDGES)),
)


def test_names_are_ours_and_say_their_unit_or_what_they_count() -> None:
    for metric in METRICS:
        assert re.fullmatch(r"inspector_[a-z_]+", metric.name)
        assert metric.name.endswith("_total") == (metric.kind is MetricKind.COUNTER), metric.name
        assert metric.help
        assert {"result_id", "trigger_id"}.isdisjoint(metric.labels), "a series for every part"


def test_names_are_distinct() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS) > 15


def test_edges_rise_and_one_of_them_is_the_deadline() -> None:
    assert list(DEADLINE_SHARE_EDGES) == sorted(set(DEADLINE_SHARE_EDGES))
    assert 1.0 in DEADLINE_SHARE_EDGES
    assert DEADLINE_SHARE_EDGES[0] < 0.5 < 1.0 < DEADLINE_SHARE_EDGES[-1]


@given(counted, counted, counted)
def test_sums_do_not_depend_on_their_order(one: PartSums, two: PartSums, three: PartSums) -> None:
    assert (one + two) + three == (three + one) + two
    assert one + NO_PARTS == one
