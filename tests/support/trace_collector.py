"""A collector of traces on this machine: OTLP over HTTP, as a real one speaks it. It can also hang."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

WAIT_S = 60.0


class ReceivedSpan(NamedTuple):
    """One span. `instance` is the process that sent it; ids are hex."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, str]
    instance: str
    begin_ns: int
    end_ns: int
    is_error: bool


class TraceCollector:
    """Keeps what it receives. While `hangs` is set it answers nothing."""

    def __init__(self) -> None:
        self.spans: list[ReceivedSpan] = []
        self.requests = 0
        self.hangs = threading.Event()
        self.ended = threading.Event()
        self.address = ""

    def take(self, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        for of_process in request.resource_spans:
            instance = texts(of_process.resource.attributes)["service.instance.id"]
            self.spans += [received(each, instance) for scope in of_process.scope_spans for each in scope.spans]

    def trace(self, trace_id: str, names: set[str]) -> dict[str, ReceivedSpan]:
        """The spans of a trace by name, once these have arrived."""
        end = time.monotonic() + WAIT_S
        while not names <= (found := self._trace(trace_id)).keys():
            assert time.monotonic() < end, (trace_id, found)
            time.sleep(0.05)
        return found

    def _trace(self, trace_id: str) -> dict[str, ReceivedSpan]:
        return {each.name: each for each in list(self.spans) if each.trace_id == trace_id}


def received(span: trace_pb2.Span, instance: str) -> ReceivedSpan:
    return ReceivedSpan(
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        texts(span.attributes),
        instance,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
    )


def texts(attributes: Iterable[common_pb2.KeyValue]) -> dict[str, str]:
    return {each.key: str(getattr(each.value, each.value.WhichOneof("value") or "")) for each in attributes}


@contextmanager
def trace_collector() -> Iterator[TraceCollector]:
    """Run a collector on a free port until the block ends."""
    collector = TraceCollector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.requests += 1
            body = self.rfile.read(int(self.headers["Content-Length"]))
            while collector.hangs.is_set() and not collector.ended.wait(0.05):
                pass
            collector.take(body)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200 if self.path == "/v1/traces" else 404)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            """Log no requests."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        collector.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield collector
        finally:
            collector.ended.set()
            server.shutdown()
            thread.join()
