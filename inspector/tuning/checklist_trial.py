"""The trial of checklist questions on parts whose truth is known. Pure.

The words do not show whether Yes means a defect. A question that answers Yes about a golden sample would stop good
parts, so one such answer drops it. A written question must also distinguish reviewed parts. Either NG parts score above
OK ones, or it detects NG parts that no question about another class detects; a rare defect moves no AUROC. The plain
question about a class replaces a dropped one: a class without reviewed parts must still be asked about.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from inspector.numerics.classification_metrics import auroc
from inspector.tuning.checklist import CandidateQuestion

YES_ABOVE: Final = 0.5  # p_ng above which an answer counts as Yes
UNREADABLE_SCORE: Final = 0.5  # the score of an unreadable answer
MIN_REVIEWED_PER_CLASS: Final = 10  # before a question is dropped because it distinguishes nothing
Z95: Final = 1.96  # standard deviations of a two-sided 95 % interval

Scores = tuple[float | None, ...]  # p_ng of all candidates about one picture, in their order


class TrialAnswers(NamedTuple):
    """All answers about golden samples and about reviewed parts.

    `missing` counts reviewed parts whose picture was unavailable.
    """

    golden: tuple[Scores, ...]
    ok: tuple[Scores, ...] = ()
    ng: tuple[Scores, ...] = ()
    missing: int = 0


class Discrimination(NamedTuple):
    """How well a question distinguishes reviewed parts.

    `low` and `high` are the AUROC's 95 % interval. `alone` counts NG parts that no question about another class
    detects. `wrong` counts OK parts that the question calls NG.
    """

    auroc: float
    low: float
    high: float
    alone: int
    wrong: int


class TrialResult(NamedTuple):
    """A question with its answers. `discrimination` is None without reviewed parts of both classes. `fault` says why
    the question is dropped, and is empty where it is kept."""

    candidate: CandidateQuestion
    golden: Scores
    discrimination: Discrimination | None
    fault: str

    @property
    def rank(self) -> float:
        return self.discrimination.auroc if self.discrimination else 0.0


def evaluate_candidates(candidates: Sequence[CandidateQuestion], answers: TrialAnswers) -> tuple[TrialResult, ...]:
    """Evaluate every candidate, in the order in which they were asked."""
    golden = [tuple(scores[place] for scores in answers.golden) for place in range(len(candidates))]
    alarms = [_alarm(scores) for scores in golden]
    sound = [each.defect if not alarm else None for each, alarm in zip(candidates, alarms, strict=True)]
    measured = [_discrimination(place, each.defect, sound, answers) for place, each in enumerate(candidates)]
    sufficient = min(len(answers.ok), len(answers.ng)) >= MIN_REVIEWED_PER_CLASS
    return tuple(
        TrialResult(each, scores, shown, alarm or (_uselessness(shown) if sufficient and each.written else ""))
        for each, scores, shown, alarm in zip(candidates, golden, measured, alarms, strict=True)
    )


def choose_questions(tried: Sequence[TrialResult]) -> tuple[CandidateQuestion, ...]:
    """Choose each class's question with the highest AUROC, or the first one where no AUROC is known.

    A class whose questions were all dropped has none.
    """
    best: dict[str, TrialResult] = {}
    for each in tried:
        known = best.get(each.candidate.defect)
        if not each.fault and (known is None or each.rank > known.rank):
            best[each.candidate.defect] = each
    return tuple(each.candidate for each in best.values())


def _alarm(golden: Scores) -> str:
    """Return the fault of an answer about a golden sample, or an empty string."""
    for number, p_ng in enumerate(golden, 1):
        if p_ng is None:
            return f"gives an unreadable answer about golden sample {number}"
        if p_ng > YES_ABOVE:
            return f"answers Yes about golden sample {number} (p_ng {p_ng:.2f})"
    return ""


def _uselessness(shown: Discrimination | None) -> str:
    """Return why the question distinguishes nothing; empty where it does, or where that is unknown."""
    if shown is None or shown.low > 0.5 or shown.alone > shown.wrong:
        return ""
    return (
        f"does not separate OK from NG: AUROC {shown.auroc:.2f} ({shown.low:.2f} … {shown.high:.2f}), "
        f"{shown.alone} NG parts that no other question detects, {shown.wrong} OK parts called NG"
    )


def _discrimination(
    place: int, defect: str, sound: Sequence[str | None], answers: TrialAnswers
) -> Discrimination | None:
    """Compare one question with the reviewed parts.

    `sound` lists the class of each candidate, or None for a candidate that failed on a golden sample.
    """
    if not answers.ok or not answers.ng:
        return None
    others = [number for number, other in enumerate(sound) if other not in (None, defect)]
    ok, ng = ([_score(scores[place]) for scores in group] for group in (answers.ok, answers.ng))
    area = auroc(np.array([*ok, *ng]), np.repeat([False, True], [len(ok), len(ng)]))
    spread = Z95 * _deviation(area, len(ok), len(ng))
    return Discrimination(
        auroc=area,
        low=max(0.0, area - spread),
        high=min(1.0, area + spread),
        alone=sum(_says_yes(scores, [place]) and not _says_yes(scores, others) for scores in answers.ng),
        wrong=sum(_says_yes(scores, [place]) for scores in answers.ok),
    )


def _says_yes(scores: Scores, places: Sequence[int]) -> bool:
    return any(_score(scores[place]) > YES_ABOVE for place in places)


def _score(p_ng: float | None) -> float:
    return UNREADABLE_SCORE if p_ng is None else p_ng


def _deviation(auroc: float, ok: int, ng: int) -> float:
    """Return the standard deviation of the AUROC of so many parts (Hanley and McNeil 1982)."""
    both_ng, both_ok = auroc / (2.0 - auroc), 2.0 * auroc**2 / (1.0 + auroc)
    variance = auroc * (1.0 - auroc) + (ng - 1) * (both_ng - auroc**2) + (ok - 1) * (both_ok - auroc**2)
    return math.sqrt(max(variance, 0.0) / (ok * ng))
