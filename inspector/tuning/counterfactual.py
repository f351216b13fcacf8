"""The result of stored votes under other settings: the impact of a change before it is live. Pure.

Votes are counted one by one in the order in which they arrived, as the judge counts them. The result is exact as far as
the stored votes reach. Parts that would have been asked more are counted separately.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from inspector.domain.decision import decide, effective_thresholds
from inspector.domain.declared import Disposition
from inspector.domain.ladder import steps
from inspector.domain.part import PartRecord
from inspector.domain.part_history import PartHistory
from inspector.domain.pipeline import Pipeline
from inspector.domain.stopping import SequentialRule
from inspector.domain.vote import Counting, Opinion, StoppedBy, Tally, Vote, counting, votes_as_asked
from inspector.ports.tuning import PartVotes

CUT_SHORT: Final = (StoppedBy.DEADLINE, StoppedBy.ERROR)
VOTE_STOPS: Final = (StoppedBy.SETTLED, StoppedBy.DECIDED, StoppedBy.LADDER_END)


class Outcome(NamedTuple):
    """A part's disposition, and the number of votes before it."""

    disposition: Disposition
    votes: int


class StoredVotes(NamedTuple):
    """The votes of one part that a replay counts, how it counts them, and how many votes the ladder has for it."""

    votes: tuple[Vote, ...]
    counting: Counting
    most: int


class Replay:
    """A pipeline, replayed on stored votes that were given under this fingerprint.

    `rungs` replays a shorter ladder: only the first so many rungs.
    """

    def __init__(self, pipeline: Pipeline, fingerprint: str, rungs: int | None = None) -> None:
        learned = pipeline.learned_under(fingerprint)
        self._pipeline = pipeline
        self._fingerprint = fingerprint
        self._rungs = len(pipeline.ladder) if rungs is None else rungs
        self._capped = frozenset(learned.capped if learned else ())
        self._most = sum(step.votes for step in steps(pipeline, 0) if self._is_asked(step.number))

    def outcome(self, part: PartHistory) -> Outcome | None:
        """Return the part's outcome; None where the stored votes end too early to know it."""
        return self._played(self.stored(part))

    def stored(self, part: PartHistory) -> StoredVotes:
        """Return the part's votes as this pipeline counts them."""
        is_whole = bool(part.shadow) or part.part.stopped_by is StoppedBy.LADDER_END
        return self._counted(part.shadow or part.part.votes, part.part.opinion, is_whole=is_whole)

    def stored_votes(self, part: PartVotes) -> StoredVotes:
        """Do the same for a part of which only the votes were read."""
        is_whole = bool(part.shadow) or part.stopped_by is StoppedBy.LADDER_END
        return self._counted(part.shadow or part.votes, part.opinion, is_whole=is_whole)

    def of_votes(self, given: Sequence[Vote], opinion: Opinion | None, *, is_whole: bool) -> Outcome | None:
        """Return the outcome of these votes; None where they end too early. `is_whole`: the ladder has no more."""
        return self._played(self._counted(given, opinion, is_whole=is_whole))

    def may_pass(self, part: PartHistory) -> bool:
        """Return whether the part passes, or could: its votes so far say OK where they end too early to know."""
        stored = self.stored(part)
        if known := self._played(stored):
            return known.disposition is Disposition.PASS
        score = Tally(stored.votes, stored.counting).score
        return score is not None and score < effective_thresholds(self._pipeline, stored.counting).pass_below

    def _counted(self, given: Sequence[Vote], opinion: Opinion | None, *, is_whole: bool) -> StoredVotes:
        counts = counting(self._pipeline, self._fingerprint, opinion)
        votes = votes_as_asked([vote for vote in given if self._is_asked(vote.rung)], counts)
        is_whole = is_whole or any(vote.rung >= self._rungs for vote in given)  # a later rung follows whole ones
        return StoredVotes(votes, counts, len(votes) if is_whole else self._most)

    def _is_asked(self, rung: int) -> bool:
        return rung < self._rungs and rung not in self._capped

    def _played(self, stored: StoredVotes) -> Outcome | None:
        votes, counts, most = stored
        rule = SequentialRule(self._pipeline.settle, effective_thresholds(self._pipeline, counts), counts, most)
        for count in range(1, len(votes) + 1):
            if stopped_by := rule.stop(votes[:count]):
                tally = Tally(votes[:count], counts)
                return Outcome(decide(self._pipeline, tally, stopped_by).disposition, count)
        return None


