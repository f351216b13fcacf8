"""The service on several nodes that are cut off, die and are added while frames arrive (`make proof`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest
from support.clustered_site import clustered_site
from support.node_faults import FaultedRun
from support.ray_nodes import missing_right

from inspector.adapters.mqtt.local import mosquitto

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(mosquitto.find() is None, reason="mosquitto is not installed"),
    pytest.mark.skipif(bool(missing_right()), reason=missing_right() or "namespaces are permitted"),
    pytest.mark.timeout(1200),
]
RATE: Final = 30.0
DEADLINE_S: Final = 5.0
UNTIL_DEAD_S: Final = 32.0  # Ray calls a cut node dead after up to 28 s


def test_frames_are_judged_in_time_while_nodes_are_cut_off_killed_and_added(tmp_path: Path) -> None:
    with clustered_site(tmp_path, deadline_ms=DEADLINE_S * 1000.0) as site:
        run = FaultedRun(site, site.load("fault", RATE))
        run.begin()
        run.strike("model node cut off", site.models["model-1"].cut, UNTIL_DEAD_S)
        run.strike("model node added", site.add_model_node)
        run.strike("head killed", site.head.kill)
        run.strike("head back", site.restart_head)
        run.strike("model node killed", site.models["model-2"].kill)
        run.strike("second model node added", site.add_model_node)
        figures = run.figures(RATE, DEADLINE_S)
    print(json.dumps(figures, indent=2))
    total = figures["total"]
    assert (total["lost"], total["decided_twice"], total["wrong_pass"]) == (0, 0, 0)
    assert total["slowest_s"] <= DEADLINE_S
    assert [each for each in figures["faults"] if each["unjudged"] > each["in_flight"]] == []
    assert [each for each in figures["faults"] if each["full_rate_after_s"] is None] == []
