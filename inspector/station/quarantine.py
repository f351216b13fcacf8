"""Quarantine of pictures that crash model replicas.

A picture is quarantined after two replica failures without a judgement in between. One failure may have another cause:
every other picture that the replica had is judged elsewhere, which clears it.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Final

MAX_FAILURES: Final = 2
REMEMBERED_PICTURES: Final = 1_000  # the oldest suspicion is dropped first


class PictureQuarantine:
    """Counts replica failures by the sha256 of a picture's bytes."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, int] = OrderedDict()

    def add_failure(self, picture: bytes) -> bool:
        """Count a replica failure over this picture; return whether it is quarantined now."""
        sha256 = sha256_of(picture)
        self._failures[sha256] = self._failures.pop(sha256, 0) + 1
        while len(self._failures) > REMEMBERED_PICTURES:
            self._failures.popitem(last=False)
        return self._failures[sha256] >= MAX_FAILURES

    def clear(self, picture: bytes) -> None:
        """Drop the suspicion: the picture was judged."""
        if self._failures:  # hashing every picture only pays where one is suspected
            self._failures.pop(sha256_of(picture), None)

    def holds(self, picture: bytes) -> bool:
        """Return whether the picture is quarantined."""
        return bool(self._failures) and self._failures.get(sha256_of(picture), 0) >= MAX_FAILURES


def sha256_of(picture: bytes) -> str:
    """Return the sha256 of a picture's bytes in hex."""
    return hashlib.sha256(picture).hexdigest()
