"""Escapes under other settings by defect class and by severity, from the NG parts that people named."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspector.domain.declared import Severity
from inspector.lines.comparison import VoteComparison
from inspector.lines.vote_tables import LineVotes
from inspector.numerics.exact_bounds import MeasuredShare, measured_share
from inspector.tuning.vote_table import ReplayedOutcome

Array = NDArray[Any]
IsCounted = Callable[[Sequence[str]], bool]  # whether an NG part of these classes counts


class DefectEscapes(NamedTuple):
    """The NG parts of one defect class, or of one severity, that pass before and after.

    `defect` is None for parts whose class nobody named. `severity` is None for a class that the line does not declare.
    """

    defect: str | None
    severity: Severity | None
    before: MeasuredShare
    after: MeasuredShare


def defect_escapes(compared: Sequence[VoteComparison], declared: Mapping[str, Severity]) -> list[DefectEscapes]:
    """Return the escapes of each class, the most serious first, then of NG parts whose class nobody named."""
    named = {defect for each in compared for classes in each.line_votes.ng_classes for defect in classes}
    ordered = sorted(named, key=lambda name: (_rank(declared.get(name)), name))
    found = [_escapes(compared, _has(defect), defect, declared.get(defect)) for defect in ordered]
    unnamed = _escapes(compared, lambda classes: not classes)
    return [*found, unnamed] if unnamed.before.parts else found


def severity_escapes(compared: Sequence[VoteComparison], declared: Mapping[str, Severity]) -> list[DefectEscapes]:
    """Return the escapes of each severity, the most serious first. Parts of undeclared classes are in none."""
    found = [_escapes(compared, _is_worst(each, declared), None, each) for each in Severity]
    return [each for each in found if each.before.parts]


def _has(defect: str) -> IsCounted:
    return lambda classes: defect in classes


def _is_worst(severity: Severity, declared: Mapping[str, Severity]) -> IsCounted:
    def is_worst(classes: Sequence[str]) -> bool:
        ranks = [_rank(declared[name]) for name in classes if name in declared]
        return bool(ranks) and min(ranks) == _rank(severity)

    return is_worst


def _escapes(
    compared: Sequence[VoteComparison],
    is_counted: IsCounted,
    defect: str | None = None,
    severity: Severity | None = None,
) -> DefectEscapes:
    masks = [each.is_known & _mask(each.line_votes, is_counted) for each in compared]
    both = [*zip(compared, masks, strict=True)]
    before = np.concatenate([each.before.outcome[mask] for each, mask in both])
    after = np.concatenate([each.after.outcome[mask] for each, mask in both])
    return DefectEscapes(defect, severity, _passed(before), _passed(after))


def _passed(outcomes: Array) -> MeasuredShare:
    return measured_share(int((outcomes == ReplayedOutcome.PASS).sum()), len(outcomes))


def _mask(votes: LineVotes, is_counted: IsCounted) -> Array:
    """Return the mask of the NG parts that count."""
    mask = votes.is_ng.copy()
    mask[mask] = [is_counted(classes) for classes in votes.ng_classes]
    return mask


def _rank(severity: Severity | None) -> int:
    return [*Severity, None].index(severity)
