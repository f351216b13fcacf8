"""Encryption of the connection to the broker: its own authority, a client certificate, and the name to verify."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inspector.errors import BrokerError


@dataclass(frozen=True, slots=True)
class Tls:
    """How to encrypt. All files are PEM.

    `ca` holds the authorities that may have signed the broker's certificate; None: those of the operating system. `key`
    None: the key is in the file of the certificate. `server_name` None: the certificate must name the broker's host.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    key_password: str = field(default="", repr=False)
    server_name: str | None = None


class NamedServerContext(ssl.SSLContext):
    """An SSL context that asks for, and verifies, another name than the host that is called."""

    server_name: str | None = None

    def wrap_socket(self, *args: Any, **options: Any) -> ssl.SSLSocket:
        name = self.server_name or options.pop("server_hostname", None)
        return super().wrap_socket(*args, **options | {"server_hostname": name})


def tls_context(tls: Tls) -> ssl.SSLContext:
    """Return the context for a connection. Raises BrokerError that names the setting of an unusable file."""
    context = NamedServerContext(ssl.PROTOCOL_TLS_CLIENT)
    context.server_name = tls.server_name
    if tls.ca is None:
        context.load_default_certs()
    else:
        _load_authorities(context, tls.ca)
    if tls.certificate is not None:
        _load_certificate(context, tls, tls.certificate)
    return context


def _load_authorities(context: ssl.SSLContext, ca: Path) -> None:
    try:
        context.load_verify_locations(cafile=ca)
    except OSError as error:  # ssl.SSLError is one
        raise BrokerError(
            f"INSPECTOR_BROKER_CA: {ca}: {_reason(error)}; name a PEM file with the broker's authority"
        ) from error


def _load_certificate(context: ssl.SSLContext, tls: Tls, certificate: Path) -> None:
    try:
        # a password is always given: without one OpenSSL asks at the terminal
        context.load_cert_chain(certificate, tls.key, password=tls.key_password)
    except OSError as error:
        raise BrokerError(_certificate_problem(tls, certificate, error)) from error


def _certificate_problem(tls: Tls, certificate: Path, error: OSError) -> str:
    key = tls.key or certificate
    for setting, file in (("INSPECTOR_BROKER_CERTIFICATE", certificate), ("INSPECTOR_BROKER_KEY", key)):
        if not file.is_file():
            return f"{setting}: {file} is no file; name a PEM file"
    if getattr(error, "reason", "") == "KEY_VALUES_MISMATCH":
        return f"INSPECTOR_BROKER_KEY: {key} does not belong to {certificate}; name the key that it was made with"
    return (
        f"INSPECTOR_BROKER_CERTIFICATE: {certificate} with the key in {key}: {_reason(error)}; name PEM files, and the "
        "password of an encrypted key in INSPECTOR_BROKER_KEY_PASSWORD"
    )


def _reason(error: OSError) -> str:
    return error.strerror or (error.reason if isinstance(error, ssl.SSLError) else "") or "is not PEM"
