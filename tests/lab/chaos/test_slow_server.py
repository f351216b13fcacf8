"""A server that never finishes a picture, and that ends when the run does."""

from __future__ import annotations

import socket

from inspector.lab.chaos.slow_server import HEAD, SlowServer


def test_picture_trickles_until_the_server_ends() -> None:
    with SlowServer() as server:
        host, _, port = server.url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=10.0) as client:
            client.sendall(b"GET /1.jpg HTTP/1.1\r\n\r\n")
            received = b""
            while len(received) <= len(HEAD):
                received += client.recv(4096)
    assert received.startswith(HEAD)
    assert len(received) < len(HEAD) + 10, "a byte at a time"
