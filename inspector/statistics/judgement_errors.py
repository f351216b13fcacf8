"""Escapes and overkill: NG parts that passed, and OK parts that were rejected, with exact intervals. Pure.

Counted twice: over all reviewed parts, whose choice favours what looks doubtful; and, where audits drew parts with
known probabilities, estimated for all judged parts of the time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from inspector.domain.declared import Disposition
from inspector.numerics.exact_bounds import MeasuredShare, measured_share
from inspector.numerics.stratified_shares import UNKNOWN_SHARE, EstimatedShare, Stratum, ratio
from inspector.ports.statistics import OutcomeSum, ReviewedSum


class AuditStratum(NamedTuple):
    """Judged parts of one disposition that audits drew with one probability. `parts` is how many they stand for."""

    disposition: Disposition
    probability: float
    audited: int
    ng: int
    parts: float

    @property
    def ng_stratum(self) -> Stratum:
        return Stratum(self.parts, self.audited, self.ng)


class AuditEstimate(NamedTuple):
    """Escapes and overkill of all judged parts. `missing` are dispositions that had parts and no audits: without them
    there is no estimate, and bounds are wide.
    """

    escapes: EstimatedShare
    overkill: EstimatedShare
    strata: Sequence[AuditStratum]
    missing: Sequence[Disposition]


class JudgementErrors(NamedTuple):
    """Both ways of counting. `audited` is None where nothing was drawn."""

    escapes: MeasuredShare
    overkill: MeasuredShare
    audited: AuditEstimate | None


def judgement_errors(reviewed: Iterable[ReviewedSum], outcomes: Iterable[OutcomeSum]) -> JudgementErrors:
    known = list(reviewed)
    passed, rejected = Disposition.PASS, Disposition.REJECT
    ng, ok = [each for each in known if each.is_ng], [each for each in known if not each.is_ng]
    return JudgementErrors(
        measured_share(_parts(ng, passed), _parts(ng)),
        measured_share(_parts(ok, rejected), _parts(ok)),
        _audited([each for each in known if each.probability is not None], outcomes),
    )


def _audited(audits: Sequence[ReviewedSum], outcomes: Iterable[OutcomeSum]) -> AuditEstimate | None:
    if not audits:
        return None
    populations = dict.fromkeys(Disposition, 0)
    for each in outcomes:
        populations[each.would_be] += each.parts * each.is_judged
    strata = [stratum for each in Disposition for stratum in _strata(audits, each, populations[each])]
    audited = {each.disposition for each in strata}
    missing = [each for each in Disposition if populations[each] and each not in audited]
    unseen = {each: [Stratum(populations[each], 0, 0)] if each in missing else [] for each in Disposition}
    return AuditEstimate(
        _ratio(strata, unseen, Disposition.PASS, of_ng=True),
        _ratio(strata, unseen, Disposition.REJECT, of_ng=False),
        strata,
        missing,
    )


def _ratio(
    strata: Sequence[AuditStratum], unseen: dict[Disposition, list[Stratum]], inside: Disposition, *, of_ng: bool
) -> EstimatedShare:
    groups: dict[bool, list[Stratum]] = {True: [], False: []}
    for each in strata:
        groups[each.disposition is inside].append(each.ng_stratum if of_ng else each.ng_stratum.misses)
    for disposition, group in unseen.items():
        groups[disposition is inside] += group
    return ratio(groups[True], groups[False]) if strata else UNKNOWN_SHARE


def _strata(audits: Sequence[ReviewedSum], disposition: Disposition, population: int) -> list[AuditStratum]:
    """Divide the parts of a disposition among the probabilities that its audits were drawn with."""
    mine = [each for each in audits if each.would_be is disposition]
    drawn: dict[float, list[int]] = {}
    for each in mine:
        counts = drawn.setdefault(each.probability or 1.0, [0, 0])
        counts[0] += each.parts
        counts[1] += each.parts * each.is_ng
    stands_for = {probability: audited / probability for probability, (audited, _) in drawn.items()}
    share = population / sum(stands_for.values()) if drawn else 0.0
    return [
        AuditStratum(disposition, probability, audited, ng, max(share * stands_for[probability], audited))
        for probability, (audited, ng) in sorted(drawn.items())
    ]


def _parts(reviewed: Iterable[ReviewedSum], disposition: Disposition | None = None) -> int:
    return sum(each.parts for each in reviewed if disposition in (None, each.would_be))
