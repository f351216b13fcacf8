"""The page that Prometheus reads, and a server for it where no console runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from threading import Thread
from typing import TYPE_CHECKING, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest, make_wsgi_app
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from inspector.adapters.telemetry.families import families
from inspector.adapters.telemetry.ledger_reader import MetricsReader
from inspector.errors import InspectorError
from inspector.ports.metrics import MetricsSource, StationStatus

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

REQUEST_TIMEOUT_S: Final = 10.0


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


class _MetricsServer(ThreadingMixIn, WSGIServer):
    """One thread per request: a slow reader holds up nobody."""

    daemon_threads = True


class _SilentHandler(WSGIRequestHandler):
    timeout = REQUEST_TIMEOUT_S

    def log_message(self, format: str, *args: object) -> None:
        """Log no requests."""


def _guarded(exporter: Exporter, may_read: Callable[[str], bool]) -> WSGIApplication:
    page: WSGIApplication = make_wsgi_app(exporter.registry)

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        if may_read(token.strip() if scheme.lower() == "bearer" else ""):
            return page(environ, start_response)
        start_response("401 Unauthorized", [("WWW-Authenticate", "Bearer"), ("Content-Type", "text/plain")])
        return [b"send the token of INSPECTOR_METRICS_TOKEN_FILE: Authorization: Bearer TOKEN\n"]

    return answer


@contextmanager
def serve_metrics(exporter: Exporter, host: str, port: int, may_read: Callable[[str], bool]) -> Iterator[None]:
    """Serve the page at /metrics for the length of the block, to senders of a token that `may_read`."""
    try:
        server = make_server(host, port, _guarded(exporter, may_read), _MetricsServer, _SilentHandler)
    except OSError as error:
        raise InspectorError(
            f"metrics can't be served on {host}:{port}: {error.strerror}; choose another port with --metrics-port"
        ) from error
    thread = Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
