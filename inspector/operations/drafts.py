"""Make and show drafts of lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from inspector.adapters.ledger import SqlArchive, SqlDraftStore
from inspector.errors import InspectorError
from inspector.lines.change_effect import ChangeEffects
from inspector.lines.drafts import Drafts
from inspector.lines.pricing import Pricing
from inspector.lines.promotion import PromotionRequest, Promotions
from inspector.lines.versions import Versions
from inspector.operations.apply import LineChange
from inspector.operations.line_states import user_name
from inspector.operations.qualification import qualifications
from inspector.operations.stored_change import StoredChange
from inspector.ports.drafts import Draft, ShadowComparison
from inspector.settings import Settings


class PromotedDraft(NamedTuple):
    """A promotion, and what the draft decided in the shadow before it."""

    change: StoredChange
    comparison: ShadowComparison

    def as_json(self) -> dict[str, Any]:
        return self.change.as_json() | {"shadow": as_json(self.comparison)}


@contextmanager
def drafts_of(database: str) -> Iterator[Drafts]:
    """Yield the drafts of this installation. Raises LedgerError."""
    with closing(SqlArchive(database)) as archive, closing(SqlDraftStore(database)) as store:
        yield Drafts(Versions(archive), store)


def store_drafts(changes: Sequence[LineChange], database: str, reason: str) -> list[Draft]:
    """Make a draft of every changed line. Raises InspectorError for a line that a draft can't be made of."""
    with drafts_of(database) as drafts:
        return [
            drafts.add(
                change.content,
                user_name(),
                reason,
                Path(change.declared.file).read_text(encoding="utf-8-sig"),
            )
            for change in changes
            if change.is_changed
        ]


def as_json(comparison: ShadowComparison) -> dict[str, Any]:
    draft = comparison.draft
    counts = sorted(
        (str(live), str(drafted or "unknown"), count) for (live, drafted), count in comparison.parts.items()
    )
    return {
        "line": draft.line,
        "base": draft.base,
        "author": draft.author,
        "reason": draft.reason,
        "at": draft.at,
        "parts": comparison.total,
        "differ": comparison.differ,
        "unknown": comparison.unknown,
        "dispositions": [{"live": live, "draft": drafted, "parts": count} for live, drafted, count in counts],
    }


def promote_draft(
    settings: Settings, line: str, request: PromotionRequest, *, needs_shadow: bool, dry_run: bool
) -> PromotedDraft:
    """Make the open draft of a line live.

    Raises InspectorError where there is none, where it decided on no parts though `needs_shadow`, and where NG parts
    would newly pass that nobody accepted.
    """
    database = settings.database
    with closing(SqlArchive(database)) as archive, drafts_of(database) as drafts, qualifications(settings) as proofs:
        comparison = drafts.comparison(line)
        if needs_shadow and not comparison.total:
            raise InspectorError(
                f"the draft of {line} decided on no parts in the shadow yet; let the line run, or add --without-shadow"
            )
        service = Promotions(drafts, ChangeEffects(Pricing.over(archive), proofs))
        identity = comparison.draft.draft_id
        result = None if dry_run else service.promote(line, identity, request)
        effect = (result and result.effect) or service.foresee(line, identity)
        change = StoredChange(result and result.version, effect, proofs.sets.states.view(line))
        return PromotedDraft(change, comparison)
