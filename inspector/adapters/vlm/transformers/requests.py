"""What waits for a forward: a part that wants its prefix, and rows that continue one. Knows no order of service.

Samples of one question read it as one row, and part where they begin to differ.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from inspector.adapters.vlm.transformers.decoding import Voice
from inspector.adapters.vlm.transformers.images import Patches
from inspector.adapters.vlm.transformers.kv_cache import KeptPrefix, Rows
from inspector.adapters.vlm.transformers.worker import Inquiry, Turn
from inspector.errors import ModelError
from inspector.ports.engine import Answer, GeneratedText


@dataclass(slots=True, eq=False)
class Opening:
    """A part that wants its prefix."""

    tokens: Sequence[int]
    patches: Patches
    inquiry: Inquiry[KeptPrefix]
    since: float = field(default_factory=time.monotonic)


class Reading(NamedTuple):
    """One forward of a bundle: the tokens that each of its rows reads, and which row each voice hears."""

    rows: Rows
    tokens: Sequence[Sequence[int]]
    heard: Sequence[int]


@dataclass(slots=True, eq=False)
class Bundle:
    """Voices of one call on one prefix: they advance together. `rows` are None until the questions are read; `goes_on`
    says from which row each voice goes on, None where each has its own. `room` is the most tokens that one of them may
    come to hold."""

    turn: Turn
    prefix: KeptPrefix
    voices: list[Voice]
    inquiry: Inquiry[Any]
    room: int
    rows: Rows | None = None
    goes_on: list[int] | None = None

    @classmethod
    def of(cls, turn: Turn, prefix: KeptPrefix, voices: Sequence[Voice], inquiry: Inquiry[Any]) -> Bundle:
        begun = max(len(voice.next) for voice in voices)  # the columns that all of them take, the shortest too
        return cls(turn, prefix, list(voices), inquiry, begun + max(voice.most - len(voice.next) for voice in voices))

    @property
    def reads_prefix(self) -> bool:
        """Whether its next forward has to read the prefix too."""
        return self.prefix.unread is not None

    @property
    def promised(self) -> int:
        """How many tokens' memory is set aside for it."""
        return self.room * len(self.voices) if self.rows else 0

    def check(self) -> None:
        """Tells who waits when the prefix was closed."""
        if not self.prefix.held:
            self.inquiry.report(ModelError("the prefix is closed; open the pictures again"))

    def reading(self) -> Reading:
        """The next forward, which counts once it is delivered. Raises ModelError when the prefix is closed."""
        tokens = [tuple(voice.next) for voice in self.voices]
        if self.rows is None:
            texts = list(dict.fromkeys(tokens))
            rows = Rows.begin(self.prefix, len(texts), self.room)
            return Reading(rows, texts, [texts.index(text) for text in tokens])
        if self.goes_on is not None:
            self.rows, self.goes_on = self.rows.only(self.goes_on), None
        return Reading(self.rows, tokens, range(len(tokens)))

    def deliver(self, found: Sequence[Answer | GeneratedText | None], reading: Reading) -> None:
        """Reports what the voices have come to, and lets those go that are done."""
        for result in found:
            if result is not None:
                self.inquiry.report(result)
        going = [place for place, result in enumerate(found) if result is None]
        self.voices = [self.voices[place] for place in going]
        self.rows, self.goes_on = reading.rows, [reading.heard[place] for place in going]
        if self.goes_on == [*range(len(reading.tokens))]:
            self.goes_on = None

    def cut(self, count: int) -> Bundle:
        """Keeps the first voices; the others go on as a bundle of their own."""
        rest = self._only(range(count, len(self.voices)))
        kept = self._only(range(count))
        self.voices, self.goes_on = kept.voices, kept.goes_on
        return rest

    def in_step(self) -> list[Bundle]:
        """Itself, or its voices apart, by how many tokens they read next: the rows of a bundle advance by as many."""
        alike: dict[int, list[int]] = defaultdict(list)
        for place, voice in enumerate(self.voices):
            alike[len(voice.next)].append(place)
        is_whole = self.rows is None or len(alike) < 2
        return [self] if is_whole else [self._only(places) for places in alike.values()]

    def _only(self, chosen: Sequence[int]) -> Bundle:
        rows = self.goes_on or range(len(self.voices))
        return replace(self, voices=[self.voices[at] for at in chosen], goes_on=[rows[at] for at in chosen])
