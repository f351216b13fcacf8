"""Pictures that models die of. Pure.

A picture is quarantined when it was in hand at two deaths without having been judged in between: one death may be
anybody's fault, and whoever else was in hand then is judged on another replica, which clears them.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Final

STRIKES: Final = 2
MEMORY: Final = 1_000  # pictures; the oldest suspicion is dropped first


class Quarantine:
    """Counts deaths by the sha256 of a picture's bytes."""

    def __init__(self) -> None:
        self._deaths: OrderedDict[str, int] = OrderedDict()

    def strike(self, picture: bytes) -> bool:
        """A replica died or failed over this picture; whether that was once too often."""
        sha256 = sha256_of(picture)
        self._deaths[sha256] = self._deaths.pop(sha256, 0) + 1
        while len(self._deaths) > MEMORY:
            self._deaths.popitem(last=False)
        return self._deaths[sha256] >= STRIKES

    def clear(self, picture: bytes) -> None:
        """The picture was judged: it was not the cause."""
        if self._deaths:  # hashing every picture is only worth it where one is suspected
            self._deaths.pop(sha256_of(picture), None)

    def holds(self, picture: bytes) -> bool:
        return bool(self._deaths) and self._deaths.get(sha256_of(picture), 0) >= STRIKES


def sha256_of(picture: bytes) -> str:
    return hashlib.sha256(picture).hexdigest()
