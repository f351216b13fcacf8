"""The alert rules that ship: readable by Prometheus, and about metrics, labels and codes that exist."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from support.paths import ROOT

from inspector.adapters.telemetry.metrics import METRICS, Metric, MetricKind
from inspector.domain.decision import Reason
from inspector.ports.metrics import ALWAYS_SHOWN_EVENTS

FILE = ROOT / "k8s" / "alerts.yaml"
RULES: list[dict[str, Any]] = [rule for group in yaml.safe_load(FILE.read_text())["groups"] for rule in group["rules"]]
PARTS_OF = {MetricKind.HISTOGRAM: ("_bucket", "_sum", "_count"), MetricKind.SUMMARY: ("_sum", "_count")}
SERIES = {f"{metric.name}{suffix}": metric for metric in METRICS for suffix in PARTS_OF.get(metric.kind, ("",))}
CODES: dict[str, set[str]] = {"kind": set(ALWAYS_SHOWN_EVENTS), "reason": set(map(str, Reason))}
DURATION = re.compile(r"\d+[smhd]")

each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])


def named(expression: str) -> list[Metric]:
    return [SERIES[name] for name in re.findall(r"\binspector_\w+", expression)]


@each_rule
def test_every_metric_of_an_alert_exists(rule: dict[str, Any]) -> None:
    assert set(re.findall(r"\binspector_\w+", rule["expr"])) <= set(SERIES)
    assert named(rule["expr"])


@each_rule
def test_every_label_of_an_alert_belongs_to_its_metrics(rule: dict[str, Any]) -> None:
    known = {"le", *(label for metric in named(rule["expr"]) for label in metric.labels)}
    selected = re.findall(r"(\w+)=~?\"", rule["expr"])
    grouped = [label.strip() for group in re.findall(r"by \(([^)]*)\)", rule["expr"]) for label in group.split(",")]
    shown = re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values()))
    assert {*selected, *grouped, *shown} <= known


@each_rule
def test_every_code_of_an_alert_is_one_that_the_service_uses(rule: dict[str, Any]) -> None:
    for label, codes in re.findall(r"(\w+)=~?\"([^\"]*)\"", rule["expr"]):
        assert set(codes.split("|")) <= CODES[label]


@each_rule
def test_every_alert_says_how_bad_it_is_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert set(rule["annotations"]) == {"summary", "description"}
    assert DURATION.fullmatch(rule.get("for", "0s"))
    assert rule["expr"].count("(") == rule["expr"].count(")")


def test_names_of_alerts_are_told_apart() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES)


def test_what_must_be_told_has_an_alert() -> None:
    watched = {metric.name for rule in RULES for metric in named(rule["expr"])}
    assert watched >= {
        "inspector_unaccounted_parts",
        "inspector_outbox_age_seconds",
        "inspector_deadline_misses_total",
        "inspector_frames_lost_total",
        "inspector_events_total",
        "inspector_station_heartbeat_timestamp_seconds",
        "inspector_ledger_up",
    }
