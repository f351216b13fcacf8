"""Text from outside, made safe to store, show and send. Pure and independent of the text's source."""

from __future__ import annotations

import re
from typing import Final

REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def printable(text: str) -> str:
    """Replace control characters and lone surrogates by U+FFFD. PostgreSQL refuses NUL; UTF-8 refuses surrogates."""
    return UNPRINTABLE.sub(REPLACEMENT, text)


def shortened(text: str, longest: int) -> str:
    """Return the text, cut to `longest` characters with an ellipsis where it is longer."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def one_line(text: str) -> str:
    """Replace everything that is not a visible character or a space by U+FFFD: line breaks, controls, marks of order.

    For names and labels, which a log line, a table and a terminal show.
    """
    return text if text.isprintable() else "".join(each if each.isprintable() else REPLACEMENT for each in text)
