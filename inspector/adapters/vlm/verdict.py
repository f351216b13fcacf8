"""What counts as NG, OK, or the beginning of a verdict: one rule for every engine."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from inspector.domain.pipeline import MIN_READABLE, NOISE_SHARE
from inspector.domain.prompts import VERDICT_CUE, Question

MIN_CUE_LETTERS: Final = 2  # letters; a single one may begin any other word
_BEGINS: Final = "|".join(re.escape(VERDICT_CUE[:count]) for count in range(MIN_CUE_LETTERS, len(VERDICT_CUE)))
BEGINS_CUE: Final = re.compile(rf"(?<!\w)(?:{_BEGINS})\Z")


class Reading(NamedTuple):
    """A verdict as the engine read it: the share of NG among NG and OK, and the probability that the two had together.

    `p_ng` is None where the model says neither.
    """

    p_ng: float | None
    readable: float

    @property
    def p_true(self) -> float | None:
        """The share of the first answer, where a reply was asked for that no pipeline sets a limit for."""
        return self.p_ng if self.readable >= MIN_READABLE else None


UNREAD: Final = Reading(None, 0.0)


def read_verdict(said_ng: float, said_ok: float) -> Reading:
    """Read a verdict from the probabilities of NG and OK over all spellings. A NaN is unread."""
    readable = said_ng + said_ok
    if math.isnan(readable):
        return UNREAD
    is_noise = max(said_ng, said_ok) < NOISE_SHARE
    return Reading(None if is_noise else said_ng / readable, min(readable, 1.0))


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
