"""Spans as a collector receives them, and what a collector that is away costs: spans, no parts and no time."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from support.line_fakes import ScriptedPool, at_work, frame
from support.station_line import Line
from support.trace_collector import TraceCollector, trace_collector

from inspector.adapters.telemetry.traces import OtlpTracer, ReportingExporter, context_of, open_otlp, traceparent_of
from inspector.bootstrap.traces import names_collector, require_traces
from inspector.errors import PoolError
from inspector.messages.examples import TRACEPARENT
from inspector.runtime.tracing import install_tracer
from inspector.settings import Settings

TRACE_ID, SPAN_ID = TRACEPARENT.split("-")[1:3]
STEPS = {"inspect part", "ask model", "store picture", "record part"}
PARTS = 300
SENDER = "OtelBatchSpanRecordProcessor"
SENDER_END_S = 20.0


@pytest.fixture(autouse=True)
def nothing_traced_afterwards(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close every tracer as the end of its process does: a thread that tries again would go on in later tests."""
    at_end: list[Callable[[], None]] = []
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    monkeypatch.setattr("inspector.adapters.telemetry.traces.atexit.register", at_end.append)
    yield
    install_tracer(None)
    for close in at_end:
        close()
    for thread in threading.enumerate():
        if thread.name == SENDER:
            thread.join(SENDER_END_S)


@pytest.fixture
def collector() -> Iterator[TraceCollector]:
    with trace_collector() as running:
        yield running


async def test_a_part_is_one_trace_below_its_frame(collector: TraceCollector) -> None:
    install_tracer(open_otlp(collector.address, "station-0", "plant"))
    line = Line()
    async with at_work(line.station, line.outbox):
        await line.station.inspect(frame(traceparent=TRACEPARENT))
    spans = await asyncio.to_thread(collector.trace, TRACE_ID, STEPS)
    whole = spans["inspect part"]
    assert whole.parent_id == SPAN_ID
    assert {each.parent_id for name, each in spans.items() if name != "inspect part"} == {whole.span_id}
    assert all(whole.begin_ns <= each.begin_ns <= each.end_ns <= whole.end_ns for each in spans.values())
    told = {name: whole.attributes[f"inspector.{name}"] for name in ("line", "camera", "trigger_id", "disposition")}
    assert told == {"line": "pcb", "camera": "cam1", "trigger_id": "t-1", "disposition": "PASS"}
    assert whole.instance == "station-0"


async def test_the_replica_gets_the_span_of_the_question(collector: TraceCollector) -> None:
    install_tracer(open_otlp(collector.address, "station-0", "plant"))
    line = Line()
    async with at_work(line.station, line.outbox):
        await line.station.inspect(frame(traceparent=TRACEPARENT))
        await line.settle()
    spans = await asyncio.to_thread(collector.trace, TRACE_ID, STEPS)
    [job] = line.pool.jobs
    assert job.traceparent is not None
    assert job.traceparent.split("-")[1:3] == [TRACE_ID, spans["ask model"].span_id]
    assert line.verdicts()[0].traceparent == TRACEPARENT, "the verdict repeats the frame's own"


async def test_a_frame_without_a_trace_begins_one_and_its_verdict_names_it(collector: TraceCollector) -> None:
    install_tracer(open_otlp(collector.address, "station-0", "plant"))
    line = Line()
    async with at_work(line.station, line.outbox):
        await line.station.inspect(frame())
        await line.settle()
    [verdict] = line.verdicts()
    assert verdict.traceparent is not None
    trace_id, span_id = verdict.traceparent.split("-")[1:3]
    spans = await asyncio.to_thread(collector.trace, trace_id, STEPS)
    assert (spans["inspect part"].span_id, spans["inspect part"].parent_id) == (span_id, "")


