"""What counts as saying NG or OK, and as coming to that: one rule for every engine. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from inspector.domain.prompts import VERDICT_CUE, Question

CUE_BEGUN: Final = 2  # letters; one alone may begin any other word
_BEGINS: Final = "|".join(re.escape(VERDICT_CUE[:count]) for count in range(CUE_BEGUN, len(VERDICT_CUE)))
BEGINS_CUE: Final = re.compile(rf"(?<!\w)(?:{_BEGINS})\Z")
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


def leading_word(share: float, question: Question) -> str:
    """The answer that a verdict of this share of NG comes to."""
    return (question.ng_words if share > 0.5 else question.ok_words)[0]


def begins_cue(text: str) -> bool:
    """Whether a text holds the cue, or its end is the beginning of one."""
    return VERDICT_CUE in text or BEGINS_CUE.search(text) is not None


def _cases(word: str) -> set[str]:
    return {word, word.lower(), word.upper(), word.capitalize()}
