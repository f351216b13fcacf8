"""Appends people's reviews, with the truth of their parts and the messages for the line, in one transaction.

A group of reviews costs a few statements, however many it has: the stations' writes wait meanwhile.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from inspector.adapters.ledger.audit import append_all_audits
from inspector.adapters.ledger.database import ledger_errors, open_engine, upsert, value_pages
from inspector.adapters.ledger.rows import Row, outbox_rows, review_of, review_row
from inspector.adapters.ledger.tables import outbox, parts, review_leases, reviews, truths
from inspector.domain.declared import Disposition
from inspector.domain.review import Review, ReviewMode
from inspector.domain.truth import VERDICTS, Truth, TruthState, disposition_change, truth_of
from inspector.errors import ConflictError, NotFoundError, StaleError
from inspector.messages.outgoing import ReviewMessage, to_json
from inspector.messages.topics import Topics
from inspector.ports.access import AuditEntry
from inspector.ports.broker import OutgoingMessage
from inspector.ports.reviews import ReviewChange, StoredReview
from inspector.reviewing.truths import accepted

CHANGING_COLUMNS: Final = ("state", "label", "reviews", "by", "at", "announced", "announced_by")  # of a truth
MESSAGE_ID_SUFFIX: Final = ":review"  # no result_id, report or reply ends like this


class LockedPart(NamedTuple):
    """A part under review, locked: its row, and the disposition announced to its line."""

    number: int
    row: Any
    announced: str | None
    announced_by: str | None

    @property
    def received(self) -> Disposition:
        """The newest disposition that the line received."""
        return Disposition(self.announced or self.row.disposition)


class TruthChange(NamedTuple):
    """A reviewed part with its newest review, and the truth after that."""

    part: LockedPart
    newest: Review
    truth: Truth

    @property
    def announced(self) -> Disposition | None:
        """The disposition to announce to the line now."""
        return disposition_change(self.part.received, bool(self.part.announced), self.truth)


class SqlReviewStore:
    """`ports.ReviewStore` for one database. Thread-safe; `topics` are those of the line's messages."""

    def __init__(self, url: str, topics: Topics) -> None:
        self._engine = open_engine(url, writes=True)
        self._topics = topics

    def close(self) -> None:
        self._engine.dispose()

    def add_reviews(self, change: ReviewChange) -> list[StoredReview]:
        with ledger_errors("the reviews can't be stored"), self._engine.begin() as connection:
            return add_reviews(connection, self._topics, change)


def add_reviews(connection: Connection, topics: Topics, change: ReviewChange) -> list[StoredReview]:
    held = _locked_parts(connection, [review.result_id for review in change.reviews])
    rows = _rows_of(connection, held.values())
    known = _known(connection, [review.review_id for review in change.reviews])
    is_repeat = all(review.review_id in known for review in change.reviews)
    if change.seen is not None and not is_repeat and any(len(each) != change.seen for each in rows.values()):
        raise StaleError("somebody else reviewed this part meanwhile; read its reviews again and repeat your answer")
    added = [_append(review, rows[review.result_id], known) for review in change.reviews]
    new = [review for review, is_new in added if is_new]
    newest = {review.result_id: review for review in new}
    if new:
        changes = [TruthChange(held[each], review, truth_of(rows[each])) for each, review in newest.items()]
        _store(connection, topics, new, changes)
    return [StoredReview(review, truth_of(rows[review.result_id]), is_new) for review, is_new in added]


def _append(review: Review, earlier: list[Review], known: dict[str, Review]) -> tuple[Review, bool]:
    """Append the review to its part's rows unless it is there already; return it as stored, and whether it is new."""
    if (stored := known.get(review.review_id)) is not None:
        if not review.repeats(stored):
            raise ConflictError(f"review_id {review.review_id} belongs to another review; choose a new one")
        return stored, False
    appended = accepted(review, earlier)
    earlier.append(appended)
    known[appended.review_id] = appended
    return appended, True


def _store(connection: Connection, topics: Topics, new: Sequence[Review], changes: Sequence[TruthChange]) -> None:
    numbers = {each.part.row.result_id: each.part.number for each in changes}
    connection.execute(insert(reviews), [review_row(numbers[review.result_id], review) for review in new])
    _put_truths(connection, changes)
    messages = [_message(topics, each, each.announced) for each in changes if each.announced]
    if messages:
        connection.execute(insert(outbox), messages)
    _mark(connection, changes)
    _end_leases(connection, changes)
    lines = {each.part.row.result_id: each.part.row.line for each in changes}
    append_all_audits(connection, _audit_entries(new, lines))


def _audit_entries(new: Sequence[Review], lines: Mapping[str, str]) -> Iterator[AuditEntry]:
    """Yield an entry for each review; reviews from a file share one for each line and reviewer."""
    imported: Counter[tuple[str, str]] = Counter()
    for review in new:
        if review.mode is ReviewMode.IMPORT:
            imported[review.reviewer, lines[review.result_id]] += 1
        else:
            yield _audit_entry(review, lines[review.result_id])
    for (reviewer, line), count in imported.items():
        yield AuditEntry(reviewer, "review.import", line, {"reviews": count}, new[-1].at, line)