async def test_a_failure_is_seen(collector: TraceCollector) -> None:
    install_tracer(open_otlp(collector.address, "station-0", "plant"))
    line = Line(pool=ScriptedPool(PoolError("no replica")))
    async with at_work(line.station, line.outbox):
        await line.station.inspect(frame(traceparent=TRACEPARENT))
    spans = await asyncio.to_thread(collector.trace, TRACE_ID, STEPS)
    assert spans["ask model"].is_error
    assert spans["inspect part"].attributes["inspector.reason"] == "MODEL_ERROR"


async def test_what_a_sender_does_not_sample_is_not_sent(collector: TraceCollector) -> None:
    tracer = open_otlp(collector.address, "station-0", "plant")
    install_tracer(tracer)
    line = Line()
    async with at_work(line.station, line.outbox):
        await line.station.inspect(frame(traceparent=f"{TRACEPARENT[:-2]}00"))
        await line.settle()
    tracer.close()
    assert collector.spans == []
    assert len(line.verdicts()) == 1


@pytest.mark.parametrize("collector_is", ["away", "hanging"])
async def test_a_collector_that_does_not_answer_delays_no_part(collector: TraceCollector, collector_is: str) -> None:
    collector.hangs.set()
    tracer = open_otlp(collector.address if collector_is == "hanging" else closed_port(), "station-0", "plant")
    install_tracer(tracer)
    line = Line()
    async with at_work(line.station, line.outbox):
        for number in range(PARTS):
            await line.station.inspect(frame(f"t-{number}"))
        await line.settle()
    assert len(line.verdicts()) == PARTS
    assert {verdict.disposition for verdict in line.verdicts()} == {"PASS"}
    began_s = time.monotonic()
    tracer.close()
    assert time.monotonic() - began_s < 5.0, "a process ends although its spans can't be sent"


def closed_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def test_no_more_spans_wait_than_the_queue_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The collector hangs: the newest spans of a queue stay, the memory is bounded."""
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "64")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "32")
    exporter = HeldExporter()
    tracer = OtlpTracer("station-0", "plant", exporter)
    for number in range(1_000):
        tracer.start(f"step {number}", None, {}).end(None)
    exporter.goes_on.set()
    tracer.close()
    assert exporter.exported <= 64 + 2 * 32


class HeldExporter(SpanExporter):
    """Sends nothing before `goes_on`."""

    def __init__(self) -> None:
        self.exported = 0
        self.goes_on = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.goes_on.wait()
        self.exported += len(spans)
        return SpanExportResult.SUCCESS


def test_a_collector_that_takes_nothing_is_reported_once_and_once_when_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    library = logging.getLogger("tests.opentelemetry")
    refusing = RefusingExporter(library)
    exporter = ReportingExporter(refusing, library)
    spans: list[Any] = ["span"] * 3
    for _ in range(4):
        exporter.export(spans)
    refusing.result = SpanExportResult.SUCCESS
    exporter.export(spans)
    exporter.export(spans)
    assert caplog.messages == [
        "the collector of traces takes no spans, which are dropped: connection refused",
        "the collector of traces takes spans again; 12 or more were lost",
    ]


class RefusingExporter(SpanExporter):
    """Answers `result`, and complains at each attempt as the library does."""

    def __init__(self, library: logging.Logger) -> None:
        self.result = SpanExportResult.FAILURE
        self._library = library

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._library.error("connection refused")
        return self.result


def test_a_traceparent_is_read_and_written() -> None:
    assert traceparent_of(context_of(TRACEPARENT)) == TRACEPARENT


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, False),
    ],
)
def test_the_usual_variables_decide(environment: dict[str, str], *, named: bool) -> None:
    assert names_collector(environment) is named


@pytest.mark.parametrize("address", ["collector:4318", "grpc://collector:4317", "http://user:word@collector:4318"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="is no URL of a server"):
        Settings(traces_endpoint=address)


def test_traces_are_wanted_with_the_exporter_only() -> None:
    require_traces(Settings(traces_endpoint="http://collector:4318"))
