"""Requests that wait for a forward: a part that needs its prefix, and sequences that continue one.

Samples of one question read it as one row and split where they begin to differ. Knows no order of service.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from inspector.adapters.vlm.transformers.decoding import Voice
from inspector.adapters.vlm.transformers.images import PatchBatch
from inspector.adapters.vlm.transformers.kv_cache import KeptPrefix, SequenceRows
from inspector.adapters.vlm.transformers.worker import PendingResults, Priority
from inspector.errors import ModelError
from inspector.ports.engine import Answer, GeneratedText


@dataclass(slots=True, eq=False)
class PrefixRequest:
    """A part that needs its prefix."""

    tokens: Sequence[int]
    patches: PatchBatch
    pending: PendingResults[KeptPrefix]
    since: float = field(default_factory=time.monotonic)


class GroupForward(NamedTuple):
    """One forward of a group: the tokens that each of its rows reads, and which row each decoder takes."""

    rows: SequenceRows
    tokens: Sequence[Sequence[int]]
    decoder_rows: Sequence[int]


@dataclass(slots=True, eq=False)
class SequenceGroup:
    """Decoders of one call on one prefix, which advance together.

    `rows` are None until the questions are read; `goes_on` is the row that each decoder continues, None if each has its
    own. `room` is the most tokens that one of them may hold.
    """

    turn: Priority
    prefix: KeptPrefix
    decoders: list[Voice]
    pending: PendingResults[Any]
    room: int
    rows: SequenceRows | None = None
    goes_on: list[int] | None = None

    @classmethod
    def of(
        cls, turn: Priority, prefix: KeptPrefix, decoders: Sequence[Voice], pending: PendingResults[Any]
    ) -> SequenceGroup:
        begun = max(len(decoder.next) for decoder in decoders)  # columns that every row takes, even the shortest
        return cls(
            turn, prefix, list(decoders), pending, begun + max(decoder.most - len(decoder.next) for decoder in decoders)
        )

    @property
    def reads_prefix(self) -> bool:
        """Whether the next forward has to read the prefix too."""
        return self.prefix.unread is not None

    @property
    def promised(self) -> int:
        """The tokens whose memory is set aside for this group."""
        return self.room * len(self.decoders) if self.rows else 0

    def check(self) -> None:
        """Fail the waiting calls if the prefix was closed."""
        if not self.prefix.held:
            self.pending.report(ModelError("the prefix is closed; open the pictures again"))

    def reading(self) -> GroupForward:
        """Return the next forward, which counts once delivered. Raises ModelError if the prefix is closed."""
        tokens = [tuple(decoder.next) for decoder in self.decoders]
        if self.rows is None:
            texts = list(dict.fromkeys(tokens))
            rows = SequenceRows.begin(self.prefix, len(texts), self.room)
            return GroupForward(rows, texts, [texts.index(text) for text in tokens])
        if self.goes_on is not None:
            self.rows, self.goes_on = self.rows.only(self.goes_on), None
        return GroupForward(self.rows, tokens, range(len(tokens)))

    def deliver(self, found: Sequence[Answer | GeneratedText | None], reading: GroupForward) -> None:
        """Report finished results, and drop their decoders."""
        for result in found:
            if result is not None:
                self.pending.report(result)
        going = [place for place, result in enumerate(found) if result is None]
        self.decoders = [self.decoders[place] for place in going]
        self.rows, self.goes_on = reading.rows, [reading.decoder_rows[place] for place in going]
        if self.goes_on == [*range(len(reading.tokens))]:
            self.goes_on = None

    def cut(self, count: int) -> SequenceGroup:
        """Keep the first decoders; return the others as a group of their own."""
        rest = self._only(range(count, len(self.decoders)))
        kept = self._only(range(count))
        self.decoders, self.goes_on = kept.decoders, kept.goes_on
        return rest

    def in_step(self) -> list[SequenceGroup]:
        """Split the group by how many tokens its decoders read next: rows of a group advance by the same number."""
        alike: dict[int, list[int]] = defaultdict(list)
        for place, decoder in enumerate(self.decoders):
            alike[len(decoder.next)].append(place)
        is_whole = self.rows is None or len(alike) < 2
        return [self] if is_whole else [self._only(places) for places in alike.values()]

    def _only(self, chosen: Sequence[int]) -> SequenceGroup:
        rows = self.goes_on or range(len(self.decoders))
        return replace(self, decoders=[self.decoders[at] for at in chosen], goes_on=[rows[at] for at in chosen])
