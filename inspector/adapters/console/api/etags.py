"""Entity tags: an edit names the state it was made from, and is refused where somebody else edited since (RFC 9110)."""

from __future__ import annotations

import re
from typing import Annotated, Final

from fastapi import Header

from inspector.adapters.console.api.problems import Problem, ProblemType

ANY: Final = "*"
TAG: Final = re.compile(r'"[^"]*"|\*')  # a tag may hold commas, such as those between roles
MAX_HEADER_CHARACTERS: Final = 1024

IfMatch = Annotated[
    str | None, Header(alias="If-Match", max_length=MAX_HEADER_CHARACTERS, description="the ETag of what is edited")
]


def etag(*state: object) -> str:
    """Return the tag of a state, such as a line and its version."""
    return '"' + "-".join(str(each) for each in state) + '"'


def require_match(if_match: str | None, current: str) -> None:
    """Raise Problem unless the edit was made from the current state: 428 without If-Match, 412 where it differs."""
    if if_match is None:
        raise Problem.of_field(
            ProblemType.CONDITION_REQUIRED, "If-Match", "it is missing", "send the ETag of the state that you edit"
        )
    tags = set(TAG.findall(if_match))
    if ANY not in tags and current not in tags:
        raise Problem(
            ProblemType.STALE,
            f"somebody else changed this meanwhile: it is {current} now; read it again and repeat your change",
            headers={"ETag": current},
        )
