"""A paho client whose network thread no packet can end, and which keeps the TLS alert that ended a connection."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from typing import Final

from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import MessageType, MQTTErrorCode

from inspector.adapters.mqtt.publish_packet import make_printable, topic_and_mid

log = logging.getLogger(__name__)

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
