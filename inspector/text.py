"""Text from outside, made safe to store, show and send. Pure and independent of the text's source."""

from __future__ import annotations

import re
from typing import Final

UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def printable(text: str) -> str:
    """Replace control characters and lone surrogates by U+FFFD. PostgreSQL refuses NUL; UTF-8 refuses surrogates."""
    return UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def shortened(text: str, longest: int) -> str:
    """Return the text, cut to `longest` characters with an ellipsis where it is longer."""
    return text if len(text) <= longest else text[: longest - 1] + "…"
