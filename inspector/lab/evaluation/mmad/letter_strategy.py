"""Strategies for multiple-choice questions: which answers to ask for, when to stop, and how they are counted. Pure.

Stopping rules are those of inspector/stopping.py: a question with many options is a duel of the letter that leads
against its runner-up, as Adaptive-Consistency (Aggarwal 2023) has it; votes for others count for neither.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from inspector.domain.declared import ViewName
from inspector.domain.pipeline import CountMethod
from inspector.domain.stopping import AdaptiveConsistency, FixedRule, StoppingRule
from inspector.domain.vote import Counting, Vote
from inspector.errors import InspectorError
from inspector.lab.evaluation.mmad.letter_votes import AnswerKind, LetterVote

STRATEGY_NAME: Final = re.compile(r"(single|text|(?:majority|weighted|adaptive)(?:-([1-9][0-9]?))?)")
STRATEGY_NAMES_HINT: Final = "use single, text, majority-N, weighted-N or adaptive-N with N from 1 to 64"
DEFAULT_VOTES: Final = {"majority": 3, "weighted": 3, "adaptive": 9}  # the seed paper's N; the most that adaptive asks
MAX_VOTES: Final = 64
CISC: Final = Counting(CountMethod.WEIGHTED)


@dataclass(frozen=True, slots=True)
class LetterStrategy:
    """`kind` of answers, the `rule` that ends asking for them, and whether the model's trust in them weighs."""

    name: str
    kind: AnswerKind
    rule: StoppingRule
    weighted: bool = False

    def next_votes(self, votes: Sequence[LetterVote]) -> int:
        """How many more to ask for at once; 0 when it has what it needs."""
        return 0 if self._end(votes) is not None else self.rule.next_votes(duel(votes))

    def used(self, votes: Sequence[LetterVote]) -> Sequence[LetterVote]:
        """The votes that this strategy would have asked for, of all that there are."""
        return votes[: self._end(votes)]

    def distrusted(self, votes: Sequence[LetterVote]) -> list[LetterVote]:
        """Votes whose weight needs the model's trust, and don't have it yet."""
        used = self.used(votes) if self.weighted else ()
        return [vote for vote in used if vote.letter is not None and vote.p_true is None]

    def answer(self, votes: Sequence[LetterVote]) -> str | None:
        """The letter it settles for; None when no vote can be read."""
        readable = [vote for vote in self.used(votes) if vote.letter is not None]
        return next(iter(ranked(readable, weights(readable) if self.weighted else None)), None)

    def _end(self, votes: Sequence[LetterVote]) -> int | None:
        """After how many of these votes asking ends."""
        ends = (end for end in range(1, len(votes) + 1) if self.rule.stop(duel(votes[:end])) is not None)
        return next(ends, None)


def letter_strategy(name: str) -> LetterStrategy:
    """By the name that a person types. Raises InspectorError for one that is none."""
    spoken = STRATEGY_NAME.fullmatch(name)
    if spoken is None or int(spoken[2] or 1) > MAX_VOTES:
        raise InspectorError(f"there is no strategy {name!r}; {STRATEGY_NAMES_HINT}")
    kind = name.partition("-")[0]
    if kind in ("single", "text"):
        return LetterStrategy(name, AnswerKind.READ if kind == "single" else AnswerKind.WRITTEN, FixedRule(1))
    n = int(spoken[2] or DEFAULT_VOTES[kind])
    rule = AdaptiveConsistency(max_votes=n) if kind == "adaptive" else FixedRule(n)
    return LetterStrategy(f"{kind}-{n}", AnswerKind.DRAFTED, rule, weighted=kind == "weighted")


def ranked(votes: Sequence[LetterVote], weighed: Sequence[float] | None = None) -> list[str]:
    """The letters voted for, the leader first. Of equals the one that was said first leads: preferring A would be a
    bias, as option letters mean something."""
    totals: dict[str, float] = {}
    for vote, weight in zip(votes, weighed or [1.0] * len(votes), strict=True):
        if vote.letter is not None:
            totals[vote.letter] = totals.get(vote.letter, 0.0) + weight
    return sorted(totals, key=totals.__getitem__, reverse=True)


def duel(votes: Sequence[LetterVote]) -> list[Vote]:
    """The votes as the stopping rules see them: for the leader, for its runner-up, or for nobody."""
    sides = dict(zip(ranked(votes), (1.0, 0.0), strict=False))
    return [
        Vote(ViewName.OPTIONS, 0, None if vote.letter is None else sides.get(vote.letter), vote.tokens, vote.ms)
        for vote in votes
    ]


def weights(votes: Sequence[LetterVote]) -> list[float]:
    """Softmax of the model's trust within the question (CISC); an answer it was not asked about weighs as doubt."""
    return CISC.weights([Vote(ViewName.OPTIONS, 0, 1.0, p_true=_trust(vote)) for vote in votes]) if votes else []


def _trust(vote: LetterVote) -> float:
    return 0.5 if vote.p_true is None else vote.p_true
