"""The wire that can be cut: bytes go through unchanged, then nothing does, then they do again."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator

import pytest

from inspector.lab.chaos.proxy import HOST, Proxy

WAIT_S = 60.0


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while data := self.request.recv(65536):
            self.request.sendall(data)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


@pytest.fixture
def wire() -> Iterator[Proxy]:
    with Server((HOST, 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with Proxy(server.server_address[1]) as proxy:
            yield proxy
        server.shutdown()
        thread.join()


def connected(wire: Proxy) -> socket.socket:
    return socket.create_connection((HOST, wire.port), WAIT_S)


def said_back(end: socket.socket, data: bytes) -> bytes:
    """What comes back while the data is still being sent."""
    threading.Thread(target=end.sendall, args=(data,)).start()
    heard = b""
    while len(heard) < len(data):
        heard += end.recv(65536)
    return heard


def is_over(end: socket.socket) -> bool:
    try:
        return end.recv(100) == b""
    except ConnectionResetError:
        return True


def test_bytes_go_through_in_both_directions(wire: Proxy) -> None:
    data = bytes(range(256)) * 4096
    with connected(wire) as one, connected(wire) as other:
        assert said_back(one, data) == data
        assert said_back(other, b"short") == b"short"


def test_last_words_of_one_end_reach_the_other() -> None:
    with socket.create_server((HOST, 0)) as listener, Proxy(listener.getsockname()[1]) as wire:
        with connected(wire) as end:
            end.sendall(b"goodbye")
        far, _ = listener.accept()
        with far:
            far.settimeout(WAIT_S)
            assert far.recv(100) == b"goodbye"
            assert is_over(far)


def test_cut_wire_drops_what_is_connected_and_refuses_what_comes(wire: Proxy) -> None:
    with connected(wire) as end:
        assert said_back(end, b"before") == b"before"
        with wire.cut():
            assert is_over(end)
            with pytest.raises(ConnectionRefusedError):
                connected(wire)


def test_mended_wire_carries_again_on_the_same_port(wire: Proxy) -> None:
    port = wire.port
    with wire.cut():
        pass
    assert wire.port == port
    with connected(wire) as end:
        assert said_back(end, b"after") == b"after"


def test_wire_to_nobody_ends_at_once_and_works_when_somebody_comes() -> None:
    with socket.create_server((HOST, 0)) as held:
        port = held.getsockname()[1]
    with Proxy(port) as wire:
        with connected(wire) as end:
            assert is_over(end)
        with Server((HOST, port), Echo) as server:
            threading.Thread(target=server.handle_request).start()
            with connected(wire) as end:
                assert said_back(end, b"hello") == b"hello"
