"""One POST of one event to the receiver of a webhook."""

from __future__ import annotations

import hashlib
import hmac
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import httpx

from inspector.adapters.webhook.addresses import SpecialAddressError, ascii_host, require_usual_address, resolve
from inspector.errors import InspectorError
from inspector.messages.outgoing import EventMessage, to_json
from inspector.ports.ledger import Event
from inspector.text import printable
from inspector.utc import utc_now

TIMEOUT_S: Final = 5.0
SCHEMES: Final = ("http", "https")
MAX_ADDRESSES: Final = 4  # of a name, that one POST tries
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
        """Send one event to an address that was judged just before.

        Redirections are not followed, and no proxy is asked: only the declared receiver gets alarms.
        """
        body, now = event_body(event), utc_now()
        headers = {"Content-Type": "application/json", "Idempotency-Key": event.event_id} | self._signed(body, now)
        try:
            addresses = resolve(httpx.URL(self.url))
            return _answer(self._status(addresses[:MAX_ADDRESSES], body, headers), self.host)
        except socket.gaierror:
            return WebhookAnswer(Delivery.AWAY, f"{self.host} can't be reached: its name is unknown here")
        except httpx.HTTPError as error:
            return WebhookAnswer(Delivery.AWAY, f"{self.host} can't be reached: {type(error).__name__}")
        except SpecialAddressError as error:
            return WebhookAnswer(Delivery.REFUSED, f"INSPECTOR_WEBHOOK_URL {error}")
        except (httpx.InvalidURL, UnicodeError) as error:
            return WebhookAnswer(Delivery.REFUSED, f"{self.host} is no address to send to: {type(error).__name__}")

    def _status(self, addresses: Sequence[str], body: bytes, headers: dict[str, str]) -> int:
        """Return the status that the first of these addresses which can be connected to answers."""
        url = httpx.URL(self.url)
        named = headers | {"Host": url.netloc.decode("ascii")}
        certified = {"sni_hostname": ascii_host(url)}  # the certificate is that of the name
        with httpx.Client(transport=httpx.HTTPTransport(), timeout=self.timeout_s) as client:

            def ask(address: str) -> int:
                place = url.copy_with(host=address)
                with client.stream("POST", place, content=body, headers=named, extensions=certified) as answer:
                    return answer.status_code

            for address in addresses[:-1]:
                with suppress(httpx.ConnectError, httpx.ConnectTimeout):
                    return ask(address)
            return ask(addresses[-1])

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
        parts, asked = urlsplit(url), httpx.URL(url)
        host, _ = parts.hostname or "", parts.port
    except (ValueError, httpx.InvalidURL) as error:
        raise InspectorError(f"is no web address ({error}); write https://HOST/PATH") from error
    if parts.scheme not in SCHEMES or not host:
        raise InspectorError("is no web address; write https://HOST/PATH, or http:// inside the plant's network")
    if parts.username is not None or parts.password is not None:
        raise InspectorError("holds a user or a password; sign requests by INSPECTOR_WEBHOOK_SECRET_FILE instead")
    if any(not each.isprintable() or each.isspace() for each in url):
        raise InspectorError("holds spaces or control characters; remove them")
    require_usual_address(asked)
    return url


def _answer(status: int, host: str) -> WebhookAnswer:
    if 200 <= status < 300:
        return WebhookAnswer(Delivery.DELIVERED)
    is_final = 300 <= status < 500 and status not in REPEATED_STATUSES
    return WebhookAnswer(Delivery.REFUSED if is_final else Delivery.AWAY, f"{host} answers {status}")
