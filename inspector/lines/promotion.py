"""Make a draft live: priced, with its right to pass recomputed, and stored together with the end of the draft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from inspector.domain.line_version import VersionOrigin
from inspector.lines.change_effect import ChangeApproval, ChangeEffect, ChangeEffects
from inspector.lines.drafts import Drafts
from inspector.lines.states import require_short
from inspector.lines.versions import ReadableVersion
from inspector.ports.challenge import QualificationRecord
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
    """The new version, and its effect; None for a repeated request."""

    version: int
    effect: ChangeEffect | None = None


@dataclass(frozen=True, slots=True)
class Promotions:
    """Makes drafts live. Raises LedgerError, and InspectorError for an unknown line or draft."""

    drafts: Drafts
    effects: ChangeEffects

    def foresee(self, line: str, draft_id: str) -> ChangeEffect:
        """Return the effect that the promotion would have, and store nothing."""
        return self.effects.foresee(_content(self.drafts.draft(line, draft_id)))

    def promote(self, line: str, draft_id: str, request: PromotionRequest) -> PromotionResult:
        """Store the draft as the newest version.

        Raises EscapesError where NG parts would newly pass that nobody accepted, and ConflictError where the draft has
        ended or the line was changed since.
        """
        require_short(request.reason)
        draft = self.drafts.draft(line, draft_id)
        if draft.ended_at is not None:
            return PromotionResult(self._store(draft, request))
        approval = ChangeApproval(request.author, request.reason, request.accepted)
        effect = self.effects.approve(_content(draft), approval)
        return PromotionResult(self._store(draft, request, effect.proofs), effect)

    def _store(self, draft: Draft, request: PromotionRequest, proofs: tuple[QualificationRecord, ...] = ()) -> int:
        """Store the draft; one that came from a file is a version of that file."""
        origin = VersionOrigin.FILE if draft.source else VersionOrigin.CONSOLE
        how = (request.author, draft.source, draft.base, request.reason or draft.reason, origin)
        declared = DeclaredVersion(draft.pipeline, draft.golden, *how, proofs)
        return self.drafts.store.promote(Promotion(draft.draft_id, declared, request.key)).version


def _content(draft: Draft) -> ReadableVersion:
    return ReadableVersion(draft.pipeline, draft.golden)
