"""Keep text in a CSV file from becoming a formula when a spreadsheet opens the file. Pure.

A spreadsheet reads a cell that begins with `=`, `+`, `-` or `@` as a formula, which can call other programs. Ids and
notes come from outside. Such text gets one apostrophe in front, and so does text that begins with an apostrophe: taking
one apostrophe away restores every text exactly. The same holds behind each `;`, tab and line break inside a cell,
because a spreadsheet set to another separator begins a cell there.
"""

from __future__ import annotations

import re
from typing import Final

CELL_START: Final = r"(^|[;\t\r\n])"
FORMULA_START: Final = r"""(?=[\s"]*[=+\-@'\t\r\n\uff1d\uff0b\uff0d\uff20])"""  # the last four are full-width
DANGEROUS: Final = re.compile(CELL_START + FORMULA_START)
ESCAPED: Final = re.compile(CELL_START + "'" + FORMULA_START)


def without_formula(text: str) -> str:
    """Return the text with an apostrophe before whatever a spreadsheet could read as a formula."""
    return DANGEROUS.sub(r"\1'", text)


def with_formula(text: str) -> str:
    """Return the text that `without_formula` received."""
    return ESCAPED.sub(r"\1", text)
