"""First-pass yield: the share of parts that went past the gate the first time. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from inspector.domain.declared import Disposition
from inspector.ports.statistics import OutcomeSum


class FirstPass(NamedTuple):
    """What became of the parts of some time.

    `first_pass` is the share of all parts that the gate passed. `would_pass` is the share of judged parts that would
    pass a LIVE line; it leaves out parts that were never judged, and what commissioning withheld.
    """

    parts: int
    passed: int
    rejected: int
    review: int
    unjudged: int
    late: int
    would_pass_parts: int

    @property
    def judged(self) -> int:
        return self.parts - self.unjudged

    @property
    def first_pass(self) -> float | None:
        return self.passed / self.parts if self.parts else None

    @property
    def would_pass(self) -> float | None:
        return self.would_pass_parts / self.judged if self.judged else None


def first_pass_of(sums: Iterable[OutcomeSum]) -> FirstPass:
    counted = list(sums)

    def count(wanted: Callable[[OutcomeSum], bool]) -> int:
        return sum(each.parts for each in counted if wanted(each))

    return FirstPass(
        parts=count(bool),
        passed=count(lambda each: each.disposition is Disposition.PASS),
        rejected=count(lambda each: each.disposition is Disposition.REJECT),
        review=count(lambda each: each.disposition is Disposition.REVIEW),
        unjudged=count(lambda each: not each.is_judged),
        late=sum(each.late for each in counted),
        would_pass_parts=count(lambda each: each.is_judged and each.would_be is Disposition.PASS),
    )