class Impact(NamedTuple):
    """The effect of a change on stored parts; pairs are before and after.

    `moved` counts parts per old and new disposition. `unknown` counts parts without a known outcome under both
    settings. `votes` are means per part. Escapes and overkill are counted among the reviewed parts.
    """

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


def impact(
    parts: Sequence[PartHistory],
    before: Pipeline,
    after: Pipeline,
    fingerprint: str,
    changed: Sequence[PartHistory] | None = None,
) -> Impact:
    """Replay both pipelines on the parts that were decided by their votes.

    `changed` holds the same parts with
    their second opinions after the change; by default these stay.
    """
    old, new = Replay(before, fingerprint), Replay(after, fingerprint)
    both = zip(parts, parts if changed is None else changed, strict=True)
    votable = [pair for pair in both if is_decided_by_votes(pair[0])]
    outcomes = [(then.is_ng, old.outcome(then), new.outcome(now)) for then, now in votable]
    known = [(ng, then, now) for ng, then, now in outcomes if then and now]
    pairs = [(then.disposition, now.disposition) for _, then, now in known]
    return Impact(
        parts=len(known),
        unknown=len(outcomes) - len(known),
        moved=Counter(pair for pair in pairs if pair[0] is not pair[1]),
        votes=_both(sum(then.votes for _, then, _ in known), sum(now.votes for _, _, now in known), len(known)),
        escapes=_counts(known, ng=True, disposition=Disposition.PASS),
        overkill=_counts(known, ng=False, disposition=Disposition.REJECT),
        reviewed=sum(ng is not None for ng, _, _ in known),
    )


def is_decided_by_votes(part: PartHistory) -> bool:
    """Return whether the part's votes can say something: a deadline or a fault says nothing about them."""
    return bool(part.shadow) or part.part.stopped_by in VOTE_STOPS


def shadow_disposition(pipeline: Pipeline, part: PartRecord) -> Disposition | None:
    """Return what this pipeline makes of the votes that the part got; None where it would have asked for more."""
    fingerprint = part.pipeline.fingerprint
    if known := Replay(pipeline, fingerprint).outcome(PartHistory(part)):
        return known.disposition
    if part.stopped_by not in CUT_SHORT:
        return None
    tally = Tally(part.votes, counting(pipeline, fingerprint, part.opinion))
    return decide(pipeline, tally, part.stopped_by).disposition


def new_escapes(parts: Iterable[PartHistory], before: Pipeline, after: Pipeline, fingerprint: str) -> list[PartHistory]:
    """List the reviewed NG parts that the change would let pass, or could: doubt counts as a pass here."""
    old, new = Replay(before, fingerprint), Replay(after, fingerprint)
    known_ng = (part for part in parts if part.is_ng and (part.shadow or part.part.votes))
    return [part for part in known_ng if new.may_pass(part) and not old.may_pass(part)]


def _both(before: int, after: int, parts: int) -> tuple[float, float]:
    return (before / parts, after / parts) if parts else (0.0, 0.0)


def _counts(
    known: Sequence[tuple[bool | None, Outcome, Outcome]], *, ng: bool, disposition: Disposition
) -> tuple[int, int]:
    pairs = [(then.disposition, now.disposition) for is_ng, then, now in known if is_ng is ng]
    return sum(then is disposition for then, _ in pairs), sum(now is disposition for _, now in pairs)
