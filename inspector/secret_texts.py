"""Secrets of this process, and their removal from every text that leaves it.

Libraries quote URLs and keys in their errors. Each door to the outside (standard output and error, logs, events,
errors, REST) therefore removes what is known to be secret, instead of each place that writes a text.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final, TextIO
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

MASK: Final = "***"
# shorter ones, and names such as "inspector", would mask ordinary words; the patterns below mask them within a URL
MIN_SECRET_CHARACTERS: Final = 6
_NAMES: Final = "password|passwd|passphrase|secret|token|credentials?|signature|sig|key"
SECRET_NAME: Final = re.compile(rf"(^|[_-])({_NAMES})([_-]id)?$|accesskeyid$|secret_access_key", re.I)
USER_INFO: Final = re.compile(r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)(?P<user>[^\s/@:'\"]*):[^\s/@'\"]+@", re.I)
QUERY: Final = re.compile(rf"(?P<name>[?&](?:[\w-]*[_-])?(?:{_NAMES})=)[^&\s'\"]+", re.I)
PUBLIC_WORDS: Final = frozenset({"inspector", "postgres", "postgresql", "localhost", "public"})

_known: set[str] = set()
_pattern: list[re.Pattern[str]] = []


def remember_secrets(secrets: Iterable[str | None]) -> None:
    """Remove these texts from now on, in each spelling that a URL gives them."""
    for secret in secrets:
        if secret and len(secret) >= MIN_SECRET_CHARACTERS and secret.lower() not in PUBLIC_WORDS:
            _known.update({secret, quote(secret, safe=""), quote_plus(secret), unquote(secret), repr(secret)[1:-1]})
    longest_first = sorted(_known, key=len, reverse=True)
    _pattern[:] = [re.compile("|".join(map(re.escape, longest_first)))] if longest_first else []


def remember_url(url: str) -> None:
    """Remember what is secret in a URL: the password, a user name that stands alone, and keys of its query."""
    try:
        parts = urlsplit(url)
        password, user = parts.password, parts.username
    except ValueError:
        return
    if password is None and parts.scheme.startswith("http"):  # a token in place of the user's name
        password, user = user, None
    keys = [value for name, value in parse_qsl(parts.query) if SECRET_NAME.search(name)]
    remember_secrets(secret for secret in (password, *keys) if secret not in (user, parts.hostname))


def remember_environment(environment: Mapping[str, str]) -> None:
    """Remember the values of variables whose names say that they are secret, such as AWS_SECRET_ACCESS_KEY."""
    remember_secrets(value for name, value in environment.items() if SECRET_NAME.search(name))


def without_secrets(text: str) -> str:
    """Return the text with every secret masked."""
    for pattern in _pattern:
        text = pattern.sub(MASK, text)
    if "://" in text:
        text = USER_INFO.sub(rf"\g<scheme>\g<user>:{MASK}@", text)
    return QUERY.sub(rf"\g<name>{MASK}", text) if "=" in text else text


def document_without_secrets(document: Any) -> Any:
    """Return a JSON document with every secret masked in its texts."""
    if isinstance(document, str):
        return without_secrets(document)
    if isinstance(document, Mapping):
        return {key: document_without_secrets(value) for key, value in document.items()}
    if isinstance(document, list | tuple):
        return [document_without_secrets(value) for value in document]
    return document


class GuardedStream:
    """A text stream without secrets. Everything but writing is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(without_secrets(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def guard_standard_streams() -> None:
    """Mask secrets in all that this process prints, tracebacks too."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, GuardedStream):
            setattr(sys, name, GuardedStream(stream))
