"""Diagnoses why a broker can't be used, and what the operator can do about it."""

from __future__ import annotations

import socket
import ssl
from typing import Final, NamedTuple

from inspector.adapters.mqtt.check.session import Connack
from inspector.adapters.mqtt.connection import Broker

USUAL_PORTS: Final = "1883 is usual, 8883 with TLS"


class BrokerProblem(NamedTuple):
    """A problem and its remedy."""

    problem: str
    remedy: str


def diagnose_refusal(broker: Broker, answers: list[Connack], timeout_s: float) -> BrokerProblem:
    """Diagnose a broker that accepts connections but refuses the client."""
    if answers:
        who = f"user {broker.username}" if broker.username else "clients without a user"
        return BrokerProblem(
            f"{broker.address} refuses {who}: {answers[0].reason}", "check user and password, or the broker's log"
        )
    if not broker.tls and speaks_tls(broker, timeout_s):
        return BrokerProblem(
            f"{broker.address} speaks TLS and was called without",
            f"switch TLS on, or use the plain port ({USUAL_PORTS})",
        )
    return BrokerProblem(
        f"what listens on {broker.address} is not an MQTT broker", f"check host and port ({USUAL_PORTS})"
    )


def diagnose_protocol(broker: Broker) -> BrokerProblem:
    """Diagnose a broker that accepts MQTT 3.1.1 only."""
    return BrokerProblem(
        f"{broker.address} speaks MQTT 3.1.1 only, but frames carry their data in MQTT 5 properties",
        "use a broker that speaks MQTT 5, such as mosquitto 2",
    )


def speaks_tls(broker: Broker, timeout_s: float) -> bool:
    """Return whether the port speaks TLS. Certificates are not checked here."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection((broker.host, broker.port), timeout_s) as plain, context.wrap_socket(plain):
            return True
    except OSError:
        return False


def diagnose_unreachable(broker: Broker, error: Exception, timeout_s: float) -> BrokerProblem:
    """Diagnose a connection that was not established."""
    match error:
        case socket.gaierror():
            return BrokerProblem(
                f"the host name {broker.host} is not known", "check the broker's host, or the name service"
            )
        case ConnectionRefusedError():
            return BrokerProblem(
                f"nothing listens on {broker.address}", f"start the broker, or correct host and port ({USUAL_PORTS})"
            )
        case TimeoutError():
            return BrokerProblem(
                f"{broker.address} does not answer within {timeout_s:g} s", "check host, port, network and firewall"
            )
        case ssl.SSLCertVerificationError():
            return BrokerProblem(
                f"the certificate of {broker.address} is not trusted: {error.verify_message}",
                "name a file with its authority in SSL_CERT_FILE, or call the broker by the name in its certificate",
            )
        case ssl.SSLError() | ConnectionResetError() if broker.tls:
            return BrokerProblem(
                f"{broker.address} does not speak TLS", f"switch TLS off, or use the TLS port ({USUAL_PORTS})"
            )
        case _:
            return BrokerProblem(f"{broker.address} can't be reached: {error}", "check the broker's host and port")
