"""Settings, extras, alerts and code words that the documents name exist."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Final

import pytest
import yaml
from support.documents import documents
from support.paths import ROOT

from inspector.domain.decision import Reason
from inspector.messages.events import EVENT_DEFINITIONS
from inspector.settings import Settings

SETTINGS: Final = {f"INSPECTOR_{name.upper()}" for name in Settings.model_fields}
EXAMPLES: Final = {"INSPECTOR_VLM_KEY"}  # a variable that a reader's model card names
FOREIGN: Final = ("INSPECTOR_", "OTEL_")  # settings, and variables of OpenTelemetry
CODE_WORDS: Final = {*EVENT_DEFINITIONS, *map(str, Reason)}
OTHER_WORDS: Final = {
    "STORED_VOTES",
    "LADDER_END",
    "BROKER_HOST",
    "BROKER_PORT",
    "FLUSH_TIMEOUT_S",
    "THP_MEM_ALLOC_ENABLE",
    "SGLANG_RETURN_ORIGINAL_LOGPROB",
    "RAY_AUTH_MODE",
    "RAY_AUTH_TOKEN",
    "RAY_AUTH_TOKEN_PATH",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER",
    "RAY_USAGE_STATS_ENABLED",
    "EX_TEMPFAIL",
}

each_document = pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))


@each_document
def test_settings_exist(document: Path) -> None:
    named = set(re.findall(r"\bINSPECTOR_[A-Z_]+[A-Z]\b", document.read_text()))
    assert named - SETTINGS - EXAMPLES == set()


@each_document
def test_extras_exist(document: Path) -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = re.findall(r"pip install '(?:\.|inspector)\[([\w,]+)\]'", document.read_text())
    assert {extra for extras in named for extra in extras.split(",")} <= set(declared)


@each_document
def test_alerts_exist(document: Path) -> None:
    groups = yaml.safe_load((ROOT / "k8s" / "alerts.yaml").read_text())["groups"]
    declared = {rule["alert"] for group in groups for rule in group["rules"]}
    assert set(re.findall(r"\bInspector[A-Z]\w+", document.read_text())) <= declared


@each_document
def test_events_and_reasons_exist(document: Path) -> None:
    named = set(re.findall(r"(?<![\w-])[A-Z]+(?:_[A-Z]+)+\b", document.read_text()))
    assert {word for word in named if not word.startswith(FOREIGN)} - CODE_WORDS - OTHER_WORDS == set()
