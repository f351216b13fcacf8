"""What ended or prevented a connection to the broker, with one hint for each cause. Pure."""

from __future__ import annotations

import ssl
from typing import Final

NO_REASON: Final = "Unspecified error"  # paho's name for a connection that ended without the broker's word
CHECK_USER: Final = "check INSPECTOR_BROKER_USERNAME and INSPECTOR_BROKER_PASSWORD"
CHECK_RIGHTS: Final = "allow the station's user, client ids and topics at the broker: inspector export acl"
HINTS: Final = {
    # while connecting
    "Bad user name or password": CHECK_USER,
    "Not authorized": f"{CHECK_USER}; {CHECK_RIGHTS}",
    "Client identifier not valid": "allow the client id at the broker, or set INSPECTOR_SITE, with which it begins",
    "Unsupported protocol version": "set INSPECTOR_BROKER_PROTOCOL to the version that the broker speaks",
    "Server unavailable": "wait for the broker, or see its log",
    "Server busy": "wait for the broker, or see its load and its limit of connections",
    "Banned": "lift the ban at the broker",
    "Connection rate exceeded": "raise the broker's limit of connections per second",
    "Use another server": "set INSPECTOR_BROKER_HOST to the broker's new address",
    "Server moved": "set INSPECTOR_BROKER_HOST to the broker's new address",
    # while connected
    "Session taken over": "another client uses this client id; give one of the two services another INSPECTOR_SITE",
    "Keep alive timeout": "check the network to the broker and the load of both machines",
    "Packet too large": "raise the broker's max_packet_size, or have cameras send frame-ref",
    "Receive maximum exceeded": "report it to the broker's maker: it counts unacknowledged messages wrongly",
    "Quota exceeded": "raise the broker's quota for the station's user",
    "Message rate too high": "raise the broker's limit of messages for the station's user",
    "Server shutting down": "wait until the broker is started again",
    "Administrative action": "ask who disconnected the station at the broker",
    "Malformed packet": "compare the versions of broker and service; see the broker's log",
    "Protocol error": "compare the versions of broker and service; see the broker's log",
}
TLS_ALERTS: Final = {
    "CERTIFICATE_REQUIRED": "the broker demands a client certificate; set INSPECTOR_BROKER_CERTIFICATE and _KEY",
    "HANDSHAKE_FAILURE": "the broker demands a client certificate or other ciphers; set INSPECTOR_BROKER_CERTIFICATE",
    "UNKNOWN_CA": "the broker does not know the authority of the client certificate; use one that it trusts",
    "CERTIFICATE_EXPIRED": "the client certificate has expired; renew INSPECTOR_BROKER_CERTIFICATE",
    "CERTIFICATE_REVOKED": "the client certificate is revoked; use another INSPECTOR_BROKER_CERTIFICATE",
    "BAD_CERTIFICATE": "the broker refuses the client certificate; use one that its authority has signed",
    "CERTIFICATE_UNKNOWN": "the broker refuses the client certificate; use one that its authority has signed",
    "ACCESS_DENIED": "the broker refuses the client certificate; allow its name there",
}


def refusal_hint(reason: str) -> str:
    """Return what to do about a broker that refuses to connect."""
    return HINTS.get(reason, "see the broker's log")


def loss_hint(reason: str, client_id: str, *, tls_error: ssl.SSLError | None = None, unreadable: bool = False) -> str:
    """Return what to do about a connection that ended for this reason.

    `unreadable`: the service ended it, because of a packet that it can't read.
    """
    if unreadable:
        return "the broker sent a packet that breaks MQTT; see the station's log"
    if hint := tls_hint(tls_error):
        return hint
    if reason == NO_REASON:
        return (
            f"the broker gave no reason; see its log for client {client_id}: if a second client uses that id, give one "
            "of the services another INSPECTOR_SITE"
        )
    return HINTS.get(reason, f"see the broker's log for client {client_id}")


def tls_hint(error: ssl.SSLError | None) -> str:
    """Return what the broker's TLS alert asks for; empty where it is no alert about certificates."""
    reason = (error.reason if error else "") or ""
    return next((hint for alert, hint in TLS_ALERTS.items() if reason.endswith(alert)), "")
