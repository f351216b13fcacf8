"""Values that settings stand for: the broker, the model card, absolute paths."""

from __future__ import annotations

import os
from pathlib import Path

from inspector.adapters.mqtt.connection import Broker
from inspector.adapters.mqtt.tls import Tls
from inspector.config.loader import read_card
from inspector.domain.model_card import ModelCard
from inspector.errors import DeclarationError, Fault
from inspector.secret_texts import guard_standard_streams, remember_secrets
from inspector.settings import OPTIONAL_FILES, Settings
from inspector.statistics.calendar import PlantCalendar, read_shifts, read_zone


def broker_of(settings: Settings) -> Broker:
    """Return the broker that the settings name."""
    password = settings.broker_password.get_secret_value() if settings.broker_password else None
    tls = _tls_of(settings) if settings.broker_tls else None
    return Broker(
        settings.broker_host,
        settings.broker_port,
        settings.broker_protocol,
        settings.broker_username,
        password,
        tls,
    )


def _tls_of(settings: Settings) -> Tls:
    password = settings.broker_key_password
    return Tls(
        settings.broker_ca,
        settings.broker_certificate,
        settings.broker_key,
        password.get_secret_value() if password else "",
        settings.broker_server_name or None,
    )


def calendar_of(settings: Settings) -> PlantCalendar:
    """Return the plant's calendar."""
    return PlantCalendar(read_zone(settings.time_zone), read_shifts(settings.shifts))


def station_client_id(settings: Settings, station: int | str) -> str:
    """Return the MQTT client id of a station, which stays the same over restarts."""
    return f"{settings.site}-station-{station}"


def card_of(settings: Settings) -> ModelCard:
    """Return the model card that the settings name. Raises DeclarationError."""
    return card_at(settings.model)


def known_card(settings: Settings) -> ModelCard | None:
    """Return the model card that the settings name; None where this machine has no such file."""
    return card_of(settings) if settings.model.is_file() else None


def card_at(path: Path) -> ModelCard:
    """Read the model card in a file. Raises DeclarationError."""
    try:
        text = path.read_bytes()
    except OSError as error:
        remedy = "name a card with --model or INSPECTOR_MODEL, such as models/demo.yaml"
        raise DeclarationError([Fault(str(path), "file", error.strerror or str(error), remedy)]) from error
    card = read_card(text, str(path))
    if card.server is not None and card.server.api_key_variable:
        remember_secrets([os.environ.get(card.server.api_key_variable)])
    return card


def log_process(settings: Settings, process: str) -> None:
    """Write the log of this process to a file of its own, without secrets."""
    from inspector.adapters.telemetry.logs import log_to_file

    settings.remember_secrets()
    guard_standard_streams()
    log_to_file(settings.logs, process, settings.log, settings.log_level, settings.log_mib * 2**20)


def absolute(settings: Settings) -> Settings:
    """Return the same settings with absolute paths, valid in any process."""
    return settings.model_copy(
        update={
            "data": settings.data.absolute(),
            "model": settings.model.absolute(),
            **{name: path.absolute() for name in OPTIONAL_FILES if (path := getattr(settings, name))},
            "claims": tuple(root if "://" in root else str(Path(root).absolute()) for root in settings.claims),
            "database_url": settings.database,
            "evidence_url": settings.evidence,
        }
    )


def parts_at_once(settings: Settings, card: ModelCard) -> int:
    """Return one station's share of the parts that all replicas judge at once."""
    replicas = max(settings.replicas or card.replicas, card.max_replicas or 0)
    return max(1, replicas * card.max_ongoing_requests // settings.stations)
