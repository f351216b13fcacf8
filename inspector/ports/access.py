"""Port of `adapters/ledger`: what people did."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple


class AuditEntry(NamedTuple):
    """Something that a person or program changed. Stored in the transaction of the change itself.

    `actor` is a user's name, `cli:` and a user of the operating system, `token:` and its name, or `demo`. `action` is
    a thing and a verb, such as `line.state`. `subject` names the thing: a line, a part's result_id, a user. `detail` is
    what changed, in values that JSON can represent. `line` is None where no line is concerned.
    """

    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any]
    at: datetime
    line: str | None = None
