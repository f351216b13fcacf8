"""Passwords: which are accepted, and their hashes. Nothing stores or logs a password itself.

argon2id needs memory as well as time for each guess. The parameters are OWASP's smallest: a login must not hold up the
line that is judged on the same machine.
"""

from __future__ import annotations

import secrets
from threading import BoundedSemaphore
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from inspector.errors import InspectorError

MIN_CHARACTERS: Final = 12
MAX_CHARACTERS: Final = 256
MIN_DIFFERENT_CHARACTERS: Final = 5
ITERATIONS: Final = 2
MEMORY_KIB: Final = 19 * 1024  # per hash
MAX_HASHES_AT_ONCE: Final = 2
HASHER: Final = PasswordHasher(time_cost=ITERATIONS, memory_cost=MEMORY_KIB, parallelism=1)
GENERATED_CHARACTERS: Final = 20
ALPHABET: Final = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that look alike
_room: Final = BoundedSemaphore(MAX_HASHES_AT_ONCE)


def hash_password(password: str) -> str:
    with _room:
        return HASHER.hash(password)


def is_password(password: str, hashed: str) -> bool:
    """Return whether the hash is this password's. Takes as long for a wrong one."""
    with _room:
        try:
            return HASHER.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False


def generate_password() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(GENERATED_CHARACTERS))


def require_password(password: str, name: str) -> str:
    """Return the password. Raises InspectorError for one that is easily guessed."""
    problem = _problem(password, name)
    if problem:
        raise InspectorError(f"password: {problem}")
    return password


def _problem(password: str, name: str) -> str:
    if len(password) < MIN_CHARACTERS:
        return f"it has {len(password)} characters; use at least {MIN_CHARACTERS}"
    if len(password) > MAX_CHARACTERS:
        return f"it has {len(password)} characters; use at most {MAX_CHARACTERS}"
    if not password.isprintable():
        return "it holds characters that can't be typed; use visible ones and spaces"
    if len(set(password)) < MIN_DIFFERENT_CHARACTERS:
        return f"it repeats few characters; use at least {MIN_DIFFERENT_CHARACTERS} different ones"
    if name.lower() in password.lower():
        return "it contains the user's name; choose another"
    return ""
