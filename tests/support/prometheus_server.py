"""A real Prometheus that scrapes one address with a token, and evaluates the alert rules."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml
from support.paths import ROOT

from inspector.adapters.mqtt.local.broker import free_port

HOST = "127.0.0.1"
BOARD = ROOT / "k8s" / "monitoring" / "board.json"
COMMAND = shutil.which("prometheus")


@dataclass(frozen=True)
class PrometheusServer:
    """A running Prometheus."""

    url: str

    def series(self, query: str) -> list[Any]:
        """The series that a query returns now. Raises httpx.HTTPStatusError for a query that Prometheus refuses."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": query}, timeout=10).raise_for_status()
        return list(answer.json()["data"]["result"])

    def empty(self, queries: Mapping[str, str]) -> list[str]:
        """The names of the queries that return nothing now."""
        return [name for name, query in queries.items() if not self.series(query)]

    def rules(self) -> dict[str, str]:
        """The health of each alert rule."""
        groups = httpx.get(f"{self.url}/api/v1/rules", timeout=10).raise_for_status().json()["data"]["groups"]
        return {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}


@contextmanager
def prometheus_server(folder: Path, target: str, token: Path) -> Iterator[PrometheusServer]:
    """Scrape `target` (host:port) every second until the block ends."""
    assert COMMAND is not None
    configuration = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(ROOT / "k8s" / "alerts.yaml")],
        "scrape_configs": [
            {
                "job_name": "inspector",
                "authorization": {"credentials_file": str(token)},
                "static_configs": [{"targets": [target]}],
            }
        ],
    }
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(configuration))
    address = f"{HOST}:{free_port(HOST, 0)}"
    options = [
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'series'}",
        f"--web.listen-address={address}",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen([COMMAND, *options], stdout=log, stderr=log)
        try:
            _await_ready(f"http://{address}", process)
            yield PrometheusServer(f"http://{address}")
        finally:
            process.terminate()
            process.wait(20)


def board_queries() -> dict[str, str]:
    """The queries of the Grafana board for every line, by panel and number."""
    panels = json.loads(BOARD.read_text())["panels"]
    return {
        f"{panel['title']} {number}": target["expr"].replace("$line", ".*")
        for panel in panels
        for number, target in enumerate(panel.get("targets", []))
    }


def until_found(missing: Callable[[], Sequence[str]], timeout_s: float = 60.0) -> None:
    """Wait until nothing is missing any more."""
    end = time.monotonic() + timeout_s
    while names := missing():
        assert time.monotonic() < end, f"Prometheus does not see: {', '.join(names)}"
        time.sleep(0.5)


def _await_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    def missing() -> list[str]:
        assert process.poll() is None, "prometheus ended"
        try:
            is_ready = httpx.get(f"{url}/-/ready", timeout=2).status_code == httpx.codes.OK
        except httpx.HTTPError:
            is_ready = False
        return [] if is_ready else [url]

    until_found(missing)
