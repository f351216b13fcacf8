"""What waits for a forward: a part that wants its prefix, and rows that continue one. Knows no order of service."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from inspector.errors import ModelError
from inspector.ports import Answer, Text
from inspector.vlm.decoding import Voice
from inspector.vlm.pictures import Patches
from inspector.vlm.rows import KeptPrefix, Rows
from inspector.vlm.work import Inquiry, Turn


@dataclass(slots=True, eq=False)
class Opening:
    """A part that wants its prefix."""

    tokens: Sequence[int]
    patches: Patches
    inquiry: Inquiry[KeptPrefix]
    since: float = field(default_factory=time.monotonic)


@dataclass(slots=True, eq=False)
class Bundle:
    """Rows of one call on one prefix: they advance together. `rows` is None until they begin; `room` is the most tokens
    that one of them may come to hold."""

    turn: Turn
    prefix: KeptPrefix
    voices: list[Voice]
    inquiry: Inquiry[Any]
    room: int
    rows: Rows | None = None

    @classmethod
    def of(cls, turn: Turn, prefix: KeptPrefix, voices: Sequence[Voice], inquiry: Inquiry[Any]) -> Bundle:
        return cls(turn, prefix, list(voices), inquiry, max(voice.most for voice in voices))

    @property
    def promised(self) -> int:
        """How many tokens' memory is set aside for it."""
        return self.room * len(self.voices) if self.rows else 0

    @property
    def next(self) -> list[list[int]]:
        """The tokens that each row reads next."""
        return [voice.next for voice in self.voices]

    def check(self) -> None:
        """Tells who waits when the prefix was closed."""
        if not self.prefix.held:
            self.inquiry.report(ModelError("the prefix is closed; open the pictures again"))

    def deliver(self, found: Sequence[Answer | Text | None]) -> None:
        """Reports what the rows have come to, and lets those go that are done."""
        for result in found:
            if result is not None:
                self.inquiry.report(result)
        self.keep([row for row, result in enumerate(found) if result is None])

    def begun(self) -> Rows:
        """Raises ModelError when the prefix is closed."""
        if self.rows is None:
            self.rows = Rows.begin(self.prefix, len(self.voices), self.room)
        return self.rows

    def keep(self, chosen: Sequence[int]) -> None:
        """Drops all other rows."""
        if len(chosen) < len(self.voices):
            self.voices = [self.voices[row] for row in chosen]
            self.rows = self.rows.only(chosen) if self.rows and chosen else None

    def cut(self, count: int) -> Bundle:
        """Keeps the first rows; the others go on as a bundle of their own."""
        rest = replace(self)
        rest.keep(range(count, len(self.voices)))
        self.keep(range(count))
        return rest
