"""What counts as saying NG or OK: one rule for every engine. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

READABLE: Final = 0.05  # an answer is readable when NG or OK has at least this share of all the probability


def share_of_ng(said_ng: float, said_ok: float) -> float | None:
    """The share of NG among NG and OK, of what all their spellings have together; None when the model says
    something else (or no number at all)."""
    if not max(said_ng, said_ok) >= READABLE:
        return None
    return said_ng / (said_ng + said_ok)


def spellings(words: Sequence[str]) -> frozenset[str]:
    """The words as a token may spell them: with and without a space before, in any usual case."""
    return frozenset(space + form for word in words for space in ("", " ") for form in _cases(word))


def _cases(word: str) -> set[str]:
    return {word, word.lower(), word.upper(), word.capitalize()}
