"""The page that Prometheus reads: true sums, the same after every look, and an answer while the ledger is away."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from support.console_api import services_of
from support.fakes import REJECTED, a_part, a_pipeline, a_verdict

from inspector.adapters.console.api.app import rest_app
from inspector.adapters.ledger import DeclaredVersion, FileEvidence, SqlArchive, SqlLedger, store_versions, upgrade
from inspector.adapters.telemetry.exporter import Exporter, serve_metrics
from inspector.adapters.telemetry.metrics import METRICS
from inspector.adapters.telemetry.running_sums import COMMIT_MARGIN_S, BackgroundValue, GrowingSum
from inspector.domain.reconciliation import Gap
from inspector.errors import InspectorError
from inspector.ports.ledger import CameraActivity
from inspector.ports.metrics import RowSums, StationStatus
from inspector.utc import utc_now

Page = dict[str, dict[tuple[str, ...], float]]


def read(exporter: Exporter) -> Page:
    """Every sample by its name and the values of its labels, in their order."""
    page: Page = {}
    for family in text_string_to_metric_families(exporter.render().decode()):
        for sample in family.samples:
            page.setdefault(sample.name, {})[tuple(sample.labels[name] for name in sorted(sample.labels))] = (
                sample.value
            )
    return page


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A ledger with one declared line."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    upgrade(url)
    store_versions(url, [DeclaredVersion(a_pipeline(deadline_ms=1500), ())])
    return url


@pytest.fixture
def archive(url: str) -> Iterator[SqlArchive]:
    archive = SqlArchive(url)
    yield archive
    archive.close()


@pytest.fixture
def exporter(archive: SqlArchive) -> Exporter:
    return Exporter(archive, lambda: [StationStatus(0, utc_now(), 5, 3, 1, 2)])


async def fill(url: str) -> None:
    """Numbers 1, 2 and 5 are decided, 3 is recorded as lost, and of 4 nothing is known."""
    long_ago = utc_now() - timedelta(minutes=5)
    async with SqlLedger(url) as ledger:
        for seq in (1, 2, 5):
            part = a_part(f"t-{seq}", seq=seq, received_at=long_ago, decided_at=long_ago, latency_ms=300.0 * seq)
            part = replace(part, decision=REJECTED, late=True) if seq == 5 else part
            await ledger.record(part, [a_verdict(part)])
        await ledger.confirm(["pcb-cam1-t-1"])
        await ledger.add_camera_activity(
            [CameraActivity("pcb", "cam1", long_ago, True, 3, gaps=(Gap(3, 3, long_ago, 1),))]
        )
        await ledger.add_camera_activity([CameraActivity("pcb", "stranger", long_ago, False, 9)])


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 20.0
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def test_page_says_what_the_ledger_holds(url: str, exporter: Exporter) -> None:
    asyncio.run(fill(url))
    page = read(exporter)
    assert page["inspector_parts_total"] == {("PASS", "pcb", "NO_DEFECT"): 2.0, ("REJECT", "pcb", "DEFECT"): 1.0}
    assert page["inspector_deadline_misses_total"] == {("pcb",): 1.0}
    assert page["inspector_votes_total"] == {("pcb",): 3.0}
    assert page["inspector_outbox_messages"] == {("pcb",): 2.0}
    assert 300 <= page["inspector_outbox_age_seconds"]["pcb",] < 3600
    assert page["inspector_frames_lost_total"] == {("cam1", "pcb"): 1.0}
    assert page["inspector_unknown_cameras"] == {(): 1.0}
    assert page["inspector_line_deadline_seconds"] == {("pcb",): 1.5}


def test_latencies_stand_in_shares_of_the_deadline(url: str, exporter: Exporter) -> None:
    """300, 600 and 1500 ms of 1500."""
    asyncio.run(fill(url))
    buckets = read(exporter)["inspector_verdict_latency_ratio_bucket"]
    at = {edge: count for (edge, _), count in buckets.items()}
    assert (at["0.1"], at["0.25"], at["0.5"], at["0.9"], at["1.0"], at["+Inf"]) == (0, 1, 2, 2, 3, 3)
    assert read(exporter)["inspector_verdict_latency_seconds_sum"] == {("pcb",): pytest.approx(2.4)}


def test_unaccounted_parts_are_those_of_the_books(url: str, exporter: Exporter) -> None:
    asyncio.run(fill(url))
    until(lambda: "inspector_unaccounted_parts" in read(exporter))
    page = read(exporter)
    assert page["inspector_unaccounted_parts"] == {("pcb",): 1.0}
    assert page["inspector_books_balanced"] == {("pcb",): 0.0}


def test_a_line_without_parts_counts_from_zero(exporter: Exporter) -> None:
    page = read(exporter)
    assert page["inspector_deadline_misses_total"] == {("pcb",): 0.0}
    assert page["inspector_outbox_age_seconds"] == {("pcb",): 0.0}
    assert page["inspector_events_total"]["ACK_MISSING", "pcb", "ALARM"] == 0.0


def test_stations_say_what_they_have_in_hand(exporter: Exporter) -> None:
    page = read(exporter)
    assert (page["inspector_station_frames_in_hand"], page["inspector_replica_queue"]) == ({("0",): 5.0}, {("0",): 3.0})


def test_counters_go_on_where_another_process_stopped(url: str, archive: SqlArchive, exporter: Exporter) -> None:
    asyncio.run(fill(url))
    before = read(exporter)["inspector_parts_total"]
    assert read(Exporter(archive, list))["inspector_parts_total"] == before


def test_without_a_ledger_the_page_says_so_and_what_else_is_known(tmp_path: Path, url: str) -> None:
    archive = SqlArchive(url)
    exporter = Exporter(archive, lambda: [StationStatus(0, utc_now(), 0, 0, 0, 7)])
    (tmp_path / "ledger.db").rename(tmp_path / "gone.db")
    page = read(exporter)
    assert page["inspector_ledger_up"] == {(): 0.0}
    assert page["inspector_station_unconfirmed_messages"] == {("0",): 7.0}
    assert "inspector_parts_total" not in page
    (tmp_path / "gone.db").rename(tmp_path / "ledger.db")
    assert read(exporter)["inspector_ledger_up"] == {(): 1.0}
    archive.close()


def test_page_holds_every_metric_and_no_other(url: str, exporter: Exporter) -> None:
    asyncio.run(fill(url))
    until(lambda: "inspector_unaccounted_parts" in read(exporter))
    told = exporter.render().decode()
    typed = {line.split()[2]: line.split()[3] for line in told.splitlines() if line.startswith("# TYPE")}
    assert typed == {metric.name: metric.kind.value for metric in METRICS}


# ---------------------------------------------------------------------- where it is served


def test_page_is_served_without_a_console(exporter: Exporter) -> None:
    port = free_port()
    with serve_metrics(exporter, "127.0.0.1", port, lambda token: True):
        answer = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10)
    assert answer.status_code == 200
    assert "inspector_ledger_up 1.0" in answer.text


def test_a_taken_port_is_named_with_a_remedy(exporter: Exporter) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(InspectorError, match=rf"{port}.*--metrics-port"),
            serve_metrics(exporter, "127.0.0.1", port, lambda token: True),
        ):
            pass


async def test_console_serves_the_page_beside_its_api(tmp_path: Path, archive: SqlArchive, exporter: Exporter) -> None:
    app = rest_app(services_of(archive, FileEvidence(tmp_path), lines=archive), exporter)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://console") as client:
        answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "# TYPE inspector_parts_total counter" in answer.text


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port: int = reserved.getsockname()[1]
        return port


# ---------------------------------------------------------------------- sums


class Table:
    """Rows that are numbered when they are written, and committed in any order a little later."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.committed: dict[int, str] = {}
        self.walked = 0

    def count(self, after: int, until: int) -> RowSums[str, int]:
        rows = {number: key for number, key in self.committed.items() if number > after}
        self.walked += len(rows)
        earlier = Counter(key for number, key in rows.items() if number <= until)
        later = Counter(key for number, key in rows.items() if number > until)
        return RowSums(dict(earlier), dict(later), max(rows, default=after))


