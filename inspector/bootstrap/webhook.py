"""Builds the sender of alarms out of settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final

from inspector.bootstrap.access import read_random_secret
from inspector.errors import InspectorError
from inspector.runtime.background_steps import running
from inspector.secret_texts import remember_secrets
from inspector.settings import Settings

if TYPE_CHECKING:
    from inspector.adapters.ledger import SqlArchive
    from inspector.adapters.webhook.receiver import WebhookReceiver

POSITION_FILE: Final = "webhook.json"  # in the data folder
MIN_SECRET_CHARACTERS: Final = 16


def webhook_receiver(settings: Settings) -> WebhookReceiver | None:
    """Return the receiver of alarms; None where none is declared. Raises InspectorError for one that can't be used."""
    if not settings.webhook_url:
        return None
    from inspector.adapters.webhook.receiver import WebhookReceiver

    try:
        return WebhookReceiver(settings.webhook_url, _secret(settings))
    except InspectorError as error:
        raise InspectorError(f"INSPECTOR_WEBHOOK_URL {error}") from error


@contextmanager
def webhook_alarms(settings: Settings, archive: SqlArchive) -> Iterator[None]:
    """Send alarms for the length of the block, if the settings name a receiver."""
    receiver = webhook_receiver(settings)
    if receiver is None:
        yield
        return
    from inspector.adapters.ledger import SqlEventStore
    from inspector.adapters.webhook.alarms import AlarmLedger, WebhookAlarms
    from inspector.adapters.webhook.position import PositionFile

    with closing(SqlEventStore(settings.database)) as store:
        position = PositionFile(settings.data.absolute() / POSITION_FILE)
        alarms = WebhookAlarms(AlarmLedger(archive, store, position), receiver, settings.webhook_severity)
        with running(alarms):
            yield


def _secret(settings: Settings) -> str:
    if settings.webhook_secret_file is None:
        return ""
    setting = "INSPECTOR_WEBHOOK_SECRET_FILE"
    secret = read_random_secret(settings.webhook_secret_file, setting, "secret", MIN_SECRET_CHARACTERS)
    remember_secrets([secret])
    return secret
