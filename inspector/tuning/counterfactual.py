"""What stored votes would have come to under other settings: the price of a change before it is live. Pure.

Votes are counted one by one in the order in which they came, as the judge counts them. That is exact as far as they
reach; a part that would have been asked more than is stored of it is counted apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from inspector.domain.decision import decide, effective_thresholds
from inspector.domain.declared import Disposition
from inspector.domain.ladder import steps
from inspector.domain.pipeline import Pipeline
from inspector.domain.review import StoredPart
from inspector.domain.stopping import SequentialRule
from inspector.domain.vote import Counting, StoppedBy, Tally, Vote, counting

VOTE_STOPS: Final = (StoppedBy.SETTLED, StoppedBy.DECIDED, StoppedBy.LADDER_END)


class Outcome(NamedTuple):
    """How a part ends, and after how many votes."""

    disposition: Disposition
    votes: int


class Replay:
    """A pipeline, played on stored votes that were given under the fingerprint `fingerprint`."""

    def __init__(self, pipeline: Pipeline, fingerprint: str) -> None:
        learned = pipeline.learned_under(fingerprint)
        self._pipeline = pipeline
        self._fingerprint = fingerprint
        self._capped = learned.capped if learned else ()
        self._most = sum(step.votes for step in steps(pipeline, 0) if step.number not in self._capped)

    def outcome(self, past: StoredPart) -> Outcome | None:
        """None where that is not known: the votes stored end too early."""
        votes = [vote for vote in past.shadow or past.part.votes if vote.rung not in self._capped]
        whole = bool(past.shadow) or past.part.stopped_by is StoppedBy.LADDER_END
        counts = counting(self._pipeline, self._fingerprint, past.part.opinion)
        return self._played(votes, counts, len(votes) if whole else self._most)

    def _played(self, votes: Sequence[Vote], counts: Counting, most: int) -> Outcome | None:
        rule = SequentialRule(self._pipeline.settle, effective_thresholds(self._pipeline, counts), counts, most)
        for count in range(1, len(votes) + 1):
            if stopped_by := rule.stop(votes[:count]):
                tally = Tally(tuple(votes[:count]), counts)
                return Outcome(decide(self._pipeline, tally, stopped_by).disposition, count)
        return None


class Impact(NamedTuple):
    """A change, on stored parts. `moved`: how many parts per old and new disposition; `unknown`: parts whose fate is
    not known under both. Votes are means per part. Escapes and overkill are counted among the reviewed."""

    parts: int
    unknown: int
    moved: Mapping[tuple[Disposition, Disposition], int]
    votes: tuple[float, float]
    escapes: tuple[int, int]
    overkill: tuple[int, int]
    reviewed: int

    def as_json(self) -> dict[str, Any]:
        moved = {f"{old} to {new}": count for (old, new), count in sorted(self.moved.items())}
        return self._asdict() | {"moved": moved}


def impact(parts: Iterable[StoredPart], before: Pipeline, after: Pipeline, fingerprint: str) -> Impact:
    """Of parts that were decided by their votes: what the deadline or a fault decided says nothing about votes."""
    old, new = Replay(before, fingerprint), Replay(after, fingerprint)
    votable = [past for past in parts if past.shadow or past.part.stopped_by in VOTE_STOPS]
    fates = [(past.is_ng, old.outcome(past), new.outcome(past)) for past in votable]
    known = [(ng, then, now) for ng, then, now in fates if then and now]
    pairs = [(then.disposition, now.disposition) for _, then, now in known]
    return Impact(
        parts=len(known),
        unknown=len(fates) - len(known),
        moved=Counter(pair for pair in pairs if pair[0] is not pair[1]),
        votes=_both(sum(then.votes for _, then, _ in known), sum(now.votes for _, _, now in known), len(known)),
        escapes=_told(known, ng=True, disposition=Disposition.PASS),
        overkill=_told(known, ng=False, disposition=Disposition.REJECT),
        reviewed=sum(ng is not None for ng, _, _ in known),
    )


def _both(before: int, after: int, parts: int) -> tuple[float, float]:
    return (before / parts, after / parts) if parts else (0.0, 0.0)


def _told(
    known: Sequence[tuple[bool | None, Outcome, Outcome]], *, ng: bool, disposition: Disposition
) -> tuple[int, int]:
    mine = [(then.disposition, now.disposition) for is_ng, then, now in known if is_ng is ng]
    return sum(then is disposition for then, _ in mine), sum(now is disposition for _, now in mine)
