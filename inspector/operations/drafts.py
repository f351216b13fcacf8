"""Make and show drafts of lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from inspector.adapters.ledger import SqlArchive, SqlDraftStore
from inspector.lines.drafts import Drafts
from inspector.lines.versions import Versions
from inspector.operations.apply import LineChange
from inspector.operations.line_states import user_name
from inspector.ports.drafts import Draft, ShadowComparison


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
