"""A mosquitto as a plant runs it: certificates of its own authority, users and ACLs, made in the test."""

from __future__ import annotations

import ipaddress
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from inspector.adapters.mqtt.local import mosquitto
from inspector.adapters.mqtt.local.broker import MIB, free_port

HOST = "127.0.0.1"


class Issued(NamedTuple):
    """A certificate and its key, as PEM files."""

    certificate: Path
    key: Path


class Authority:
    """A certificate authority that signs certificates for brokers and clients."""

    def __init__(self, folder: Path, name: str = "plant") -> None:
        self._folder = folder
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} authority")])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / f"{name}-ca.pem"
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        certificate = self._builder(self._name, self._key).add_extension(constraints, critical=True)
        self.file.write_bytes(certificate.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, *, password: str = "", days: float = 2.0) -> Issued:
        """Issue a certificate for a broker's host or a client's user. Negative days: it has expired."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = self._builder(subject, key, days).add_extension(
            x509.SubjectAlternativeName([_general_name(name)]), critical=False
        )
        signed = builder.sign(self._key, hashes.SHA256())
        stem = name.replace("/", "_")
        files = Issued(self._folder / f"{stem}.pem", self._folder / f"{stem}.key")
        files.certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        files.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, FORMAT, _encryption(password)))
        return files

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, days: float = 2.0
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=10))
            .not_valid_after(now + timedelta(days=days))
        )


FORMAT = serialization.PrivateFormat.PKCS8


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _encryption(password: str) -> serialization.KeySerializationEncryption:
    return serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()


@contextmanager
def plant_broker(folder: Path, *settings: str) -> Iterator[int]:
    """Run a mosquitto whose configuration ends with `settings`; yields its port."""
    port = free_port(HOST, 0)
    folder.mkdir(parents=True, exist_ok=True)
    own = mosquitto.config(folder, HOST, port, message_bytes=16 * MIB, queue_bytes=MIB).splitlines()
    named = {setting.split()[0] for setting in settings}
    config = folder / "plant.conf"
    config.write_text("\n".join([*(line for line in own if line.split()[0] not in named), *settings, ""]))
    with configured_broker(config, port):
        yield port


@contextmanager
def configured_broker(config: Path, port: int, host: str = HOST) -> Iterator[None]:
    """Run a mosquitto with this configuration until the block ends; it listens on `host` and `port`."""
    program = mosquitto.find()
    assert program is not None
    with config.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen([program, "-c", str(config)], stdout=log, stderr=log)
    try:
        _await_listener(process, host, port, config.with_suffix(".log"))
        yield
    finally:
        process.terminate()
        process.wait()


def own_user() -> str:
    """Return the setting that keeps mosquitto, started by root, able to read a test's files."""
    return "user root" if os.geteuid() == 0 else "# not started by root"


def _await_listener(process: subprocess.Popen[bytes], host: str, port: int, log: Path) -> None:
    for _ in range(400):
        assert process.poll() is None, log.read_text()
        with socket.socket() as knock:
            knock.settimeout(0.05)
            if knock.connect_ex((host, port)) == 0:
                return
        time.sleep(0.025)
    raise AssertionError(f"nothing came to listen on {port}")


def passwords(folder: Path, *users: str) -> Path:
    """Return a password file in which each user's password is `secret`."""
    file = folder / "passwords"
    file.write_text("".join(f"{user}:secret\n" for user in users))
    subprocess.run(["mosquitto_passwd", "-U", str(file)], check=True, capture_output=True)
    return file
