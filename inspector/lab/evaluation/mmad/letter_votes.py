"""Answers to multiple-choice questions, and the file that keeps them: one JSON line each, appended as they come, so
that an interrupted evaluation goes on where it stopped and any strategy can be replayed without a model.
"""

from __future__ import annotations

import re
from collections import defaultdict
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inspector.errors import InspectorError

LETTER: Final = re.compile(r"\b([A-E])\b")


class AnswerKind(StrEnum):
    """How an answer was had: the option letters' logits read, a text written greedily, or a letter after a sampled
    line of thought."""

    READ = "read"
    WRITTEN = "written"
    DRAFTED = "drafted"


class LetterVote(BaseModel):
    """One answer. `shares` are the probabilities of the option letters where they were read; `said` is the text that
    answers where one was written, and `thought` what was written before it. `p_true`: how far the model takes its
    answer for right, where it was asked for that. `ms` and `trust_ms`: this vote's share of the calls for either."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    question: str
    kind: AnswerKind
    number: int = Field(ge=0)
    shares: dict[str, float] | None = None
    said: str = ""
    thought: str = ""
    tokens: int = 0
    ms: float = 0.0
    p_true: float | None = Field(default=None, ge=0.0, le=1.0)
    trust_ms: float = 0.0

    @property
    def letter(self) -> str | None:
        """The option it is for; None when it can't be read."""
        if self.kind is not AnswerKind.READ:
            return last_letter(self.said)
        return max(self.shares, key=self.shares.__getitem__) if self.shares else None


def last_letter(text: str) -> str | None:
    """As MMAD's own scorer reads a text: the last letter that stands alone, were it the article "A"."""
    found = LETTER.findall(text)
    return found[-1] if found else None


class VoteFile:
    """All answers ever given, by question. A later line about the same vote takes the place of an earlier one."""

    def __init__(self, path: Path) -> None:
        """Raises InspectorError naming the row that is no answer; a last row cut short by a kill is dropped."""
        self._path = path
        self._votes = defaultdict[tuple[str, AnswerKind], dict[int, LetterVote]](dict)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._out = path.open("a+b")
        except OSError as error:
            raise InspectorError(
                f"{path} can't be written: {error.strerror}; name another file with --votes"
            ) from error
        self._read()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._out.close()

    def of(self, question: str, kind: AnswerKind) -> list[LetterVote]:
        """The votes of one kind in the order they were asked for."""
        return [vote for _, vote in sorted(self._votes[question, kind].items())]

    def add(self, vote: LetterVote) -> None:
        """Keeps it; it is in the file when this returns."""
        self._out.write(vote.model_dump_json(exclude_defaults=True).encode() + b"\n")
        self._out.flush()
        self._remember(vote)

    def _read(self) -> None:
        self._out.seek(0)
        whole = 0
        for row, line in enumerate(self._out, start=1):
            if not line.endswith(b"\n"):
                self._out.truncate(whole)
                break
            whole += len(line)
            self._remember(self._vote(line, row))

    def _vote(self, line: bytes, row: int) -> LetterVote:
        try:
            return LetterVote.model_validate_json(line)
        except ValidationError as error:
            self._out.close()
            fault = error.errors(include_url=False)[0]["msg"]
            raise InspectorError(
                f"{self._path}:{row} is no answer ({fault}); remove that row, or name another file with --votes"
            ) from error

    def _remember(self, vote: LetterVote) -> None:
        self._votes[vote.question, vote.kind][vote.number] = vote
