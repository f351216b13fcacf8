"""The service on several nodes that are cut off, die and are added while frames arrive (`make proof`).

All nodes share this machine's cores. A node that starts has the lowest priority until it has started: on a machine of
its own it would take nothing from station, broker and ledger.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Final

import pytest
from support.clustered_site import ClusteredSite, clustered_site
from support.node_faults import FaultedRun, judged_per_s
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
SLOW_ENGINE: Final = "100ms"
BURST_FRAMES, BURST_RATE = 160, 60.0
MIN_RATIO: Final = 1.9
UNTIL_DEAD_S: Final = 32.0  # Ray calls a cut node dead after up to 28 s


def test_frames_are_judged_in_time_while_nodes_are_cut_off_killed_and_added(tmp_path: Path) -> None:
    with clustered_site(tmp_path, deadline_ms=DEADLINE_S * 1000.0) as site, site.load("fault", RATE) as load:
        run = FaultedRun(site, load)
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


def test_two_model_nodes_carry_twice_the_parts_of_one(tmp_path: Path) -> None:
    """The engine sleeps, so that this measures the way to the nodes and not their cores."""
    with clustered_site(tmp_path, deadline_ms=60_000, checkpoint=SLOW_ENGINE) as site:
        both = burst_per_s(site, "two")
        site.models["model-2"].kill()
        while site.models["model-2"].address in site.nodes.alive():
            time.sleep(0.5)
        one = burst_per_s(site, "one")
    print(json.dumps({"two_nodes_per_s": both, "one_node_per_s": one, "ratio": round(both / one, 3)}, indent=2))
    assert both / one >= MIN_RATIO


def burst_per_s(site: ClusteredSite, run: str) -> float:
    """Send frames faster than the nodes judge them; return the pace that the nodes set."""
    with site.load(run, BURST_RATE) as load:
        load.start()
        time.sleep(BURST_FRAMES / BURST_RATE)
        traces = site.traces(load)
    assert all(each.received and each.received[0].judged for each in traces)
    return judged_per_s(traces)
