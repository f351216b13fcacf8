"""Switches traces on in a process, where the settings or the OTEL_ variables name a collector."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Final

from inspector.errors import InspectorError
from inspector.runtime.tracing import install_tracer
from inspector.settings import Settings

log = logging.getLogger(__name__)

EXPORTER: Final = "opentelemetry.exporter.otlp.proto.http"
ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
HTTP: Final = "http/protobuf"
REMEDY: Final = "pip install 'inspector[traces]'"


def trace_process(settings: Settings, process: str) -> None:
    """Trace this process's share of the work. Where no collector is named, nothing is imported.

    A process that cannot trace says so in its log and goes on: no line stops for its traces.
    """
    if not settings.traces_endpoint and not names_collector(os.environ):
        return
    if not _is_installed():
        log.warning("a collector of traces is named, but the exporter is not installed; %s", REMEDY)
        return
    from inspector.adapters.telemetry.traces import open_otlp

    try:
        install_tracer(open_otlp(settings.traces_endpoint, process, settings.site))
    except Exception:
        log.exception("this process is not traced")


def require_traces(settings: Settings) -> None:
    """Raise InspectorError where the own setting wants traces that cannot be sent."""
    if settings.traces_endpoint and not _is_installed():
        raise InspectorError(f"INSPECTOR_TRACES_ENDPOINT is set, but the exporter is not installed; {REMEDY}")


def names_collector(environment: Mapping[str, str]) -> bool:
    """Return whether the OTEL_ variables name a collector of traces over HTTP, and do not switch traces off."""
    is_off = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if is_off or environment.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp":
        return False
    protocol = next((value for name in PROTOCOLS if (value := environment.get(name))), HTTP)
    if any(environment.get(name) for name in ENDPOINTS) and protocol != HTTP:
        log.warning("traces are sent by %s only, and the OTEL_ variables want %s; set the protocol", HTTP, protocol)
        return False
    return any(environment.get(name) for name in ENDPOINTS)


def _is_installed() -> bool:
    try:
        return find_spec(EXPORTER) is not None
    except ModuleNotFoundError:  # of a package above it
        return False
