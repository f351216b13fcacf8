"""The effect of a change of a line: its price, and what becomes of the right to pass. A change needs approval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from inspector.config.diff import Declaration
from inspector.lines.kept_rights import KeptRight, keep_right
from inspector.lines.pricing import Price, Pricing, require_accepted
from inspector.lines.qualification import Qualifications
from inspector.ports.challenge import QualificationRecord


class ChangeEffect(NamedTuple):
    """The price of a change, and what becomes of the right to pass; None where nothing changes about it."""

    price: Price
    right: KeptRight | None

    @property
    def proofs(self) -> tuple[QualificationRecord, ...]:
        """The recomputed qualifications, to be recorded with the new version."""
        return self.right.proofs if self.right else ()


class ChangeApproval(NamedTuple):
    """Who approves a change, and why. `accepted` is the number of known NG parts that may then pass."""

    author: str
    reason: str = ""
    accepted: int | None = None


@dataclass(frozen=True, slots=True)
class ChangeEffects:
    """Foresees and approves changes. Every method raises LedgerError, and InspectorError for an unknown line."""

    pricing: Pricing
    qualifications: Qualifications

    def foresee(self, content: Declaration) -> ChangeEffect:
        """Return the effect that a new content of the line would have, and record nothing."""
        price = self.pricing.price(content.pipeline.line, content)
        return ChangeEffect(price, self._right(content, price, ""))

    def approve(self, content: Declaration, approval: ChangeApproval) -> ChangeEffect:
        """Recompute the right to pass of a content that is about to be stored, with the proofs that it rests on.

        Raises EscapesError where NG parts would newly pass that nobody accepted.
        """
        price = self.pricing.price(content.pipeline.line, content)
        require_accepted([price], approval.accepted, approval.reason)
        return ChangeEffect(price, self._right(content, price, approval.author))

    def _right(self, content: Declaration, price: Price, author: str) -> KeptRight | None:
        live = self.qualifications.sets.states.version(price.line)
        return keep_right(self.qualifications, live, content, author, price.scored_under)
