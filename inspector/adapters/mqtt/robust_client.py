"""A paho client whose network thread no packet can end, and which keeps the TLS alert that ended a connection."""

from __future__ import annotations

import logging
import select
import ssl
from collections.abc import Callable
from contextlib import suppress
from socket import socket
from typing import Final

from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import MessageType, MQTTErrorCode

from inspector.adapters.mqtt.publish_packet import make_printable, topic_and_mid

log = logging.getLogger(__name__)

READABLE: Final = select.POLLIN | select.POLLHUP | select.POLLERR
TYPE_BITS: Final = 0xF0
RETAIN_BIT: Final = 0x01


def skip_none(_topic: str, _mid: int) -> bool:
    """Skip no message."""
    return False


class RobustClient(Client):  # type: ignore[misc]
    """paho's client: a packet that it can't read ends the connection, not the thread.

    Of the current or last connection: `tls_error` is the error of its encryption, `is_unreadable` says that a packet
    ended it. With TLS 1.3 a broker refuses a client certificate after the handshake, so that not the connecting fails,
    but the first read.

    `skips` is asked about the topic and id of each message that is no stored copy, before more of it is read. It says
    whether nobody needs the message, and then acknowledges it itself.
    """

    tls_error: ssl.SSLError | None = None
    is_unreadable = False
    skips: Callable[[str, int], bool] = staticmethod(skip_none)

    def reconnect(self) -> MQTTErrorCode:
        self.tls_error, self.is_unreadable = None, False
        return super().reconnect()

    def _loop(self, timeout: float = 1.0) -> MQTTErrorCode:
        """Wait for the broker or for something to send, and handle it, as paho does.

        paho waits with select(), which takes no file above number 1,023: in a process with so many open files it would
        reconnect for ever and receive nothing. poll() has no such limit.
        """
        sock, waker = self._sock, self._sockpairR
        if sock is None or waker is None:
            return super()._loop(timeout)
        try:
            ready = self._ready(sock, waker, timeout)
        except (OSError, ValueError):  # closed meanwhile
            return super()._loop(0.0)
        if ready.get(waker.fileno()):
            _drain(waker)
        if ready.get(sock.fileno(), 0) & READABLE:
            code = self.loop_read()
            if code or self._sock is None:
                return code
        if ready.get(waker.fileno()) or ready.get(sock.fileno(), 0) & select.POLLOUT:
            code = self.loop_write()
            if code or self._sock is None:
                return code
        return self.loop_misc()

    def _ready(self, sock: socket, waker: socket, timeout: float) -> dict[int, int]:
        """Return what is ready, by file number. Bytes that TLS has read already count as readable."""
        is_pending = getattr(sock, "pending", int)() > 0
        files = select.poll()
        files.register(sock, select.POLLIN | (select.POLLOUT if self.want_write() else 0))
        files.register(waker, select.POLLIN)
        ready = dict(files.poll(0 if is_pending else timeout * 1000.0))
        return ready | {sock.fileno(): ready.get(sock.fileno(), 0) | select.POLLIN} if is_pending else ready

    def _packet_handle(self) -> MQTTErrorCode:
        """Handle a complete packet. An exception here would end paho's thread, and the line with it."""
        try:
            header, packet = self._in_packet["command"], self._in_packet["packet"]
            if header & TYPE_BITS == MessageType.PUBLISH:
                if not header & RETAIN_BIT and self.skips(*topic_and_mid(header, packet)):
                    return MQTTErrorCode.MQTT_ERR_SUCCESS
                make_printable(header, packet, has_properties=self._protocol == MQTTv5)
            return super()._packet_handle()
        except Exception:
            self.is_unreadable = True
            log.exception("a packet of %s can't be read; the connection is renewed", self._host)
            return MQTTErrorCode.MQTT_ERR_PROTOCOL

    def _sock_recv(self, bufsize: int) -> bytes:
        try:
            received: bytes = super()._sock_recv(bufsize)
        except ssl.SSLError as error:
            self.tls_error = error
            raise
        return received


def _drain(waker: socket) -> None:
    """Take the bytes with which other threads say that there is something to send."""
    with suppress(OSError):
        waker.recv(10_000)
