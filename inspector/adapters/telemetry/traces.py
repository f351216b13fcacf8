"""Sends spans to an OpenTelemetry collector by OTLP over HTTP, from a thread of its own.

A collector that is away, slow or wrong costs spans, never time of a part: finished spans wait in a queue of limited
length, and what does not fit is dropped. The usual OTEL_ variables apply: headers, certificates, sampler, queue.
"""

from __future__ import annotations

import atexit
import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from threading import Thread
from typing import Final

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import NonRecordingSpan, SpanContext, Status, StatusCode, TraceFlags

from inspector.runtime.tracing import Attribute, StartedSpan

log = logging.getLogger(__name__)
LIBRARY_LOG: Final = logging.getLogger("opentelemetry")

SCOPE: Final = "inspector"
TRACES_PATH: Final = "/v1/traces"  # below a collector's address
LAST_SPANS_TIMEOUT_S: Final = 1.0  # of a process that ends
# names of our attributes in traces; the others stand below "inspector."
ATTRIBUTE_PREFIX: Final = "inspector."
VERSION, SAMPLED = "00", 0x01


class OtlpTracer:
    """tracing.Tracer: the spans of one process, which `exporter` sends."""

    def __init__(self, process: str, site: str, exporter: SpanExporter) -> None:
        own = Resource({"service.namespace": site, "service.instance.id": process})
        named = Resource({"service.name": os.environ.get("OTEL_SERVICE_NAME") or SCOPE})
        self._provider = TracerProvider(resource=Resource.create().merge(own).merge(named), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer(SCOPE)

    def start(self, name: str, parent: str | None, attributes: dict[str, Attribute | None]) -> StartedSpan:
        """Begin a span. Its parent decides whether it is recorded, as OTEL_TRACES_SAMPLER says."""
        above = trace.INVALID_SPAN if parent is None else NonRecordingSpan(context_of(parent))
        span = OtlpSpan(self._tracer.start_span(name, trace.set_span_in_context(above)))
        span.note(**attributes)
        return span

    def close(self) -> None:
        """Send what is finished, and give up after a moment: no process waits for a collector."""
        sender = Thread(target=self._provider.shutdown, name="last-spans", daemon=True)
        with suppress(RuntimeError):  # the interpreter starts no thread any more
            sender.start()
            sender.join(LAST_SPANS_TIMEOUT_S)


class OtlpSpan:
    """tracing.StartedSpan."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span
        self.traceparent: str | None = traceparent_of(span.get_span_context())

    def note(self, **attributes: Attribute | None) -> None:
        known = {f"{ATTRIBUTE_PREFIX}{name}": value for name, value in attributes.items() if value is not None}
        self._span.set_attributes(known)

    def end(self, error: BaseException | None) -> None:
        if error is not None:
            self._span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))
        self._span.end()


class ReportingExporter(SpanExporter):
    """Says once that a collector takes no spans, and once that it takes them again: logs are for parts.

    `silenced` is the logger of the library, which says so at each attempt.
    """

    def __init__(self, exporter: SpanExporter, silenced: logging.Logger = LIBRARY_LOG) -> None:
        self._exporter = exporter
        self._cause = _LastRecord()
        silenced.handlers[:], silenced.propagate = [self._cause], False
        self._lost = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            if self._lost:
                log.warning("the collector of traces takes spans again; %d or more were lost", self._lost)
            self._lost = 0
            return result
        if not self._lost:
            log.warning("the collector of traces takes no spans, which are dropped: %s", self._cause.text)
        self._lost += len(spans)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


class _LastRecord(logging.Handler):
    """Keeps the newest text in place of writing it."""

    text = "no reason given"

    def emit(self, record: logging.LogRecord) -> None:
        self.text = record.getMessage()


def open_otlp(address: str, process: str, site: str) -> OtlpTracer:
    """Return a tracer that sends to this collector; empty: to the one that the OTEL_ variables name.

    The last spans are sent when the process ends.
    """
    endpoint = f"{address.rstrip('/')}{TRACES_PATH}" if address else None
    tracer = OtlpTracer(process, site, ReportingExporter(OTLPSpanExporter(endpoint=endpoint)))
    atexit.register(tracer.close)
    return tracer


def context_of(traceparent: str) -> SpanContext:
    """Return what a W3C traceparent names."""
    _, trace_id, span_id, flags = traceparent.split("-")
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))


def traceparent_of(context: SpanContext) -> str:
    """Return the W3C form of a span's context."""
    return f"{VERSION}-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags & SAMPLED:02x}"