steps = st.lists(
    st.tuples(st.lists(st.sampled_from("ab"), max_size=4), st.floats(0.0, COMMIT_MARGIN_S * 0.9), st.booleans()),
    max_size=20,
)


@settings(deadline=None)
@given(steps)
def test_whatever_the_order_of_commits_a_look_sees_each_row_once(
    steps: list[tuple[list[str], float, bool]],
) -> None:
    """What one step numbers, some of it is committed with the next step only."""
    table, number = Table(), 0
    late: dict[int, str] = {}
    total = GrowingSum(table.count, lambda: table.now_s)
    for keys, pause_s, backwards in steps:
        table.committed |= late
        rows = dict(enumerate(keys, start=number + 1))
        number += len(rows)
        late = dict([*rows.items()][: len(rows) // 2] if backwards else [])
        table.committed |= {each: key for each, key in rows.items() if each not in late}
        assert total.read() == Counter(table.committed.values())
        table.now_s += pause_s


def test_what_is_settled_is_not_walked_through_again() -> None:
    table = Table()
    total = GrowingSum(table.count, lambda: table.now_s)
    table.committed = dict.fromkeys(range(1, 1001), "a")
    for _ in range(100):
        assert total.read() == {"a": 1000}
        table.now_s += COMMIT_MARGIN_S
    assert table.walked == 2 * 1000


def test_a_slow_value_is_computed_in_a_thread_and_then_pauses() -> None:
    looks = count(1)
    seldom = BackgroundValue(lambda: next(looks))
    assert seldom.last() is None
    until(lambda: seldom.last() is not None)
    assert [seldom.last() for _ in range(50)] == [1] * 50
    assert next(looks) == 2
