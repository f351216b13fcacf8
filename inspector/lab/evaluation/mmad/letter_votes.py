"""Answers to multiple-choice questions, and the file that stores them.

Each answer is appended as one JSON line when it arrives. An interrupted evaluation resumes, and any strategy can be
replayed without a model. The aliases are the names in vote files.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inspector.errors import InspectorError

LETTER: Final = re.compile(r"\b([A-E])\b")


class AnswerKind(StrEnum):
    """The way of answering: the option letters' logits read, a text written greedily, the same text sampled, or a
    letter after a sampled draft."""

    READ = "read"
    WRITTEN = "written"
    SAMPLED = "sampled"
    DRAFTED = "drafted"


class LetterVote(BaseModel):
    """One answer. `shares`: the probabilities of the option letters, if they were read. `text`: the written answer, and
    `draft` the reasoning written before it. `p_true`: the model's trust in its answer, if it was asked. `ms` and
    `trust_ms`: this vote's share of the calls for the answer and for the trust."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)

    question: str
    kind: AnswerKind
    number: int = Field(ge=0)
    shares: dict[str, float] | None = None
    text: str = Field(default="", alias="said")
    draft: str = Field(default="", alias="thought")
    tokens: int = 0
    ms: float = 0.0
    p_true: float | None = Field(default=None, ge=0.0, le=1.0)
    trust_ms: float = 0.0

    @property
    def letter(self) -> str | None:
        """The chosen option; None if it cannot be read."""
        if self.kind is not AnswerKind.READ:
            return last_letter(self.text)
        return max(self.shares, key=self.shares.__getitem__) if self.shares else None


def officially_read(vote: LetterVote, options: Mapping[str, str]) -> LetterVote:
    """The vote as MMAD's own parser reads its text: without a letter, the option whose words are closest is chosen."""
    if vote.kind is AnswerKind.READ or vote.letter is not None:
        return vote
    closest = get_close_matches(vote.text, list(options.values()), n=1, cutoff=0.0)
    letter = next((letter for letter, words in options.items() if closest and words == closest[0]), "")
    return vote.model_copy(update={"text": letter})


def last_letter(text: str) -> str | None:
    """The last letter that stands alone, even the article "A", as MMAD's own scorer reads a text."""
    letters = LETTER.findall(text)
    return letters[-1] if letters else None


class VoteFile:
    """All stored votes, by question. A later line about the same vote replaces an earlier one."""

    def __init__(self, path: Path) -> None:
        """Open or create the file. Drops a last row that an interrupted run left incomplete.

        Raises InspectorError that names a row which is no vote.
        """
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
        """The votes of one kind, in the order in which they were asked for."""
        return [vote for _, vote in sorted(self._votes[question, kind].items())]

    def add(self, vote: LetterVote) -> None:
        """Store a vote; it is in the file when this returns."""
        self._out.write(vote.model_dump_json(exclude_defaults=True, by_alias=True).encode() + b"\n")
        self._out.flush()
        self._store(vote)

    def _read(self) -> None:
        self._out.seek(0)
        complete_bytes = 0
        for row, line in enumerate(self._out, start=1):
            if not line.endswith(b"\n"):
                self._out.truncate(complete_bytes)
                break
            complete_bytes += len(line)
            self._store(self._vote(line, row))

    def _vote(self, line: bytes, row: int) -> LetterVote:
        try:
            return LetterVote.model_validate_json(line)
        except ValidationError as error:
            self._out.close()
            fault = error.errors(include_url=False)[0]["msg"]
            raise InspectorError(
                f"{self._path}:{row} is no answer ({fault}); remove that row, or name another file with --votes"
            ) from error

    def _store(self, vote: LetterVote) -> None:
        self._votes[vote.question, vote.kind][vote.number] = vote
