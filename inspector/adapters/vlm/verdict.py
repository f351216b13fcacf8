"""What counts as NG, OK, or the beginning of a verdict: one rule for every engine."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from inspector.domain.prompts import VERDICT_CUE, Question

MIN_CUE_LETTERS: Final = 2  # letters; a single one may begin any other word
_BEGINS: Final = "|".join(re.escape(VERDICT_CUE[:count]) for count in range(MIN_CUE_LETTERS, len(VERDICT_CUE)))
BEGINS_CUE: Final = re.compile(rf"(?<!\w)(?:{_BEGINS})\Z")
MIN_READABLE_SHARE: Final = 0.05  # an answer is readable if NG and OK have at least this share of the probability


def share_of_ng(said_ng: float, said_ok: float) -> float | None:
    """Return the share of NG among NG and OK over all spellings; None if the model says neither, or for a NaN."""
    if not max(said_ng, said_ok) >= MIN_READABLE_SHARE:
        return None
    return said_ng / (said_ng + said_ok)


def spellings(words: Sequence[str]) -> frozenset[str]:
    """Return the spellings of the words as tokens: with and without a leading space, in any usual case."""
    return frozenset(space + form for word in words for space in ("", " ") for form in _cases(word))


def leading_word(share: float, question: Question) -> str:
    """Return the answer that a verdict with this share of NG amounts to."""
    return (question.ng_words if share > 0.5 else question.ok_words)[0]


def begins_cue(text: str) -> bool:
    """Return whether a text contains the cue, or ends with its beginning."""
    return VERDICT_CUE in text or BEGINS_CUE.search(text) is not None


def _cases(word: str) -> set[str]:
    return {word, word.lower(), word.upper(), word.capitalize()}
