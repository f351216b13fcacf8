"""Values that settings stand for: the broker, the model card, absolute paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspector.adapters.mqtt.connection import Broker
from inspector.config.loader import read_card
from inspector.domain.model_card import ModelCard
from inspector.errors import DeclarationError, Fault
from inspector.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


def broker_of(settings: Settings) -> Broker:
    """Return the broker that the settings name."""
    password = settings.broker_password.get_secret_value() if settings.broker_password else None
    return Broker(
        settings.broker_host,
        settings.broker_port,
        settings.broker_protocol,
        settings.broker_username,
        password,
        settings.broker_tls,
    )


def card_of(settings: Settings) -> ModelCard:
    """Return the model card that the settings name. Raises DeclarationError."""
    return card_at(settings.model)


def card_at(path: Path) -> ModelCard:
    """Read the model card in a file. Raises DeclarationError."""
    try:
        text = path.read_bytes()
    except OSError as error:
        remedy = "name a card with --model or INSPECTOR_MODEL, such as models/demo.yaml"
        raise DeclarationError([Fault(str(path), "file", error.strerror or str(error), remedy)]) from error
    return read_card(text, str(path))


def log_process(settings: Settings, process: str) -> None:
    """Write the log of this process to a file of its own."""
    from inspector.adapters.telemetry.logs import log_to_file

    log_to_file(settings.logs, process, settings.log, settings.log_level)


def absolute(settings: Settings) -> Settings:
    """Return the same settings with absolute paths, valid in any process."""
    return settings.model_copy(
        update={
            "data": settings.data.absolute(),
            "model": settings.model.absolute(),
            "database_url": settings.database,
            "evidence_url": settings.evidence,
        }
    )


def parts_at_once(settings: Settings, card: ModelCard) -> int:
    """Return one station's share of the parts that all replicas judge at once."""
    replicas = max(settings.replicas or card.replicas, card.max_replicas or 0)
    return max(1, replicas * card.max_ongoing_requests // settings.stations)
