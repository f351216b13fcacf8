"""Diagnoses why a broker can't be used, and what the operator can do about it."""

from __future__ import annotations

import socket
import ssl
from typing import Final, NamedTuple

from inspector.adapters.mqtt.check.session import Connack
from inspector.adapters.mqtt.connection import Broker
from inspector.adapters.mqtt.connection_faults import refusal_hint, tls_hint
from inspector.adapters.mqtt.tls import tls_context
from inspector.errors import BrokerError

USUAL_PORTS: Final = "1883 is usual, 8883 with TLS"


class BrokerProblem(NamedTuple):
    """A problem and its remedy."""

    problem: str
    remedy: str


def diagnose_refusal(
    broker: Broker, answers: list[Connack], tls_error: ssl.SSLError | None, timeout_s: float
) -> BrokerProblem:
    """Diagnose a broker that accepts connections but refuses the client."""
    if answers:
        who = f"user {broker.username}" if broker.username else "clients without a user"
        return BrokerProblem(f"{broker.address} refuses {who}: {answers[0].reason}", refusal_hint(answers[0].reason))
    if broker.tls is not None and (hint := tls_hint(tls_error or read_alert(broker, timeout_s))):
        return _of_hint(broker, hint)
    if broker.tls is None and speaks_tls(broker, timeout_s):
        return BrokerProblem(
            f"{broker.address} speaks TLS and was called without",
            f"switch TLS on, or use the plain port ({USUAL_PORTS})",
        )
    return BrokerProblem(
        f"what listens on {broker.address} is not an MQTT broker", f"check host and port ({USUAL_PORTS})"
    )


def diagnose_settings(error: BrokerError) -> BrokerProblem:
    """Diagnose settings that no connection can be made with."""
    problem, _, remedy = str(error).partition("; ")
    return BrokerProblem(problem, remedy)


def diagnose_protocol(broker: Broker) -> BrokerProblem:
    """Diagnose a broker that accepts MQTT 3.1.1 only."""
    return BrokerProblem(
        f"{broker.address} speaks MQTT 3.1.1 only, but frames carry their data in MQTT 5 properties",
        "use a broker that speaks MQTT 5, such as mosquitto 2",
    )


def read_alert(broker: Broker, timeout_s: float) -> ssl.SSLError | None:
    """Return the alert that a TLS 1.3 broker sends after the handshake.

    Sends nothing after the handshake: a broker that closes on unread bytes resets the connection, and its alert is
    lost.
    """
    assert broker.tls is not None
    try:
        with (
            socket.create_connection((broker.host, broker.port), timeout_s) as plain,
            tls_context(broker.tls).wrap_socket(plain, server_hostname=broker.host) as encrypted,
        ):
            encrypted.recv(1)
    except ssl.SSLError as error:
        return error
    except OSError:
        pass
    return None


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
                "name its authority in INSPECTOR_BROKER_CA, and the name in the certificate, if it is not the host, in "
                "INSPECTOR_BROKER_SERVER_NAME",
            )
        case ssl.SSLError() if hint := tls_hint(error):
            return _of_hint(broker, hint)
        case ssl.SSLError() | ConnectionResetError() if broker.tls:
            return BrokerProblem(
                f"{broker.address} does not speak TLS", f"switch TLS off, or use the TLS port ({USUAL_PORTS})"
            )
        case _:
            return BrokerProblem(f"{broker.address} can't be reached: {error}", "check the broker's host and port")


def _of_hint(broker: Broker, hint: str) -> BrokerProblem:
    problem, _, remedy = hint.partition("; ")
    return BrokerProblem(f"{broker.address} ends the connection: {problem}", remedy)
