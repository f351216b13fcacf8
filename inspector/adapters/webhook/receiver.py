"""One POST of one event to the receiver of a webhook."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import httpx

from inspector.errors import InspectorError
from inspector.messages.outgoing import EventMessage, to_json
from inspector.ports.ledger import Event
from inspector.text import printable
from inspector.utc import utc_now

TIMEOUT_S: Final = 5.0
SCHEMES: Final = ("http", "https")
REPEATED_STATUSES: Final = (408, 425, 429)  # of the 4xx: the receiver asks to try again
SIGNATURE_HEADER: Final = "X-Inspector-Signature"
TIMESTAMP_HEADER: Final = "X-Inspector-Timestamp"


class Delivery(Enum):
    """What became of one POST."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    AWAY = "away"


class WebhookAnswer(NamedTuple):
    """What the receiver said. `text` says why an event was not delivered."""

    delivery: Delivery
    text: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class WebhookReceiver:
    """The web address that alarms go to. With a secret each request is signed: HMAC-SHA256 of timestamp, dot, body."""

    url: str
    secret: str = ""
    timeout_s: float = TIMEOUT_S

    def __post_init__(self) -> None:
        require_web_address(self.url)

    @property
    def host(self) -> str:
        """The host alone: the rest of an address may be secret."""
        return urlsplit(self.url).hostname or ""

    def post(self, event: Event) -> WebhookAnswer:
        """Send one event. Redirections are not followed: only the declared address receives alarms."""
        body, now = event_body(event), utc_now()
        headers = {"Content-Type": "application/json", "Idempotency-Key": event.event_id}
        try:
            with httpx.stream(
                "POST", self.url, content=body, headers=headers | self._signed(body, now), timeout=self.timeout_s
            ) as answer:
                return _answer(answer.status_code, self.host)
        except httpx.HTTPError as error:
            return WebhookAnswer(Delivery.AWAY, f"{self.host} can't be reached: {type(error).__name__}")
        except (httpx.InvalidURL, UnicodeError) as error:
            return WebhookAnswer(Delivery.REFUSED, f"{self.host} is no address to send to: {type(error).__name__}")

    def _signed(self, body: bytes, now: datetime) -> dict[str, str]:
        if not self.secret:
            return {}
        timestamp = str(int(now.timestamp()))
        digest = hmac.new(self.secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
        return {TIMESTAMP_HEADER: timestamp, SIGNATURE_HEADER: f"sha256={digest}"}


def event_body(event: Event) -> bytes:
    """Return the event as JSON: the document that MQTT carries too."""
    names = ("event_id", "line", "camera", "kind", "severity", "count", "at")
    return to_json(EventMessage(text=printable(event.text), **{name: getattr(event, name) for name in names}))


def require_web_address(url: str) -> str:
    """Return the URL. Raises InspectorError for one that alarms can't, or must not, be sent to."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise InspectorError(f"is no web address ({error}); write https://HOST/PATH") from error
    if parts.scheme not in SCHEMES or not host:
        raise InspectorError("is no web address; write https://HOST/PATH, or http:// inside the plant's network")
    if parts.username is not None or parts.password is not None:
        raise InspectorError("holds a user or a password; sign requests by INSPECTOR_WEBHOOK_SECRET_FILE instead")
    if any(not each.isprintable() or each.isspace() for each in url):
        raise InspectorError("holds spaces or control characters; remove them")
    if _is_special(host):
        raise InspectorError(f"names {host}, an address of the machine's network itself; name the receiver's address")
    return url


def _is_special(host: str) -> bool:
    """Return whether nothing but this machine's own infrastructure answers there, such as a cloud's metadata."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return mapped.is_link_local or mapped.is_multicast or mapped.is_unspecified


def _answer(status: int, host: str) -> WebhookAnswer:
    if 200 <= status < 300:
        return WebhookAnswer(Delivery.DELIVERED)
    is_final = 300 <= status < 500 and status not in REPEATED_STATUSES
    return WebhookAnswer(Delivery.REFUSED if is_final else Delivery.AWAY, f"{host} answers {status}")
