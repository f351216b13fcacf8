"""Thoughts in a model's text: what stands between `<think>` and `</think>` is no answer. Pure."""

from __future__ import annotations

from typing import Final

THOUGHT_BEGIN: Final = "<think>"
THOUGHT_END: Final = "</think>"
SWITCH_WORDS: Final = ("Alternatively", "Another", "However", "Instead", "But", "Wait")  # begin another thought
SWITCH_WINDOW_TOKENS: Final = 64  # after a thought began, in which another one is made less likely
CLOSED_THOUGHT: Final = f"\n{THOUGHT_END}\n\n"  # ends a thought without a word, or behind its last one


def answer_start(text: str, *, in_thought: bool = False) -> int:
    """Return where the answer begins: behind the last thought, at the end of a text whose thought is not closed.

    The begin of the first thought may be missing, since some chat templates write it into the prompt. `in_thought`: the
    text is known to begin there.
    """
    closed = text.rfind(THOUGHT_END)
    if closed < 0 and in_thought:
        return len(text)
    begin = closed + len(THOUGHT_END) if closed >= 0 else 0
    return len(text) if text.find(THOUGHT_BEGIN, begin) >= 0 else begin


def is_open_thought(text: str) -> bool:
    """Return whether the text ends inside a thought that it has begun."""
    return text.rfind(THOUGHT_BEGIN) > text.rfind(THOUGHT_END)


def without_thought(text: str) -> str:
    """Return the answer alone; a text without a thought is returned as it is."""
    begin = answer_start(text)
    return text[begin:].lstrip() if begin else text
