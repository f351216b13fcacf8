"""The page that Prometheus reads, and a server for it where no console runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest, start_http_server
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from inspector.adapters.telemetry.families import families
from inspector.adapters.telemetry.ledger_reader import MetricsReader
from inspector.errors import InspectorError
from inspector.ports.metrics import MetricsSource, StationStatus


class Exporter(Collector):
    """ports.MetricsPage: reads everything anew for every scrape."""

    def __init__(self, ledger: MetricsSource, stations: Callable[[], Sequence[StationStatus]]) -> None:
        self._reader = MetricsReader(ledger, stations)
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(self)

    @property
    def media_type(self) -> str:
        return CONTENT_TYPE_LATEST

    def render(self) -> bytes:
        return generate_latest(self.registry)

    def collect(self) -> Iterator[Metric]:
        yield from families(self._reader.read())

    def describe(self) -> Iterator[Metric]:
        """Describe nothing: registering must not read the ledger."""
        return iter(())


@contextmanager
def serve_metrics(exporter: Exporter, host: str, port: int) -> Iterator[None]:
    """Serve the page at /metrics for the length of the block."""
    try:
        server, thread = start_http_server(port, host, exporter.registry)
    except OSError as error:
        raise InspectorError(
            f"metrics can't be served on {host}:{port}: {error.strerror}; choose another port with --metrics-port"
        ) from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
