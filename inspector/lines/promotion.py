"""Make a draft live: priced, with its right to pass recomputed, and stored together with the end of the draft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from inspector.domain.line_version import VersionOrigin
from inspector.lines.drafts import Drafts
from inspector.lines.kept_rights import KeptRight, keep_right
from inspector.lines.pricing import Price, Pricing, require_accepted
from inspector.lines.qualification import Qualifications
from inspector.lines.states import require_short
from inspector.lines.versions import ReadableVersion
from inspector.ports.drafts import Draft, Promotion
from inspector.ports.lines import DeclaredVersion


class PromotionRequest(NamedTuple):
    """Who makes a draft live, and why. `accepted` is the number of known NG parts that may then pass.

    `key` names the request: a repeated one changes nothing.
    """

    author: str
    reason: str = ""
    accepted: int | None = None
    key: str = ""


class PromotionResult(NamedTuple):
    """The new version, its price, and what becomes of the right to pass. Both are None for a repeated request."""

    version: int
    price: Price | None = None
    right: KeptRight | None = None


@dataclass(frozen=True, slots=True)
class Promotions:
    """Makes drafts live. Raises LedgerError, and InspectorError for an unknown line or draft."""

    drafts: Drafts
    pricing: Pricing
    qualifications: Qualifications

    def promote(self, line: str, draft_id: str, request: PromotionRequest) -> PromotionResult:
        """Store the draft as the newest version.

        Raises EscapesError where NG parts would newly pass that nobody accepted, and ConflictError where the draft has
        ended or the line was changed since.
        """
        require_short(request.reason)
        draft = self.drafts.draft(line, draft_id)
        if draft.ended_at is not None:
            return PromotionResult(self._store(draft, request))
        content = ReadableVersion(draft.pipeline, draft.golden)
        price = self.pricing.price(line, content)
        require_accepted([price], request.accepted, request.reason)
        live = self.qualifications.sets.states.version(line)
        right = keep_right(self.qualifications, live, content, request.author)
        return PromotionResult(self._store(draft, request), price, right)

    def _store(self, draft: Draft, request: PromotionRequest) -> int:
        reason, origin = request.reason or draft.reason, VersionOrigin.CONSOLE
        how = (request.author, draft.source, draft.base, reason, origin)
        declared = DeclaredVersion(draft.pipeline, draft.golden, *how)
        return self.drafts.store.promote(Promotion(draft.draft_id, declared, request.key)).version
