"""What became known about a part after it was decided: a person's answer, and votes that decided nothing. Pure."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from inspector.domain.declared import Disposition
from inspector.domain.frame import FrameKey
from inspector.domain.part import PartRecord
from inspector.domain.vote import Vote

HASH_SPACE: Final = 2**64
RARE_SHARE: Final = 0.02
ROUNDING_TOLERANCE: Final = 1e-9


class Review(NamedTuple):
    """A person's answer about one decided part. The latest one counts; none is ever edited."""

    result_id: str
    is_ng: bool
    reviewer: str
    at: datetime
    note: str = ""


class StoredPart(NamedTuple):
    """A decided part as it looks today. `shadow` are the votes of its whole ladder, asked after it was decided; they
    count in no disposition. `is_ng` is the truth, None where nobody has said it."""

    part: PartRecord
    shadow: tuple[Vote, ...] = ()
    is_ng: bool | None = None


class History(NamedTuple):
    """A line's parts under one fingerprint, oldest first: all about which anything became known, and the newest of the
    others. `totals` are of all that there are."""

    parts: tuple[StoredPart, ...]
    totals: Mapping[Disposition, int]


def balanced_sample(parts: Sequence[StoredPart]) -> list[StoredPart]:
    """The reviewed ones among these, the same share of every disposition: people review what was rejected sooner than
    what was passed, and figures over such a choice would say more about the choice. A disposition that few parts have
    (RARE) need not keep up with the others."""
    all_of = {each: [part for part in parts if part.part.decision.disposition is each] for each in Disposition}
    told = {each: [part for part in found if part.is_ng is not None] for each, found in all_of.items()}
    common = [each for each, found in all_of.items() if len(found) > RARE_SHARE * len(parts)]
    share = min((len(told[each]) / len(all_of[each]) for each in common), default=0.0)
    return [
        part
        for each in Disposition
        for part in told[each][: math.floor(share * len(all_of[each]) + ROUNDING_TOLERANCE)]
    ]


def is_shadow(key: FrameKey, share: float) -> bool:
    """Whether a part's whole ladder is asked once it is decided. A hash of its name says so, so that neither its
    looks nor its verdict has a say, every process gives the same answer, and no cavity of a mould is left out."""
    return int.from_bytes(hashlib.sha256(str(key).encode()).digest()[:8]) < share * HASH_SPACE
