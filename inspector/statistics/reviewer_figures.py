"""Reviewers: how much each reviews, how fast, and how often two people say the same. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import permutations
from statistics import median
from typing import NamedTuple

from inspector.numerics.exact_bounds import MeasuredShare, measured_share
from inspector.ports.statistics import GivenAnswer


class ReviewerFigures(NamedTuple):
    """One person's answers in some time.

    `per_hour` counts answers per hour of answering, where the time that each took is known. `agreement` is the share of
    pairs of blind answers, one of them this person's, that say the same about a part.
    """

    reviewer: str
    answers: int
    labels: dict[str, int]
    median_s: float | None
    per_hour: float | None
    agreement: MeasuredShare


def reviewer_figures(answers: Sequence[GivenAnswer], since: datetime, until: datetime) -> list[ReviewerFigures]:
    """Return the figures of everyone who answered in this time, the most answers first.

    `answers` also holds earlier and later answers of others to the same parts.
    """
    mine: dict[str, list[GivenAnswer]] = defaultdict(list)
    for answer in answers:
        if since <= answer.at < until:
            mine[answer.reviewer].append(answer)
    agreed, pairs = _agreement(answers, since, until)
    figures = [_figures(name, own, agreed[name], pairs[name]) for name, own in mine.items()]
    return sorted(figures, key=lambda each: (-each.answers, each.reviewer))


def _figures(name: str, own: Sequence[GivenAnswer], agreed: int, pairs: int) -> ReviewerFigures:
    seconds = [each.seconds for each in own if each.seconds is not None and each.seconds > 0.0]
    per_hour = 3600.0 * len(seconds) / sum(seconds) if seconds else None
    labels = dict(sorted(Counter(each.label for each in own).items()))
    took = median(seconds) if seconds else None
    return ReviewerFigures(name, len(own), labels, took, per_hour, measured_share(agreed, pairs))


def _agreement(answers: Iterable[GivenAnswer], since: datetime, until: datetime) -> tuple[Counter[str], Counter[str]]:
    """Count agreeing and all pairs by reviewer. Who saw another answer first agrees too easily: those do not count."""
    by_part: dict[int, list[GivenAnswer]] = defaultdict(list)
    for answer in answers:
        if answer.blind:
            by_part[answer.part].append(answer)
    agreed, pairs = Counter[str](), Counter[str]()
    for same_part in by_part.values():
        for one, other in permutations(same_part, 2):
            if one.reviewer != other.reviewer and since <= one.at < until:
                pairs[one.reviewer] += 1
                agreed[one.reviewer] += one.label == other.label
    return agreed, pairs
