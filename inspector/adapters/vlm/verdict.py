"""What counts as NG, OK, or the beginning of a verdict: one rule for every engine."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from inspector.domain.pipeline import MIN_READABLE, NOISE_SHARE
from inspector.domain.prompts import VERDICT_CUE, Question
from inspector.domain.thoughts import answer_start

MIN_CUE_LETTERS: Final = 2  # letters; a single one may begin any other word
MARKUP: Final = " \t\r\n*_`\"'"  # characters around a verdict that say nothing
CLOSING_QUOTES: Final = {'"': '"', "'": "'", "`": "`", "“": "”", "„": "“”", "‘": "’", "«": "»", "「": "」", "『": "』"}
_CUE: Final = rf"(?<!\w){VERDICT_CUE[:-1]}[*_]{{0,3}}[ \t]?[:：]"
_BEGINS: Final = "|".join(re.escape(VERDICT_CUE[:count]) for count in range(MIN_CUE_LETTERS, len(VERDICT_CUE)))
_QUOTES: Final = f"[{re.escape(''.join({*CLOSING_QUOTES, *CLOSING_QUOTES.values()}))}]"
CUE: Final = re.compile(_CUE, re.IGNORECASE)
CUE_BEGINNING: Final = re.compile(rf"{_CUE}|(?<!\w)(?:{_BEGINS})\Z", re.IGNORECASE)
CUE_OR_QUOTE: Final = re.compile(rf"{_CUE}|{_QUOTES}|\n", re.IGNORECASE)
BEGINNING_OR_QUOTE: Final = re.compile(rf"{_CUE}|(?<!\w)(?:{_BEGINS})\Z|{_QUOTES}|\n", re.IGNORECASE)


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


def begins_cue(text: str, *, in_thought: bool = False) -> bool:
    """Return whether a text contains the cue, or ends with its beginning."""
    return _first_unquoted(BEGINNING_OR_QUOTE, text, in_thought) is not None


class Cue(NamedTuple):
    """The place of the cue in a text, from its first letter to behind its colon."""

    start: int
    end: int


def find_cue(text: str, *, in_thought: bool = False) -> Cue | None:
    """Return the first cue of the answer. `in_thought`: the text begins inside a thought.

    A cue inside a thought or a quotation announces no verdict. A quotation ends with its line at the latest.
    """
    return _first_unquoted(CUE_OR_QUOTE, text, in_thought)


def is_markup(token: str) -> bool:
    """Return whether a token only decorates the verdict that follows."""
    return bool(token) and not token.strip(MARKUP)


def _first_unquoted(marks: re.Pattern[str], text: str, in_thought: bool) -> Cue | None:
    closing = ""
    for mark in marks.finditer(text, answer_start(text, in_thought=in_thought)):
        if mark[0] == "\n" or _closes(mark, closing):
            closing = ""
        elif not closing and mark[0] in CLOSING_QUOTES:
            closing = "" if _is_after_word(mark) else CLOSING_QUOTES[mark[0]]
        elif not closing and len(mark[0]) > 1:
            return Cue(*mark.span())
    return None


def _closes(mark: re.Match[str], closing: str) -> bool:
    """Return whether the mark ends the quotation. An apostrophe inside a word does not."""
    is_apostrophe = mark[0] == "'" and mark.string[mark.end() : mark.end() + 1].isalnum()
    return mark[0] in tuple(closing) and not is_apostrophe


def _is_after_word(mark: re.Match[str]) -> bool:
    """Return whether the mark follows a word, as the sign for inches or an apostrophe does."""
    return mark.string[mark.start() - 1 : mark.start()].isalnum() if mark.start() else False


def _cases(word: str) -> set[str]:
    return {word, word.lower(), word.upper(), word.capitalize()}
