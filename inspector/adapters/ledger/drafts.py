"""Stores drafts of lines, and what they would have decided."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pydantic import ValidationError
from sqlalchemy import Connection, func, insert, select, update

from inspector.adapters.ledger.audit import append_all_audits, append_audit
from inspector.adapters.ledger.database import ledger_errors, open_engine, read, upsert
from inspector.adapters.ledger.declarations import pipeline_of
from inspector.adapters.ledger.reads import load
from inspector.adapters.ledger.tables import drafts, is_open_draft, parts, shadow_results
from inspector.adapters.ledger.version_lock import wait_for_others
from inspector.adapters.ledger.versions import newest_version, store_declared
from inspector.domain.declared import Disposition
from inspector.errors import ConflictError, LedgerError
from inspector.ports.access import AuditEntry
from inspector.ports.archive import PartRow
from inspector.ports.drafts import Draft, OpenDraft, Promotion, ShadowComparison, ShadowDecision
from inspector.ports.lines import NewVersion
from inspector.utc import utc_now

MAX_CONNECTIONS: Final = 4


class SqlDraftStore:
    """`ports.DraftStore` for one database."""

    def __init__(self, url: str) -> None:
        self._engine = open_engine(url, writes=True, connections=MAX_CONNECTIONS)

    def close(self) -> None:
        self._engine.dispose()

    def add_draft(self, draft: Draft, known: OpenDraft | None = None) -> None:
        with ledger_errors("the draft can't be stored"), self._engine.begin() as connection:
            wait_for_others(connection)
            _require_base(connection, draft)
            _require_known(connection, draft.line, known)
            _end(connection, draft.line, draft.author)
            newest = connection.scalar(select(func.max(parts.c.number))) or 0
            connection.execute(insert(drafts), _row(draft) | {"after": newest})
            append_audit(connection, _entry(draft))

    def end_draft(self, line: str, author: str, draft_id: str | None = None) -> bool:
        with ledger_errors("the draft can't be ended"), self._engine.begin() as connection:
            return _end(connection, line, author, draft_id)

    def draft(self, line: str, draft_id: str) -> Draft | None:
        return read(self._engine, _by_id, line, draft_id)

    def drafts(self, line: str, limit: int) -> list[Draft]:
        return read(self._engine, _newest, line, limit)

    def promote(self, promotion: Promotion) -> NewVersion:
        with ledger_errors("the draft can't be made live"), self._engine.begin() as connection:
            wait_for_others(connection)
            return _promote(connection, promotion)

    def comparison(self, line: str, draft_id: str | None = None) -> ShadowComparison | None:
        return read(self._engine, _comparison, line, draft_id)


def open_drafts(connection: Connection) -> list[Draft]:
    """Return the open drafts that this program can read and that decide on the votes of their base."""
    rows = connection.execute(select(drafts).where(is_open_draft, drafts.c.rescores.is_(False)))
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


def _end(connection: Connection, line: str, author: str, draft_id: str | None = None) -> bool:
    now, is_open = utc_now(), [drafts.c.line == line, is_open_draft]
    if draft_id is not None:
        is_open.append(drafts.c.draft_id == draft_id)
    ended = connection.scalars(update(drafts).where(*is_open).values(ended_at=now).returning(drafts.c.draft_id)).all()
    entries = (AuditEntry(author, "draft.end", f"{line}/{draft_id}", {}, now, line) for draft_id in ended)
    append_all_audits(connection, entries)
    return bool(ended)


def _require_base(connection: Connection, draft: Draft) -> None:
    live = newest_version(connection, draft.line)
    if live != draft.base:
        raise ConflictError(
            f"{draft.line}: the draft is based on version {draft.base}, but version {live} is live; carry the change "
            "over to it"
        )


def _require_known(connection: Connection, line: str, known: OpenDraft | None) -> None:
    """Refuse a draft whose author does not know the one that it would end."""
    if known is None:
        return
    of_line = select(drafts.c.draft_id, drafts.c.author).where(drafts.c.line == line, is_open_draft)
    row = connection.execute(of_line).first()
    if (row.draft_id if row else None) != known.draft_id:
        now = f"{row.author} saved draft {row.draft_id}" if row else "its draft has ended"
        raise ConflictError(f"{line}: {now} meanwhile; look at it and repeat")


def _promote(connection: Connection, promotion: Promotion) -> NewVersion:
    declared, draft_id = promotion.declared, promotion.draft_id
    line = declared.pipeline.line
    row = connection.execute(select(drafts).where(drafts.c.line == line, drafts.c.draft_id == draft_id)).one()
    if row.version is not None and promotion.key and row.promotion_key == promotion.key:
        return NewVersion(line, row.version)
    if row.ended_at is not None:
        raise ConflictError(f"{line}: draft {draft_id} has ended; make a new one")
    stored = store_declared(connection, [declared])
    if not stored:
        raise ConflictError(f"{line}: the draft is what is live already")
    _end(connection, line, declared.author)
    became = {"version": stored[0].version, "promotion_key": promotion.key or None}
    connection.execute(update(drafts).where(drafts.c.draft_id == draft_id).values(became))
    return stored[0]


def _by_id(connection: Connection, line: str, draft_id: str) -> Draft | None:
    row = connection.execute(select(drafts).where(drafts.c.line == line, drafts.c.draft_id == draft_id)).first()
    return _draft(row) if row else None


def _newest(connection: Connection, line: str, limit: int) -> list[Draft]:
    of_line = select(drafts).where(drafts.c.line == line).order_by(drafts.c.at.desc()).limit(limit)
    return [draft for row in connection.execute(of_line) if (draft := _draft(row))]


def _comparison(connection: Connection, line: str, draft_id: str | None) -> ShadowComparison | None:
    chosen = is_open_draft if draft_id is None else drafts.c.draft_id == draft_id
    row = connection.execute(select(drafts).where(drafts.c.line == line, chosen)).first()
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
        raise LedgerError(f"the draft of {line} was stored under another grammar; run: inspector draft end {line}")
    return ShadowComparison(draft, counts)


def _entry(draft: Draft) -> AuditEntry:
    subject, detail = f"{draft.line}/{draft.draft_id}", {"base": draft.base, "reason": draft.reason}
    return AuditEntry(draft.author, "draft.add", subject, detail, draft.at, draft.line)


def _row(draft: Draft) -> dict[str, Any]:
    content = {"line": draft.line, "declaration": draft.pipeline.model_dump(mode="json"), "golden": list(draft.golden)}
    names = ("draft_id", "base", "author", "reason", "source", "at", "rescores")
    return content | {name: getattr(draft, name) for name in names}


def _draft(row: Any) -> Draft | None:
    """Return the draft; None for one that was stored under another grammar."""
    try:
        pipeline, golden = pipeline_of(row.declaration), tuple(row.golden)
    except ValidationError:
        return None
    how = (row.base, row.author, row.reason, row.source, row.at, row.after, row.rescores, row.ended_at, row.version)
    return Draft(row.draft_id, pipeline, golden, *how)
