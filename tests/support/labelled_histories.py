"""Stored parts for learning: their truth is known, and their whole ladder was asked."""

from __future__ import annotations

import math
import random
from collections import Counter

from support.fakes import PASSED, REJECTED, a_part

from inspector.domain.declared import ViewName
from inspector.domain.part_history import History, PartHistory
from inspector.domain.vote import StoppedBy, Vote

FINGERPRINT = "0123456789abcdef"  # that of a_part
VIEWS = (ViewName.DIRECT, ViewName.PARAPHRASE, ViewName.ZOOM)


def labelled_history(count: int, *, spoilt: int | None = None, reviewed: bool = True, shadow: bool = True) -> History:
    """Build parts that are OK and NG in turn, and rejected where the first vote says NG.

    The second rung agrees with the first; `spoilt` is a rung that always says NG.
    """
    dice = random.Random(7)
    return history([_labelled_part(number, dice, spoilt, reviewed=reviewed, shadow=shadow) for number in range(count)])


def history(parts: list[PartHistory]) -> History:
    return History(tuple(parts), Counter(part.part.decision.disposition for part in parts))


def _labelled_part(
    number: int, dice: random.Random, spoilt: int | None, *, reviewed: bool, shadow: bool
) -> PartHistory:
    ng = number % 2 == 1
    common = dice.gauss(0.0, 0.8)
    votes = tuple(_vote(rung, 1.0 if rung == spoilt else (2.0 if ng else -2.0) + common, dice) for rung in range(3))
    if spoilt is not None:
        votes = tuple(vote if vote.rung != spoilt else Vote(vote.view, spoilt, 0.999999, 9, 30.0) for vote in votes)
    first_is_ng = votes[0].p_ng is not None and votes[0].p_ng > 0.5
    part = a_part(
        f"t-{number}", decision=REJECTED if first_is_ng else PASSED, votes=votes[:1], stopped_by=StoppedBy.SETTLED
    )
    return PartHistory(part, votes if shadow else (), ng if reviewed else None)


def _vote(rung: int, log_odds: float, dice: random.Random) -> Vote:
    p_ng = 1.0 / (1.0 + math.exp(-(log_odds + dice.gauss(0.0, 0.8))))
    return Vote(VIEWS[rung], rung, p_ng, tokens=3 * rung + 1, ms=10.0 * (rung + 1))
