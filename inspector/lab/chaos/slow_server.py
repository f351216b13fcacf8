"""An HTTP server on this machine that never finishes a picture: it sends one byte, waits, and sends the next."""

from __future__ import annotations

import socketserver
import threading
from types import TracebackType
from typing import Final, Self

HOST: Final = "127.0.0.1"
HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 1000000\r\n\r\n"
BYTE_INTERVAL_S: Final = 0.5
REQUEST_BYTES: Final = 64 * 1024


class SlowServer:
    """A server as a context manager. `url` is the root of its pictures."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._server = _Server((HOST, 0), _Trickle, self._stop)
        self.url = f"http://{HOST}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="slow-server", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(
        self, address: tuple[str, int], handler: type[socketserver.BaseRequestHandler], stop: threading.Event
    ) -> None:
        super().__init__(address, handler)
        self.stop = stop


class _Trickle(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        try:
            self.request.recv(REQUEST_BYTES)
            self.request.sendall(HEAD)
            while not self.server.stop.wait(BYTE_INTERVAL_S):
                self.request.sendall(b"\xff")
        except OSError:
            return
