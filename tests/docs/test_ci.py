"""The hosted CI and the pre-commit hooks call the commands that a developer calls."""

from __future__ import annotations

import re
from typing import Any, Final

import yaml
from support.paths import ROOT

TARGETS: Final = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))


def test_hosted_ci_runs_lint_and_test() -> None:
    workflow: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    steps = [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]
    assert steps == ["make lint", "make test"]


def test_pre_commit_calls_make() -> None:
    repos: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    entries = [hook["entry"] for repo in repos for hook in repo["hooks"]]
    assert entries == ["make lint", "make quick"]
    assert {entry.split()[1] for entry in entries} <= TARGETS
