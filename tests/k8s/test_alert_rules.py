"""Each alert rule fires on the series that it is for, and stays silent on those of a sound line, in promtool."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from support.paths import ROOT

FILE = ROOT / "k8s" / "alerts.yaml"
ALERTS = [rule["alert"] for group in yaml.safe_load(FILE.read_text())["groups"] for rule in group["rules"]]
MINUTES = 30  # of each history, one sample a minute

pytestmark = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool (Debian: prometheus) is not installed"
)


class History(NamedTuple):
    """Series and their samples, one a minute, in promtool's notation: start + step x times, `_` for none."""

    series: dict[str, str]


def one(series: str, samples: str) -> History:
    return History({series: samples})


def event(kind: str, samples: str) -> History:
    return one(f'inspector_events_total{{line="mugs", kind="{kind}"}}', samples)


def latencies(quick: str, all_parts: str) -> History:
    """Parts that took at most 0.5 of their deadline, and at most all of it."""
    bucket = 'inspector_verdict_latency_ratio_bucket{{line="mugs", le="{}"}}'
    return History({bucket.format("0.5"): quick, bucket.format("1.0"): all_parts, bucket.format("+Inf"): all_parts})


def parts(judged: str, refused: str) -> History:
    part = 'inspector_parts_total{{line="mugs", disposition="{}", reason="{}"}}'
    return History({part.format("PASS", "NO_DEFECT"): judged, part.format("REVIEW", "OVERLOAD"): refused})


CASES: dict[str, tuple[History, History]] = {  # alert: what makes it fire, what does not
    "InspectorUnaccountedParts": (
        one('inspector_unaccounted_parts{line="mugs"}', "0x20 1x10"),
        one('inspector_unaccounted_parts{line="mugs"}', "0x30"),
    ),
    "InspectorBooksDisagree": (
        one('inspector_books_balanced{line="mugs"}', "1x10 0x20"),
        one('inspector_books_balanced{line="mugs"}', "1x25 0x5"),  # a part is on its way
    ),
    "InspectorFramesLost": (
        one('inspector_frames_lost_total{line="mugs", camera="cam1"}', "0x25 3x5"),
        one('inspector_frames_lost_total{line="mugs", camera="cam1"}', "3x30"),  # lost long ago
    ),
    "InspectorModelServerAway": (
        one('inspector_station_model_away{station="0"}', "0x29 1"),
        one('inspector_station_model_away{station="0"}', "0x30"),
    ),
    "InspectorDeadlineMisses": (
        one('inspector_deadline_misses_total{line="mugs"}', "0x25 1x5"),
        one('inspector_deadline_misses_total{line="mugs"}', "7x30"),
    ),
    "InspectorDeadlineNear": (latencies("0+90x30", "0+100x30"), latencies("0+100x30", "0+100x30")),
    "InspectorFailSafe": (parts("0+90x30", "0+10x30"), parts("0+99x30", "0+1x30")),
    "InspectorOutboxOld": (
        one('inspector_outbox_age_seconds{line="mugs"}', "0x28 40 100"),
        one('inspector_outbox_age_seconds{line="mugs"}', "0x28 40 0"),
    ),
    "InspectorGateSilent": (event("ACK_MISSING", "0x25 1x5"), event("ACK_MISSING", "4x30")),
    "InspectorGateDiffers": (event("GATE_DIFFERS", "0x25 1x5"), event("ACK_MISSING", "0x25 1x5")),
    "InspectorCountDiffers": (event("COUNT_DIFFERS", "0x10 2x20"), event("COUNT_DIFFERS", "2x30")),
    "InspectorThinkingHarms": (event("THINKING_HARMS", "0x25 1x5"), event("THINKING_HARMS", "1x30")),
    "InspectorStationSilent": (
        one('inspector_station_heartbeat_timestamp_seconds{station="0"}', "0+60x20 1200x10"),
        one('inspector_station_heartbeat_timestamp_seconds{station="0"}', "0+60x30"),
    ),
    "InspectorLedgerAway": (one("inspector_ledger_up", "1x25 0x5"), one("inspector_ledger_up", "1x30")),
}


def test_every_alert_has_a_history_that_fires_and_one_that_does_not() -> None:
    assert sorted(CASES) == sorted(ALERTS)


def test_prometheus_reads_the_rules() -> None:
    done = subprocess.run(["promtool", "check", "rules", str(FILE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_alert_fires_where_it_must_and_nowhere_else(tmp_path: Path) -> None:
    """One run of promtool for all histories: it names those that come out otherwise."""
    tests = []
    for alert, histories in CASES.items():
        for history, fires in zip(histories, (1, 0), strict=True):
            tests.append(promtool_test(alert, history, fires))
    tests.append(promtool_test("InspectorLedgerAway", one("up", "0x30"), 1))  # nothing answers the scrape
    document = tmp_path / "tests.yaml"
    document.write_text(yaml.safe_dump({"rule_files": [str(FILE)], "evaluation_interval": "15s", "tests": tests}))
    done = subprocess.run(["promtool", "test", "rules", str(document)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def promtool_test(alert: str, history: History, fires: int) -> dict[str, object]:
    """Return promtool's test that the alert fires at the end of a history so often."""
    firing = f'count(ALERTS{{alertname="{alert}", alertstate="firing"}}) or vector(0)'
    expected = [{"labels": "{}", "value": fires}]
    return {
        "name": f"{alert}, {'fires' if fires else 'silent'}",
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in history.series.items()],
        "promql_expr_test": [{"expr": firing, "eval_time": f"{MINUTES}m", "exp_samples": expected}],
    }