def _audit_entry(review: Review, line: str) -> AuditEntry:
    action = "review.withdraw" if review.is_withdrawal else "review.add"
    detail = {name: getattr(review, name) for name in ("review_id", "label", "mode", "supersedes")}
    return AuditEntry(review.reviewer, action, review.result_id, detail, review.at, line)


def _locked_parts(connection: Connection, result_ids: Sequence[str]) -> dict[str, LockedPart]:
    """Return the parts by result_id. Nobody else reviews them before this transaction ends."""
    part, truth = parts.c, truths.c
    wanted = select(
        part.number, part.result_id, part.line, part.camera, part.trigger_id, part.part_id, part.disposition
    )
    rows = [
        row
        for some in value_pages(sorted(set(result_ids)))
        for row in connection.execute(
            wanted.where(part.result_id.in_(some)).order_by(part.number).with_for_update(of=parts)
        )
    ]
    announced = select(truth.part, truth.announced, truth.announced_by)
    known = {
        row.part: row
        for some in value_pages([row.number for row in rows])
        for row in connection.execute(announced.where(truth.part.in_(some)))
    }
    held = {row.result_id: _locked_part(row, known.get(row.number)) for row in rows}
    if unknown := next((each for each in result_ids if each not in held), None):
        raise NotFoundError(f"no part has the result_id {unknown!r}; nothing was stored")
    return held


def _locked_part(row: Any, truth: Any) -> LockedPart:
    return LockedPart(row.number, row, truth and truth.announced, truth and truth.announced_by)


def _rows_of(connection: Connection, held: Iterable[LockedPart]) -> dict[str, list[Review]]:
    found: dict[str, list[Review]] = defaultdict(list)
    names = {each.number: each.row.result_id for each in held}
    found |= {result_id: [] for result_id in names.values()}
    every = select(reviews, parts.c.result_id).join(parts, parts.c.number == reviews.c.part).order_by(reviews.c.number)
    for some in value_pages(list(names)):
        for row in connection.execute(every.where(reviews.c.part.in_(some))):
            found[row.result_id].append(review_of(row))
    return found


def _known(connection: Connection, review_ids: Sequence[str]) -> dict[str, Review]:
    """Return the reviews that are stored already under these ids."""
    every = select(reviews, parts.c.result_id).join(parts, parts.c.number == reviews.c.part)
    return {
        row.review_id: review_of(row)
        for some in value_pages(review_ids)
        for row in connection.execute(every.where(reviews.c.review_id.in_(some)))
    }


def _put_truths(connection: Connection, changes: Sequence[TruthChange]) -> None:
    new = upsert(connection, truths)
    changed = {name: new.excluded[name] for name in CHANGING_COLUMNS}
    stored = new.on_conflict_do_update(index_elements=[truths.c.part], set_=changed)
    connection.execute(stored, [_truth_row(each) for each in changes])


def _truth_row(change: TruthChange) -> Row:
    part, newest, truth = change
    announced = change.announced
    return {
        "part": part.number,
        "line": part.row.line,
        "state": truth.state,
        "label": truth.label,
        "reviews": truth.reviews,
        "by": truth.by.review_id,
        "at": newest.at,
        "announced": announced or part.announced,
        "announced_by": newest.review_id if announced else part.announced_by,
    }


def _message(topics: Topics, change: TruthChange, disposition: Disposition) -> Row:
    """Build the outbox row of the message that tells the line about a part's new disposition."""
    row, newest, truth = change.part.row, change.newest, change.truth
    message = ReviewMessage(
        review_id=newest.review_id,
        result_id=row.result_id,
        trigger_id=row.trigger_id,
        part_id=row.part_id,
        verdict=VERDICTS[disposition],
        disposition=disposition,
        reviewer=truth.by.reviewer if truth.disposition else newest.reviewer,
        supersedes=change.part.announced_by,
        at=newest.at,
    )
    message_id, topic = f"{newest.review_id}{MESSAGE_ID_SUFFIX}", topics.review(row.line, row.camera)
    outgoing = OutgoingMessage(message_id, topic, to_json(message), review=newest.review_id)
    return outbox_rows(change.part.number, row.line, [outgoing])[0]


def _mark(connection: Connection, changes: Sequence[TruthChange]) -> None:
    """Mark reviewed parts: their pictures stay, and they leave the queue. Without a standing answer they come back."""
    rows = [
        {"reviewed": part.number, "when": None if truth.state is TruthState.WITHDRAWN else newest.at}
        for part, newest, truth in changes
    ]
    marked = update(parts).where(parts.c.number == bindparam("reviewed")).values(reviewed_at=bindparam("when"))
    connection.execute(marked, rows)


def _end_leases(connection: Connection, changes: Sequence[TruthChange]) -> None:
    lease = review_leases.c
    ended = delete(review_leases).where(lease.part == bindparam("reviewed"), lease.reviewer == bindparam("author"))
    connection.execute(ended, [{"reviewed": each.part.number, "author": each.newest.reviewer} for each in changes])
