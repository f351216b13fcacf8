"""Questions of a checklist, tried on parts whose truth is known. Pure.

Whether Yes means a defect can't be seen from words. A question that says Yes about a golden sample would stop good
parts, so that one such answer drops it. Among reviewed parts a written one must tell something: NG parts score above OK
ones, or it sees such as no question about another class does, for a rare defect moves no AUROC. The plain question
about a class stands in for what is dropped: a class that reviewed parts don't have must still be asked about.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from inspector.tuning.checklist import CandidateQuestion
from inspector.tuning.classification_metrics import auroc

YES_ABOVE: Final = 0.5
UNREADABLE_SCORE: Final = 0.5  # what an answer that could not be read says
MIN_REVIEWED_PER_CLASS: Final = 10  # reviewed parts of each kind before a question is dropped for telling nothing
Z95: Final = 1.96  # on both sides of 95 of 100

Scores = tuple[float | None, ...]  # p_ng of all candidates about one picture, in their order


class TrialAnswers(NamedTuple):
    """All answers: about golden samples, and about reviewed parts. `missing`: reviewed parts whose picture could not be
    had."""

    golden: tuple[Scores, ...]
    ok: tuple[Scores, ...] = ()
    ng: tuple[Scores, ...] = ()
    missing: int = 0


class Discrimination(NamedTuple):
    """How well a question tells reviewed parts apart: AUROC with its 95 % interval, the NG parts that no question
    about another class sees, and the OK parts that it calls NG."""

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


def evaluate_candidates(candidates: Sequence[CandidateQuestion], heard: TrialAnswers) -> tuple[TrialResult, ...]:
    """Every candidate, in the order in which they were asked."""
    golden = [tuple(said[place] for said in heard.golden) for place in range(len(candidates))]
    alarms = [_alarm(said) for said in golden]
    sound = [each.defect if not alarm else None for each, alarm in zip(candidates, alarms, strict=True)]
    discrimination = [_discrimination(place, each.defect, sound, heard) for place, each in enumerate(candidates)]
    enough = min(len(heard.ok), len(heard.ng)) >= MIN_REVIEWED_PER_CLASS
    return tuple(
        TrialResult(each, said, found, alarm or (_uselessness(found) if enough and each.written else ""))
        for each, said, found, alarm in zip(candidates, golden, discrimination, alarms, strict=True)
    )


def choose_questions(tried: Sequence[TrialResult]) -> tuple[CandidateQuestion, ...]:
    """Of each class the question of the highest AUROC, the first one where that is not known; none where all were
    dropped."""
    best: dict[str, TrialResult] = {}
    for each in tried:
        known = best.get(each.candidate.defect)
        if not each.fault and (known is None or each.rank > known.rank):
            best[each.candidate.defect] = each
    return tuple(each.candidate for each in best.values())


def _alarm(golden: Scores) -> str:
    """What it says about a part that is known to be good."""
    for number, p_ng in enumerate(golden, 1):
        if p_ng is None:
            return f"can't be read about golden sample {number}"
        if p_ng > YES_ABOVE:
            return f"says Yes about golden sample {number} (p_ng {p_ng:.2f})"
    return ""


def _uselessness(shown: Discrimination | None) -> str:
    """Why the question tells nothing; empty where it does, or where that is unknown."""
    if shown is None or shown.low > 0.5 or shown.alone > shown.wrong:
        return ""
    return (
        f"tells nothing: AUROC {shown.auroc:.2f} ({shown.low:.2f} … {shown.high:.2f}), {shown.alone} NG parts that no "
        f"other question sees, {shown.wrong} OK parts called NG"
    )


def _discrimination(place: int, defect: str, sound: Sequence[str | None], heard: TrialAnswers) -> Discrimination | None:
    """`sound` are the classes of the candidates, None for one that a golden sample speaks against."""
    if not heard.ok or not heard.ng:
        return None
    others = [number for number, other in enumerate(sound) if other not in (None, defect)]
    ok, ng = ([_score(said[place]) for said in kind] for kind in (heard.ok, heard.ng))
    found = auroc(np.array([*ok, *ng]), np.repeat([False, True], [len(ok), len(ng)]))
    spread = Z95 * _deviation(found, len(ok), len(ng))
    return Discrimination(
        auroc=found,
        low=max(0.0, found - spread),
        high=min(1.0, found + spread),
        alone=sum(_says_yes(said, [place]) and not _says_yes(said, others) for said in heard.ng),
        wrong=sum(_says_yes(said, [place]) for said in heard.ok),
    )


def _says_yes(said: Scores, places: Sequence[int]) -> bool:
    return any(_score(said[place]) > YES_ABOVE for place in places)


def _score(p_ng: float | None) -> float:
    return UNREADABLE_SCORE if p_ng is None else p_ng


def _deviation(auroc: float, ok: int, ng: int) -> float:
    """Of the AUROC of so many parts (Hanley and McNeil 1982)."""
    both_ng, both_ok = auroc / (2.0 - auroc), 2.0 * auroc**2 / (1.0 + auroc)
    variance = auroc * (1.0 - auroc) + (ng - 1) * (both_ng - auroc**2) + (ok - 1) * (both_ok - auroc**2)
    return math.sqrt(max(variance, 0.0) / (ok * ng))
