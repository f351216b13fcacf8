"""What browsers and programs show to prove who they are: random texts, of which only the sha256 is stored."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Final

SECRET_BYTES: Final = 32
ID_BYTES: Final = 8
ID: Final = re.compile(f"[0-9a-f]{{{2 * ID_BYTES}}}")
MAX_SECRET_CHARACTERS: Final = 128
TOKEN_PREFIX: Final = "insp_"  # so that scanners of repositories find tokens that were committed


def new_secret(prefix: str = "") -> str:
    return prefix + secrets.token_urlsafe(SECRET_BYTES)


def new_id() -> str:
    """Return an identifier that is shown to people and grants nothing."""
    return secrets.token_hex(ID_BYTES)


def is_id(text: str) -> bool:
    """Return whether a text has the form of an identifier."""
    return ID.fullmatch(text) is not None


def stored_form(secret: str) -> str:
    """Return the sha256 of a secret. A random text needs no slow hash: it can't be guessed."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def csrf_token(secret: str) -> str:
    """Return what a page must send with each change: only a page of this console can read it."""
    return hashlib.sha256(f"csrf:{secret}".encode()).hexdigest()
