"""Stored parts to learn from: their truth is known, and their ladder was asked whole."""

from __future__ import annotations

import math
import random
from collections import Counter

from support.fakes import PASSED, REJECTED, a_part

from inspector.domain.declared import ViewName
from inspector.domain.review import History, StoredPart
from inspector.domain.vote import StoppedBy, Vote

FINGERPRINT = "0123456789abcdef"  # that of a_part
VIEWS = (ViewName.DIRECT, ViewName.PARAPHRASE, ViewName.ZOOM)


def told(count: int, *, spoilt: int | None = None, reviewed: bool = True, shadow: bool = True) -> History:
    """OK and NG in turn, rejected where the first vote says NG. The second rung agrees with the first; `spoilt` is a
    rung that always says NG."""
    dice = random.Random(7)
    return history([_past(number, dice, spoilt, reviewed=reviewed, shadow=shadow) for number in range(count)])


def history(parts: list[StoredPart]) -> History:
    return History(tuple(parts), Counter(past.part.decision.disposition for past in parts))


def _past(number: int, dice: random.Random, spoilt: int | None, *, reviewed: bool, shadow: bool) -> StoredPart:
    ng = number % 2 == 1
    common = dice.gauss(0.0, 0.8)
    votes = tuple(_vote(rung, 1.0 if rung == spoilt else (2.0 if ng else -2.0) + common, dice) for rung in range(3))
    if spoilt is not None:
        votes = tuple(vote if vote.rung != spoilt else Vote(vote.view, spoilt, 0.999999, 9, 30.0) for vote in votes)
    said_ng = votes[0].p_ng is not None and votes[0].p_ng > 0.5
    part = a_part(
        f"t-{number}", decision=REJECTED if said_ng else PASSED, votes=votes[:1], stopped_by=StoppedBy.SETTLED
    )
    return StoredPart(part, votes if shadow else (), ng if reviewed else None)


def _vote(rung: int, log_odds: float, dice: random.Random) -> Vote:
    p_ng = 1.0 / (1.0 + math.exp(-(log_odds + dice.gauss(0.0, 0.8))))
    return Vote(VIEWS[rung], rung, p_ng, tokens=3 * rung + 1, ms=10.0 * (rung + 1))
