"""Strategies for multiple-choice questions: the answers to ask for, when to stop, and how votes are counted. Pure.

The stopping rules are those of `domain.stopping`, which know two sides. A question with many options becomes a duel of
the leading letter against its runner-up, as in Adaptive-Consistency (Aggarwal 2023); other votes count for neither.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from inspector.domain.declared import ViewName
from inspector.domain.pipeline import CountMethod
from inspector.domain.stopping import AdaptiveConsistency, FixedRule, StoppingRule
from inspector.domain.vote import Counting, Vote
from inspector.errors import InspectorError
from inspector.lab.evaluation.mmad.letter_votes import AnswerKind, LetterVote, officially_read

STRATEGY_NAME: Final = re.compile(r"(single|text|(?:sampled|majority|weighted|adaptive)(?:-([1-9][0-9]?))?)")
STRATEGY_NAMES_HINT: Final = "use single, text, sampled-N, majority-N, weighted-N or adaptive-N with N from 1 to 64"
DEFAULT_VOTES: Final = {"adaptive": 9}  # its limit
SEED_PAPER_VOTES: Final = 3  # of all other strategies
MAX_VOTES: Final = 64
CISC: Final = Counting(CountMethod.WEIGHTED)


@dataclass(frozen=True, slots=True)
class LetterStrategy:
    """The `kind` of answers, the `rule` that ends asking, and whether votes are weighed by the model's trust."""

    name: str
    kind: AnswerKind
    rule: StoppingRule
    weighted: bool = False

    def next_votes(self, votes: Sequence[LetterVote]) -> int:
        """The number of further votes to ask for at once; 0 if none are needed."""
        return 0 if self._end(votes) is not None else self.rule.next_votes(duel(votes))

    def used(self, votes: Sequence[LetterVote]) -> Sequence[LetterVote]:
        """The votes, of all collected ones, that this strategy would have asked for."""
        return votes[: self._end(votes)]

    def distrusted(self, votes: Sequence[LetterVote]) -> list[LetterVote]:
        """The used votes whose weight still needs the model's trust."""
        used = self.used(votes) if self.weighted else ()
        return [vote for vote in used if vote.letter is not None and vote.p_true is None]

    def answer(self, votes: Sequence[LetterVote]) -> str | None:
        """The winning letter; None if no vote can be read."""
        readable = [vote for vote in self.used(votes) if vote.letter is not None]
        return next(iter(ranked(readable, weights(readable) if self.weighted else None)), None)

    def official_answer(self, votes: Sequence[LetterVote], options: Mapping[str, str]) -> str | None:
        """The winning letter as MMAD's own parser reads the votes."""
        return self.answer([officially_read(vote, options) for vote in self.used(votes)])

    def _end(self, votes: Sequence[LetterVote]) -> int | None:
        """The number of votes after which the rule stops; None if it does not."""
        ends = (end for end in range(1, len(votes) + 1) if self.rule.stop(duel(votes[:end])) is not None)
        return next(ends, None)


def letter_strategy(name: str) -> LetterStrategy:
    """The strategy of a name such as `majority-5`. Raises InspectorError for an unknown name."""
    match = STRATEGY_NAME.fullmatch(name)
    if match is None or int(match[2] or 1) > MAX_VOTES:
        raise InspectorError(f"there is no strategy {name!r}; {STRATEGY_NAMES_HINT}")
    kind = name.partition("-")[0]
    if kind in ("single", "text"):
        return LetterStrategy(name, AnswerKind.READ if kind == "single" else AnswerKind.WRITTEN, FixedRule(1))
    n = int(match[2] or DEFAULT_VOTES.get(kind, SEED_PAPER_VOTES))
    rule = AdaptiveConsistency(max_votes=n) if kind == "adaptive" else FixedRule(n)
    asked = AnswerKind.SAMPLED if kind == "sampled" else AnswerKind.DRAFTED
    return LetterStrategy(f"{kind}-{n}", asked, rule, weighted=kind == "weighted")


def ranked(votes: Sequence[LetterVote], weighed: Sequence[float] | None = None) -> list[str]:
    """The letters by their votes, the leader first.

    Of equal letters, the one voted for first leads: preferring A would be a bias, because option letters carry meaning.
    """
    totals: dict[str, float] = {}
    for vote, weight in zip(votes, weighed or [1.0] * len(votes), strict=True):
        if vote.letter is not None:
            totals[vote.letter] = totals.get(vote.letter, 0.0) + weight
    return sorted(totals, key=totals.__getitem__, reverse=True)


def duel(votes: Sequence[LetterVote]) -> list[Vote]:
    """The votes for the stopping rules: for the leader, for its runner-up, or for neither."""
    sides = dict(zip(ranked(votes), (1.0, 0.0), strict=False))
    return [
        Vote(ViewName.OPTIONS, 0, None if vote.letter is None else sides.get(vote.letter), vote.tokens, vote.ms)
        for vote in votes
    ]


def weights(votes: Sequence[LetterVote]) -> list[float]:
    """Softmax of the model's trust within the question (CISC); unknown trust counts as 0.5."""
    return CISC.weights([Vote(ViewName.OPTIONS, 0, 1.0, p_true=_trust(vote)) for vote in votes]) if votes else []


def _trust(vote: LetterVote) -> float:
    return 0.5 if vote.p_true is None else vote.p_true
