"""A decided part with what became known later: its truth, and shadow votes. Pure."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from inspector.domain.declared import Disposition
from inspector.domain.frame import FrameKey
from inspector.domain.part import PartRecord
from inspector.domain.vote import Vote

HASH_SPACE: Final = 2**64  # the number of values of an 8-byte hash
RARE_SHARE: Final = 0.02  # dispositions of at most this share of parts may stay without reviews
ROUNDING_TOLERANCE: Final = 1e-9  # parts; keeps a whole number whole before it is rounded down


class PartHistory(NamedTuple):
    """A decided part with everything known about it today.

    `shadow` holds the votes of its whole ladder, asked after the decision; they count in no disposition. `is_ng` is the
    truth, or None where there is none: nobody reviewed the part, nobody is sure, or its reviewers differ.
    """

    part: PartRecord
    shadow: tuple[Vote, ...] = ()
    is_ng: bool | None = None

    def as_read(self, min_readable: float) -> PartHistory:
        """Return the part, without the p_ng of votes that do not count."""
        part = replace(self.part, votes=tuple(vote.as_read(min_readable) for vote in self.part.votes))
        return PartHistory(part, tuple(vote.as_read(min_readable) for vote in self.shadow), self.is_ng)


class History(NamedTuple):
    """A line's parts under one fingerprint, oldest first.

    It holds all parts with a review or shadow votes, and the newest of the others. `totals` counts all parts of the
    line.
    """

    parts: tuple[PartHistory, ...]
    totals: Mapping[Disposition, int]


def balanced_sample(parts: Sequence[PartHistory]) -> list[PartHistory]:
    """Choose the same share of reviewed parts from every disposition.

    People review rejected parts sooner than passed ones; figures over the reviewed parts alone would mostly describe
    that choice. A disposition with few parts (RARE_SHARE) does not limit the share of the others.
    """
    all_of = {each: [part for part in parts if part.part.would_be.disposition is each] for each in Disposition}
    reviewed = {each: [part for part in group if part.is_ng is not None] for each, group in all_of.items()}
    common = [each for each, group in all_of.items() if len(group) > RARE_SHARE * len(parts)]
    share = min((len(reviewed[each]) / len(all_of[each]) for each in common), default=0.0)
    counts = {each: math.floor(share * len(group) + ROUNDING_TOLERANCE) for each, group in all_of.items()}
    return [part for each in Disposition for part in reviewed[each][: counts[each]]]


def is_shadow(key: FrameKey, share: float) -> bool:
    """Return whether a part's whole ladder is asked after its decision.

    A hash of its key decides. Neither the picture nor the verdict influences the choice, every process gives the same
    answer, and no cavity of a mould is left out.
    """
    return int.from_bytes(hashlib.sha256(str(key).encode()).digest()[:8]) < share * HASH_SPACE
