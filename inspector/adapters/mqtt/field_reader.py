"""Reads the fields of a message from outside, one by one: user properties and JSON alike.

A field that can't be read is left out and reported, so that one bad detail never costs the part. Numbers where text is
expected, and text where numbers are, are read as what they say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import Final, TypeVar

from inspector.messages.incoming import FrameRef, utc
from inspector.text import REPLACEMENT, one_line, shortened

MAX_JSON_BYTES: Final = 256 * 1024  # the contract needs less than 10 KiB; reading holds up all other messages
MAX_TEXT_CHARACTERS: Final = 128
MAX_DEADLINE_MS: Final = 600_000.0
MAX_COUNT_DIGITS: Final = 15
MAX_QUOTED_CHARACTERS: Final = 60
NESTED: Final = f"{REPLACEMENT} (a list or an object)"
MAX_LABELS: Final = 16  # fields of a sender's own that a frame keeps
LABEL_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.\-]{0,63}")
CONTRACT_FIELDS: Final = frozenset(FrameRef.model_fields)  # the contract's fields of a frame
Choice = TypeVar("Choice")
FLAGS: Final[Mapping[str, bool]] = {"1": True, "true": True, "0": False, "false": False, "": False}


class FieldReader:
    """Reads named fields. `faults` collects, in words, what was left out."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.faults: list[str] = []

    def ignore(self, name: str, value: str, wanted: str) -> None:
        """Report a value that is left out."""
        self.faults.append(f"{name} {_quoted(value)} is ignored; expected {wanted}")

    def given(self, name: str) -> str | None:
        """Return the value as it was sent; None where it is missing or empty."""
        return self._values.get(name) or None

    def text(self, name: str, longest: int = MAX_TEXT_CHARACTERS) -> str | None:
        value = self.given(name)
        if value is None or (len(value) <= longest and value.isprintable() and REPLACEMENT not in value):
            return value
        self.ignore(name, value, f"at most {longest} printable characters")
        return None

    def matching(self, name: str, pattern: re.Pattern[str], wanted: str) -> str | None:
        value = self.given(name)
        if value is None or pattern.fullmatch(value):
            return value
        self.ignore(name, value, wanted)
        return None

    def choice(self, name: str, choices: Mapping[str, Choice]) -> Choice | None:
        """Return one of a few values, whatever the case of its name."""
        value = self.given(name)
        chosen = {key.lower(): each for key, each in choices.items()}.get((value or "").strip().lower())
        if value is not None and chosen is None:
            self.ignore(name, value, " or ".join(choices))
        return chosen

    def count(self, name: str) -> int | None:
        value = self.given(name)
        if value is None:
            return None
        if value.isascii() and value.isdigit() and len(value) <= MAX_COUNT_DIGITS:
            return int(value)
        self.ignore(name, value, "a whole number from 0")
        return None

    def deadline(self, name: str) -> float | None:
        value = self.given(name)
        if value is None:
            return None
        try:
            deadline_ms = float(value)
        except ValueError:
            deadline_ms = -1.0
        if 0.0 < deadline_ms <= MAX_DEADLINE_MS:
            return deadline_ms
        self.ignore(name, value, f"milliseconds, above 0 up to {MAX_DEADLINE_MS:g}")
        return None

    def time(self, name: str) -> datetime | None:
        """Return the time in UTC. Left out: one without a zone, which could be hours off, and one of an unset clock."""
        value = self.given(name)
        if value is None:
            return None
        try:
            parsed = datetime.fromisoformat(value)
            if parsed.tzinfo is not None:
                return utc(parsed)
        except ValueError:
            pass
        self.ignore(name, value, "an RFC 3339 time from 1970 to 2199 with its zone, such as 2026-01-31T12:00:00.123Z")
        return None

    def labels(self) -> tuple[tuple[str, str], ...]:
        """Return the sender's own fields, by name. Those that can't be names or values are no fault: nobody asked."""
        own = (
            (name, value)
            for name, value in sorted(self._values.items())
            if name not in CONTRACT_FIELDS and LABEL_NAME.fullmatch(name) and _is_label(value)
        )
        return tuple(islice(own, MAX_LABELS))

    def flag(self, name: str) -> bool:
        value = self._values.get(name, "")
        if value.lower() not in FLAGS:
            self.ignore(name, value, "true or false")
        return FLAGS.get(value.lower(), False)


def _is_label(value: str) -> bool:
    return 0 < len(value) <= MAX_TEXT_CHARACTERS and value.isprintable() and REPLACEMENT not in value


def json_fields(payload: bytes) -> dict[str, str] | None:
    """Return the fields of a JSON object as text, as user properties would carry them; None for anything else,
    and for more than MAX_JSON_BYTES.

    Accepts what small devices write: a byte order mark, raw line breaks, a final NUL. Numbers stay text, however long.
    """
    if len(payload) > MAX_JSON_BYTES:
        return None
    text = payload.decode("utf-8-sig", "replace").strip("\0 \t\r\n")
    try:
        document = json.loads(text, parse_int=str, parse_float=_number_text, strict=False)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    return {name: _as_text(value) for name, value in document.items() if value is not None}


def _number_text(written: str) -> str:
    """Return a number as text; 48211.0, as some languages write every number, as 48211."""
    whole, point, fraction = written.partition(".")
    return whole if point and not fraction.strip("0") else written


def _as_text(value: object) -> str:
    """Return a scalar as text. A list or an object becomes a text that no field accepts."""
    if isinstance(value, list | dict):
        return NESTED
    return value if isinstance(value, str) else json.dumps(value)


def _quoted(value: str) -> str:
    return repr(one_line(shortened(value, MAX_QUOTED_CHARACTERS)))
