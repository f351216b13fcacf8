"""Stores drafts of lines, and what they would have decided."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, func, insert, select, update

from inspector.adapters.ledger.audit import append_all_audits, append_audit
from inspector.adapters.ledger.database import ledger_errors, open_engine, read, upsert
from inspector.adapters.ledger.declarations import pipeline_of
from inspector.adapters.ledger.reads import load
from inspector.adapters.ledger.tables import drafts, parts, shadow_results
from inspector.domain.declared import Disposition
from inspector.errors import LedgerError
from inspector.ports.access import AuditEntry
from inspector.ports.archive import PartRow
from inspector.ports.drafts import Draft, ShadowComparison, ShadowDecision
from inspector.utc import utc_now


class SqlDraftStore:
    """`ports.DraftStore` for one database."""

    def __init__(self, url: str) -> None:
        self._engine = open_engine(url, writes=True)

    def close(self) -> None:
        self._engine.dispose()

    def add_draft(self, draft: Draft) -> None:
        with ledger_errors("the draft can't be stored"), self._engine.begin() as connection:
            _end(connection, draft.line, draft.author)
            newest = connection.scalar(select(func.max(parts.c.number))) or 0
            connection.execute(insert(drafts), _row(draft) | {"after": newest})
            append_audit(connection, _entry(draft))

    def end_draft(self, line: str, author: str) -> bool:
        with ledger_errors("the draft can't be ended"), self._engine.begin() as connection:
            return _end(connection, line, author)

    def comparison(self, line: str) -> ShadowComparison | None:
        return read(self._engine, _comparison, line)


def open_drafts(connection: Connection) -> list[Draft]:
    """Return the open drafts that this program can read."""
    rows = connection.execute(select(drafts).where(drafts.c.ended_at.is_(None)))
    return [draft for row in rows if (draft := _draft(row))]


def undecided(connection: Connection, draft: Draft, limit: int) -> list[PartRow]:
    done = connection.scalar(select(func.max(shadow_results.c.part)).where(shadow_results.c.draft == draft.draft_id))
    part = parts.c
    judged = (part.line == draft.line, part.pipeline_version == draft.base, part.vote_count > 0)
    newer = select(part.number).where(part.number > max(done or 0, draft.after), *judged)
    return load(connection, connection.scalars(newer.order_by(part.number).limit(limit)).all(), texts=False)


def add_shadow_decisions(connection: Connection, groups: Sequence[Sequence[ShadowDecision]]) -> list[None]:
    rows = [
        {"draft": each.draft_id, "part": each.part, "live": each.live, "drafted": each.drafted}
        for decisions in groups
        for each in decisions
    ]
    if rows:
        connection.execute(upsert(connection, shadow_results).on_conflict_do_nothing(), rows)
    return [None] * len(groups)


def _end(connection: Connection, line: str, author: str) -> bool:
    now, is_open = utc_now(), (drafts.c.line == line, drafts.c.ended_at.is_(None))
    ended = connection.scalars(update(drafts).where(*is_open).values(ended_at=now).returning(drafts.c.draft_id)).all()
    entries = (AuditEntry(author, "draft.end", f"{line}/{draft_id}", {}, now, line) for draft_id in ended)
    append_all_audits(connection, entries)
    return bool(ended)


def _comparison(connection: Connection, line: str) -> ShadowComparison | None:
    row = connection.execute(select(drafts).where(drafts.c.line == line, drafts.c.ended_at.is_(None))).first()
    if row is None:
        return None
    pair = (shadow_results.c.live, shadow_results.c.drafted)
    counted = select(*pair, func.count()).where(shadow_results.c.draft == row.draft_id).group_by(*pair)
    counts = {
        (Disposition(live), Disposition(drafted) if drafted else None): count
        for live, drafted, count in connection.execute(counted)
    }
    draft = _draft(row)
    if draft is None:
        raise LedgerError(
            f"the draft of {line} was stored under another grammar; run: inspector line drop-draft {line}"
        )
    return ShadowComparison(draft, counts)


def _entry(draft: Draft) -> AuditEntry:
    subject, detail = f"{draft.line}/{draft.draft_id}", {"base": draft.base, "reason": draft.reason}
    return AuditEntry(draft.author, "draft.add", subject, detail, draft.at, draft.line)


def _row(draft: Draft) -> dict[str, Any]:
    content = {"line": draft.line, "declaration": draft.pipeline.model_dump(mode="json"), "golden": list(draft.golden)}
    names = ("draft_id", "base", "author", "reason", "source", "at")
    return content | {name: getattr(draft, name) for name in names}


def _draft(row: Any) -> Draft | None:
    """Return the draft; None for one that was stored under another grammar."""
    try:
        pipeline, golden = pipeline_of(row.declaration), tuple(row.golden)
    except ValidationError:
        return None
    how = (row.base, row.author, row.reason, row.source, row.at, row.after)
    return Draft(row.draft_id, pipeline, golden, *how)
