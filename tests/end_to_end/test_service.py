"""The whole service: a real broker, real Ray Serve, real frames, and a station that is killed."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
from PIL import Image
from support.challenges import drawn
from support.declarations import line_file
from support.paths import ROOT
from support.prometheus_server import COMMAND, board_queries, prometheus_server, until_found
from support.trace_collector import TraceCollector, trace_collector

from inspector.adapters.ledger import SqlArchive
from inspector.adapters.mqtt.connection import Broker
from inspector.adapters.mqtt.line_client import Exposure, Journey
from inspector.adapters.mqtt.local import mosquitto
from inspector.adapters.mqtt.local.broker import free_port, local_broker
from inspector.adapters.vlm.stub import NG_SHARE
from inspector.config.loader import read_pipeline
from inspector.domain.declared import Disposition
from inspector.domain.prompts import Pictures, preamble
from inspector.lab.synthetic import draw, encode
from inspector.messages.topics import Topics
from inspector.operations.replay import PublishedLine, run_lines
from inspector.operations.run_statistics import run_statistics
from inspector.operations.send_rate import FixedRate
from inspector.ports.archive import EventFilter, PartFilter

pytestmark = pytest.mark.skipif(mosquitto.find() is None, reason="mosquitto is not installed")
CARD = "name: stub\nengine: stub\ncheckpoint: none\npixels: {min: 102400, max: 102400}\n"
START_S = 180.0  # on a machine that does other work
METRICS_TOKEN = "a-token-of-the-plants-prometheus"
LIVE_FRAMES = 150
PATIENCE_S = 30.0  # for what a service on a busy machine does later
CHALLENGED = 200


@dataclass
class Service:
    """`inspector serve` in a process of its own."""

    process: subprocess.Popen[bytes]
    environment: dict[str, str]
    broker: Broker
    console: str
    folder: Path
    metrics_port: int
    collector: TraceCollector

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from inspector.cli.app import main; main()", *words]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=120, check=False)

    def replicas(self, kind: str) -> list[psutil.Process]:
        family = psutil.Process(self.process.pid).children(recursive=True)
        return [each for each in family if any(kind in word for word in each.cmdline())]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    (folder / "stub.yaml").write_text(CARD)
    (folder / "pipelines").mkdir()
    declare(folder, "kind", 600_000)
    declare(folder, "prompt", 1000)
    port, metrics_port = (free_port("127.0.0.1", 0) for _ in range(2))
    (folder / "metrics-token").write_text(METRICS_TOKEN)
    with local_broker(folder / "broker", prefer="mosquitto") as broker, trace_collector() as collector:
        environment = os.environ | {
            "INSPECTOR_DATA": str(folder / "data"), "INSPECTOR_MODEL": str(folder / "stub.yaml"),
            "INSPECTOR_BROKER_PORT": str(broker.port), "INSPECTOR_CONSOLE_PORT": str(port),
            "INSPECTOR_SITE": "test", "INSPECTOR_LOG": "json", "INSPECTOR_PART_STATES": "true",
            "INSPECTOR_LOGIN": "off", "INSPECTOR_METRICS_TOKEN_FILE": str(folder / "metrics-token"),
            "INSPECTOR_TRACES_ENDPOINT": collector.address,
        }  # fmt: skip
        process = serve(environment, folder, metrics_port)
        address = Broker(broker.host, broker.port)
        running = Service(process, environment, address, f"http://127.0.0.1:{port}", folder, metrics_port, collector)
        try:
            await_console(running)
            yield running
        finally:
            running.process.send_signal(signal.SIGTERM)
            running.process.wait(60)


def serve(environment: dict[str, str], folder: Path, metrics_port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", "from inspector.cli.app import main; main()", "serve"]
    options = ["--pipelines", str(folder / "pipelines"), "--metrics-port", str(metrics_port)]
    return subprocess.Popen([*command, *options], env=environment)


def declare(folder: Path, line: str, deadline_ms: int) -> None:
    (folder / "pipelines" / f"{line}.yaml").write_text(line_file(line, deadline_ms))


def await_console(service: Service) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        assert service.process.poll() is None, "serve ended"
        try:
            if httpx.get(f"{service.console}/api/v1/health", timeout=2).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    raise AssertionError("the console did not answer")


def pictures(run: str, frames: int) -> Iterator[Exposure]:
    payloads = [encode(draw("board", seed, size=320)) for seed in range(8)]
    for number in range(frames):
        yield Exposure(f"{run}-{number}", payloads[number % len(payloads)], seq=number)


def send(service: Service, line: str, exposures: Iterator[Exposure], fps: float) -> list[Journey]:
    return run_lines(
        service.broker, Topics(), [PublishedLine(line, "cam1", exposures)], FixedRate(fps), line, timeout_s=30
    )


def test_every_frame_gets_exactly_one_verdict(service: Service) -> None:
    result = run_statistics(send(service, "kind", pictures("plain", 40), 30))
    assert (result["verdicts"], result["lost"], result["duplicates"]) == (40, 0, 0)


def test_one_scrape_sees_every_process_of_the_service(service: Service) -> None:
    page = httpx.get(f"{service.console}/metrics", timeout=30).text
    counted = re.findall(r'^inspector_parts_total\{.*line="kind".*\} (\S+)$', page, re.M)
    assert sum(map(float, counted)) >= 40
    assert 'inspector_station_heartbeat_timestamp_seconds{station="0"}' in page


def test_processes_that_ray_starts_log_one_object_a_line_with_the_ids_of_the_part(service: Service) -> None:
    written = (service.folder / "data" / "logs" / "station-0.log").read_text().splitlines()
    decided = [line for line in map(json.loads, written) if line["logger"] == "inspector.station.recorder"]
    assert len(decided) >= 40
    assert all({"line", "camera", "trigger_id", "result_id"} <= line.keys() for line in decided)


def test_a_part_is_one_trace_over_station_replica_and_ledger(service: Service) -> None:
    trace_id, frames_span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    [exposure] = pictures("traced", 1)
    traced = replace(exposure, traceparent=f"00-{trace_id}-{frames_span}-01")
    [journey] = send(service, "kind", iter([traced]), 10)
    steps = {"inspect part", "store picture", "ask model", "judge part", "record part"}
    spans = service.collector.trace(trace_id, steps)
    whole, asked = spans["inspect part"], spans["ask model"]
    assert (whole.parent_id, spans["judge part"].parent_id) == (frames_span, asked.span_id)
    assert {spans[each].parent_id for each in ("store picture", "ask model", "record part")} == {whole.span_id}
    assert (whole.instance, spans["judge part"].instance[:6]) == ("station-0", "model-")
    verdict = journey.verdicts[0][1]
    assert (verdict.traceparent, whole.attributes["inspector.result_id"]) == (traced.traceparent, verdict.result_id)


def test_a_collector_that_hangs_costs_no_part(service: Service) -> None:
    service.collector.hangs.set()
    try:
        asked = service.collector.requests
        result = run_statistics(send(service, "kind", pictures("hanging", 90), 30))
        assert (result["verdicts"], result["lost"], result["duplicates"], result["late"]) == (90, 0, 0, 0)
        until = time.monotonic() + PATIENCE_S
        while service.collector.requests == asked and time.monotonic() < until:
            time.sleep(0.2)
        assert service.collector.requests > asked, "it was asked, and hung"
    finally:
        service.collector.hangs.clear()


def test_killed_station_loses_nothing_and_answers_nothing_twice(service: Service) -> None:
    killed: list[int] = []

    def exposures() -> Iterator[Exposure]:
        for exposure in pictures("killed", 200):
            stations = service.replicas("ServeReplica:test-stations") if exposure.seq in (40, 150) else []
            for station in stations:
                station.send_signal(signal.SIGKILL)
                killed.append(station.pid)
            yield exposure

    result = run_statistics(send(service, "kind", exposures(), 30))
    assert killed
    assert (result["verdicts"], result["lost"], result["duplicates"]) == (200, 0, 0)


def test_killed_model_replica_costs_no_verdict(service: Service) -> None:
    def exposures() -> Iterator[Exposure]:
        for exposure in pictures("replica", 60):
            if exposure.seq == 20:
                service.replicas("ServeReplica:test-models")[0].send_signal(signal.SIGKILL)
            yield exposure

    result = run_statistics(send(service, "prompt", exposures(), 30))
    assert (result["verdicts"], result["lost"], result["duplicates"]) == (60, 0, 0)


def test_broken_pictures_are_recorded_with_their_reason_and_the_line_goes_on(service: Service) -> None:
    whole = encode(draw("board", 1, size=320))
    broken = [whole[: len(whole) // 2], b"", b"not a picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 64]
    exposures = [Exposure(f"broken-{number}", payload) for number, payload in enumerate([*broken, whole])]
    journeys = send(service, "kind", iter(exposures), 30)
    verdicts = [journey.verdicts[0][1] for journey in journeys]
    assert [verdict.reason for verdict in verdicts[:4]] == ["BAD_IMAGE"] * 4
    assert all(verdict.disposition is not Disposition.PASS for verdict in verdicts[:4])
    assert verdicts[4].reason != "BAD_IMAGE"
    rows = SqlArchive(f"sqlite:///{service.folder}/data/inspector.db").parts(PartFilter(reason="BAD_IMAGE"), 10)
    assert all(row.part.decision.detail for row in rows)


def test_new_pipeline_version_is_live_within_seconds_without_a_restart(service: Service) -> None:
    before = service.replicas("ServeReplica:test-stations")
    declare(service.folder, "prompt", 1234)
    applied = service.run("apply", str(service.folder / "pipelines"), "--json")
    assert applied.returncode == 0, applied.stderr
    assert '"new_version": 2' in applied.stdout
    time.sleep(2.0)
    [journey] = send(service, "prompt", pictures("version", 1), 10)
    assert (journey.verdicts[0][1].pipeline.version, journey.verdicts[0][1].deadline_ms) == (2, 1234)
    assert service.replicas("ServeReplica:test-stations") == before


def dispositions(service: Service, run: str) -> set[str]:
    return {str(journey.verdicts[0][1].disposition) for journey in send(service, "kind", pictures(run, 8), 20)}


def test_a_new_line_passes_nothing_until_somebody_answers_for_it(service: Service) -> None:
    assert dispositions(service, "new") == {"REVIEW"}
    refused = service.run("line", "live", "kind")
    assert refused.returncode == 1
    assert "inspector qualify kind" in refused.stderr
    assert service.run("line", "live", "kind", "--override", "--reason", "drill").returncode == 0
    time.sleep(1.0)
    assert "PASS" in dispositions(service, "live")


def test_a_limit_that_lets_known_ng_parts_pass_is_blocked_and_a_rollback_is_live_for_the_next_part(
    service: Service,
) -> None:
    parts = SqlArchive(f"sqlite:///{service.folder}/data/inspector.db").parts(PartFilter(line="kind"), 500)
    doubtful = [row.part for row in parts if row.part.p_ng is not None and 0.2 <= row.part.p_ng < 1.0]
    known_ng = service.folder / "ng.csv"
    chosen = [part.result_id for part in doubtful[:5]]
    known_ng.write_text("result_id,verdict\n" + "".join(f"{each},ng\n" for each in chosen))
    assert service.run("review", str(known_ng), "--line", "kind").returncode == 0
    wide = service.folder / "wide.yaml"
    wide.write_text(line_file("kind") + "thresholds: {pass_below: 1, reject_above: 1}\n")
    priced = json.loads(service.run("price", str(wide), "--json").stdout)
    assert {each["result_id"] for each in priced[0]["new_escapes"]} == set(chosen)
    refused = service.run("apply", str(wide))
    assert refused.returncode == 1
    assert "5 part(s) that people called NG would newly pass" in refused.stderr
    assert service.run("apply", str(wide), "--accept-escapes", "5", "--reason", "drill").returncode == 0
    time.sleep(1.0)
    journeys = send(service, "kind", pictures("wide", 4), 20)
    assert {journey.verdicts[0][1].reason for journey in journeys} == {"UNQUALIFIED"}
    rolled_back = service.run("rollback", "kind", "--to", "1", "--reason", "a mistake", "--json")
    assert json.loads(rolled_back.stdout)["new_version"] == 3
    time.sleep(1.0)
    journeys = send(service, "kind", pictures("back", 8), 20)
    assert {journey.verdicts[0][1].pipeline.version for journey in journeys} == {3}
    assert "PASS" in {str(journey.verdicts[0][1].disposition) for journey in journeys}


def test_a_draft_decides_in_the_shadow_and_publishes_nothing(service: Service) -> None:
    file = service.folder / "draft.yaml"
    limits = "thresholds: {pass_below: 0, reject_above: 0}\n"
    file.write_text(line_file("kind") + limits)
    assert service.run("apply", str(file), "--base", "3", "--draft", "--reason", "drill").returncode == 0
    assert "PASS" in dispositions(service, "shadow")
    until, figures = time.monotonic() + PATIENCE_S, {"parts": 0}
    while figures["parts"] < 8 and time.monotonic() < until:
        figures = json.loads(service.run("draft", "show", "kind", "--json").stdout)
    assert (figures["parts"], figures["base"]) == (8, 3)
    assert figures["differ"] > 0
    assert service.run("draft", "end", "kind").returncode == 0


def declare_new(service: Service, line: str, more: str = "") -> None:
    file = service.folder / f"{line}.yaml"
    file.write_text(line_file(line) + more)
    assert service.run("apply", str(file)).returncode == 0
    time.sleep(1.0)


def sent_until_one_passes(service: Service, line: str) -> int:
    """Send parts until the station knows that the line is live; return how many were sent."""
    for number in range(1, 31):
        journeys = send(service, line, pictures(f"probe{number}", 8), 20)
        if "PASS" in {str(journey.verdicts[0][1].disposition) for journey in journeys}:
            return 8 * number
    raise AssertionError(f"{line} passes nothing")


def seen_as(line: str, *, ng: bool, count: int) -> list[bytes]:
    """Small pictures in which the stub sees an NG or an OK part of this line."""
    words = preamble(read_pipeline(line_file(line), "line.yaml"), Pictures.FRAME)
    digests = ((data, hashlib.sha256(words.encode() + data).digest()) for data in map(drawn, range(10_000)))
    wanted = (data for data, digest in digests if (int.from_bytes(digest[:4]) < NG_SHARE * 2**32) is ng)
    return list(islice(wanted, count))


def exposures_of(pictures: list[bytes], run: str = "x") -> Iterator[Exposure]:
    return (Exposure(f"{run}-{n}", each, content_type="image/png", seq=n) for n, each in enumerate(pictures))


def proved_frames(run: str) -> Iterator[Exposure]:
    return exposures_of(seen_as("proved", ng=False, count=8), run)


def test_a_line_that_its_challenge_set_proves_passes_parts(service: Service) -> None:
    declare_new(service, "proved", "qualification: {escape: 0.2}\n")
    for label, data in (("ng", seen_as("proved", ng=True, count=14)), ("ok", seen_as("proved", ng=False, count=4))):
        (service.folder / "challenge" / label).mkdir(parents=True)
        for number, each in enumerate(data):
            (service.folder / "challenge" / label / f"{number}.png").write_bytes(each)
    added = service.run("challenge", "add", "proved", str(service.folder / "challenge"), "--json")
    assert json.loads(added.stdout) == {"added": 18, "already_there": 0, "ok": 4, "ng": 14}
    proof = service.run("qualify", "proved", "--json")
    assert (proof.returncode, json.loads(proof.stdout)["passed"]) == (0, True), proof.stderr
    assert service.run("line", "live", "proved").returncode == 0
    time.sleep(1.0)
    journeys = send(service, "proved", proved_frames("proved"), 20)
    assert {journey.verdicts[0][1].disposition for journey in journeys} == {Disposition.PASS}


def challenge(service: Service, line: str, pictures: list[bytes], label: str) -> None:
    folder = service.folder / "challenge" / line / label
    folder.mkdir(parents=True)
    for number, each in enumerate(pictures):
        (folder / f"{number}.png").write_bytes(each)
    added = service.run("challenge", "add", line, str(folder), "--label", label, "--json")
    assert added.returncode == 0, added.stderr


def job(service: Service, started: httpx.Response) -> dict[str, Any]:
    assert started.status_code == httpx.codes.ACCEPTED, started.text
    found: dict[str, Any] = httpx.get(service.console + started.headers["Location"], timeout=30).json()
    return found


def test_no_live_part_is_late_because_another_line_is_qualified(service: Service) -> None:
    """At 30 frames/s, of which a part takes 20 ms of the only replica; the service qualifies the line by a job."""
    declare_new(service, "beside")
    challenge(service, "beside", seen_as("beside", ng=True, count=CHALLENGED), "ng")
    alone = run_statistics(send(service, "prompt", pictures("alone", LIVE_FRAMES), 30))
    started = httpx.post(f"{service.console}/api/v1/lines/beside/qualifications", json={}, timeout=30)
    beside = run_statistics(send(service, "prompt", pictures("beside", LIVE_FRAMES), 30))
    after = job(service, started)
    assert after["done"] > 0
    assert (beside["verdicts"], beside["lost"]) == (LIVE_FRAMES, 0)
    assert beside["late"] <= alone["late"]


def test_a_guarded_line_is_paused_where_a_change_rejects_more(service: Service) -> None:
    guard = "guard: {action: pause}\n"
    declare_new(service, "guarded", guard + "thresholds: {pass_below: 0.2, reject_above: 1}\n")
    assert service.run("line", "live", "guarded", "--override", "--reason", "drill").returncode == 0
    probes = sent_until_one_passes(service, "guarded")
    before = send(service, "guarded", pictures("before", 60), 30)
    assert "PASS" in {str(journey.verdicts[0][1].disposition) for journey in before}
    declare_new(service, "guarded", guard + "thresholds: {pass_below: 0, reject_above: 0}\n")
    assert len(send(service, "guarded", pictures("after", 30), 30)) == 30
    until, state = time.monotonic() + PATIENCE_S, {"set_state": ""}
    while state["set_state"] != "PAUSED" and time.monotonic() < until:
        [state] = json.loads(service.run("line", "state", "guarded", "--json").stdout)
    assert state["set_state"] == "PAUSED"
    time.sleep(1.0)  # within which the station knows
    [journey] = send(service, "guarded", pictures("paused", 1), 30)
    assert journey.verdicts[0][1].reason == "PAUSED"
    events = httpx.get(f"{service.console}/api/v1/events", timeout=30).json()["events"]
    [event] = [each for each in events if each["kind"] == "REJECT_SHARE"]
    assert event["line"] == "guarded"
    assert re.match(r"version 2 rejects (\d+) of \1 parts", event["text"])
    told = re.search(r"version 1 rejected 0 of (\d+) parts", event["text"])
    assert told is not None, event["text"]
    assert 60 < int(told[1]) <= 60 + probes
    assert service.run("rollback", "guarded", "--to", "1", "--reason", "too strict").returncode == 0
    assert service.run("line", "live", "guarded").returncode == 0
    time.sleep(1.0)
    after = send(service, "guarded", pictures("again", 8), 20)
    assert "PASS" in {str(journey.verdicts[0][1].disposition) for journey in after}


def test_another_model_than_the_proved_one_passes_nothing_and_is_reported(service: Service) -> None:
    declare_new(service, "swapped")
    other = service.folder / "other.yaml"
    other.write_text(CARD.replace("stub", "demo", 1).replace("stub", "transformers").replace("none", "demo"))
    shutil.copytree(ROOT / "models" / "demo", service.folder / "demo")
    live = service.run("line", "live", "swapped", "--override", "--reason", "drill", "--model", str(other))
    assert live.returncode == 0, live.stderr
    time.sleep(1.0)
    frames = exposures_of(seen_as("swapped", ng=False, count=8))
    verdicts = [journey.verdicts[0][1] for journey in send(service, "swapped", frames, 20)]
    assert {(each.disposition, each.reason, each.line_state) for each in verdicts} == {
        ("REVIEW", "UNQUALIFIED", "UNQUALIFIED")
    }
    assert {each.would_be.disposition for each in verdicts if each.would_be} == {Disposition.PASS}
    time.sleep(2.0)
    archive = SqlArchive(f"sqlite:///{service.folder}/data/inspector.db")
    raised = [row.event for row in archive.event_page(EventFilter(), 500) if row.event.kind == "UNQUALIFIED"]
    assert [event.count for event in raised if event.line == "swapped"] == [1]


def test_a_paused_line_passes_nothing_one_second_later(service: Service) -> None:
    paused = service.run("line", "pause", "kind", "--reason", "jam", "--json")
    assert json.loads(paused.stdout)[0]["state"] == "PAUSED"
    time.sleep(1.0)
    journeys = send(service, "kind", pictures("paused", 4), 20)
    assert {journey.verdicts[0][1].reason for journey in journeys} == {"PAUSED"}


REGIONS = """\
line: regions
cameras: {cam1: {region: [0.5, 0.5, 1.0, 1.0]}, cam2: {}}
product: part
question: Is there any defect on this part?
defects: {scratch: minor}
quality: {luminance: [0.5, 1.0]}
ladder: [{views: [direct]}]
deadline_ms: 600000
"""


def test_region_is_what_a_camera_is_judged_by_and_unknown_cameras_only_leave_pictures(service: Service) -> None:
    (service.folder / "pipelines" / "regions.yaml").write_text(REGIONS)
    assert service.run("apply", str(service.folder / "pipelines" / "regions.yaml")).returncode == 0
    dark = np.zeros((400, 800, 3), np.uint8)
    dark[200:, 400:] = 255
    dark[260:300, 500:600] = 120
    data = io.BytesIO()
    Image.fromarray(dark).save(data, "PNG")
    lines = [
        PublishedLine(
            "regions", camera, iter([Exposure(f"r-{number}", data.getvalue(), "image/png") for number in range(10)])
        )
        for camera in ("cam1", "cam2", "cam9")
    ]
    run_lines(service.broker, Topics(), lines, FixedRate(10), "regions", timeout_s=10)
    found = httpx.get(f"{service.console}/api/v1/parts", params={"line": "regions", "limit": 100}, timeout=30).json()
    reasons = {(part["verdict"]["camera"], part["verdict"]["reason"]) for part in found["parts"]}
    assert reasons == {("cam1", "UNQUALIFIED"), ("cam2", "BAD_IMAGE")}
    [unknown] = [each for each in json.loads(service.run("camera", "list", "--json").stdout) if not each["declared"]]
    assert (unknown["line"], unknown["camera"], unknown["frames"]) == ("regions", "cam9", 10)
    assert len(unknown["pictures"]) == 8
    assert service.run("camera", "pictures", "regions", "cam9", str(service.folder / "unknown")).returncode == 0
    assert {path.read_bytes() for path in (service.folder / "unknown").iterdir()} == {data.getvalue()}


@pytest.mark.skipif(COMMAND is None, reason="prometheus is not installed")
def test_prometheus_scrapes_the_service_and_every_query_of_the_board_returns_series(service: Service) -> None:
    folder = service.folder / "prometheus"
    folder.mkdir()
    target, queries = f"127.0.0.1:{service.metrics_port}", board_queries()
    with prometheus_server(folder, target, service.folder / "metrics-token") as prometheus:
        until_found(lambda: prometheus.empty({"parts": "inspector_parts_total"}))
        send(service, "kind", pictures("scraped", 10), 10)
        until_found(lambda: prometheus.empty(queries))
        assert set(prometheus.rules().values()) == {"ok"}
        assert prometheus.series("up == 1")
        silent = prometheus.series('ALERTS{alertname=~"Inspector(StationSilent|LedgerAway)"}')
        assert silent == []


def test_metrics_of_a_port_need_their_token(service: Service) -> None:
    address = f"http://127.0.0.1:{service.metrics_port}/metrics"
    assert httpx.get(address, timeout=30).status_code == httpx.codes.UNAUTHORIZED
    known = httpx.get(address, headers={"Authorization": f"Bearer {METRICS_TOKEN}"}, timeout=30)
    assert known.status_code == httpx.codes.OK


def test_stop_leaves_no_process_behind(service: Service) -> None:
    family = psutil.Process(service.process.pid).children(recursive=True)
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(60) == 0
    _, alive = psutil.wait_procs(family, timeout=15)
    assert alive == []


def test_a_qualified_line_passes_nothing_after_a_restart_with_another_model(service: Service) -> None:
    """The other model answers just as the proved one did: it is another one all the same."""
    (service.folder / "other.yaml").write_text(CARD.replace("checkpoint: none", "checkpoint: other"))
    service.environment["INSPECTOR_MODEL"] = str(service.folder / "other.yaml")
    service.process = serve(service.environment, service.folder, service.metrics_port)
    await_console(service)
    verdicts = [each.verdicts[0][1] for each in send(service, "proved", proved_frames("swapped"), 20)]
    assert {(each.disposition, each.reason, each.line_state) for each in verdicts} == {
        ("REVIEW", "UNQUALIFIED", "UNQUALIFIED")
    }
    assert {each.would_be.disposition for each in verdicts if each.would_be} == {Disposition.PASS}
    assert service.run("qualify", "proved").returncode == 0
    time.sleep(1.0)
    journeys = send(service, "proved", proved_frames("again"), 20)
    assert {journey.verdicts[0][1].disposition for journey in journeys} == {Disposition.PASS}
