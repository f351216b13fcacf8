"""Fills an empty database with many parts at once, past the writer: for benchmarks of what reads them.

Rows go to the driver as they are (executemany, or COPY on PostgreSQL). Sums and truths are those of the writer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Engine, Table, select

from inspector.adapters.ledger.backup.restore import reset_counters
from inspector.adapters.ledger.database import open_engine
from inspector.adapters.ledger.measure import sample
from inspector.adapters.ledger.part_sums import (
    CountedDefect,
    CountedPart,
    Sums,
    change_sums,
    counted,
    counted_defects,
    sum_defects,
    sum_parts,
)
from inspector.adapters.ledger.rows import Row, defect_rows, evidence_row, part_row, vote_rows, words_row
from inspector.adapters.ledger.tables import (
    camera_minutes,
    cameras,
    defect_quarters,
    events,
    evidence,
    part_defects,
    part_minutes,
    part_quarters,
    parts,
    reports,
    reviews,
    truths,
    votes,
)
from inspector.domain.decision import Verdict
from inspector.domain.part import Evidence, PartRecord, PartState
from inspector.domain.report import NO_WORDS
from inspector.domain.review import ReviewLabel, ReviewMode
from inspector.errors import LedgerError
from inspector.ports.archive import MINUTE, MINUTES_KEPT, QUARTER
from inspector.utc import span_start

PAGE: Final = 10_000  # parts of one transaction
CACHE_KIB: Final = 512 * 1024  # of SQLite's connection: unique keys arrive in no order
REVIEWED_EVERY: Final = 50
PICTURED_EVERY: Final = 10
PARTS_PER_LOT: Final = 2_000
EVENTS: Final = 5_000
MINUTES_OF_CAMERAS: Final = 7 * 24 * 60
REVIEWERS: Final = ("ann", "bob", "cay")
BULK_LINES: Final = ("line0", "line1", "line2")
BULK_CAMERAS: Final = ("cam0", "cam1")
NotifyFilled = Callable[[int], None]  # parts stored so far


class BulkPlan(NamedTuple):
    """What to fill in: so many parts, spread over the time until `now`. Some parts show one of these pictures."""

    parts: int
    span: timedelta
    now: datetime
    pictures: Sequence[Evidence]

    def part(self, number: int) -> PartRecord:
        at = self.now - self.span * (1.0 - (number + 1) / self.parts)
        plain = sample(number)
        shown = self.pictures[number % len(self.pictures)] if number % PICTURED_EVERY == 3 and self.pictures else None
        return replace(
            plain,
            decided_at=at,
            received_at=at - timedelta(milliseconds=400),
            state=PartState.PUBLISHED,
            votes=plain.votes[:1],
            evidence=shown,
            received_sha256=f"{number:064x}",
            run=1,
            lot=lot_of(number),
            part_id=f"board-{number}",
            p_ng=_p_ng(number, plain),
        )


def lot_of(number: int) -> str:
    """Return the lot of a part."""
    return f"lot-{number // PARTS_PER_LOT}"


def _p_ng(number: int, part: PartRecord) -> float:
    """Return a p(NG) on the side of the verdict, most near its end."""
    doubt = (number * 7919 % 1000 / 1000.0) ** 4 / 2.0
    return 1.0 - doubt if part.decision.verdict is Verdict.NG else doubt


def fill_bulk(url: str, plan: BulkPlan, notify: NotifyFilled = lambda _: None) -> None:
    """Fill an empty database that has our tables. Raises LedgerError for one that holds parts."""
    engine = open_engine(url, writes=True, synchronous="NORMAL", busy_s=60.0)
    try:
        _require_empty(engine)
        with engine.begin() as connection:
            _insert(connection, evidence, [evidence_row(picture) for picture in plan.pictures])
        with _without_indexes(engine, parts, reviews):
            _fill_parts(engine, plan, notify)
        with engine.begin() as connection:
            _fill_cameras(connection, plan)
            _insert(connection, events, [_event(number, plan) for number in range(EVENTS)])
            reset_counters(connection)
    finally:
        engine.dispose()


@contextmanager
def _without_indexes(engine: Engine, *tables: Table[Any]) -> Iterator[None]:
    """Build the indexes of these tables afterwards, in order, which is many times as fast."""
    indexes = [index for table in tables for index in table.indexes]
    with engine.begin() as connection:
        for index in indexes:
            index.drop(connection)
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql(f"PRAGMA cache_size=-{CACHE_KIB}")
    yield
    with engine.begin() as connection:
        for index in indexes:
            index.create(connection)


def _fill_parts(engine: Engine, plan: BulkPlan, notify: NotifyFilled) -> None:
    sums = _Sums(plan.now)
    for first in range(0, plan.parts, PAGE):
        page = [(number + 1, plan.part(number)) for number in range(first, min(first + PAGE, plan.parts))]
        sums.add([part for _, part in page])
        with engine.begin() as connection:
            _insert_page(connection, page)
        notify(first + len(page))
    with engine.begin() as connection:
        sums.store(connection)


def _insert_page(connection: Connection, page: Sequence[tuple[int, PartRecord]]) -> None:
    _insert(connection, parts, [_part(number, part) for number, part in page])
    _insert(connection, votes, [row for number, part in page for row in vote_rows(number, part.votes)])
    worded = [(number, part) for number, part in page if part.words != NO_WORDS]
    _insert(connection, reports, [{"part": number} | words_row(part.words) for number, part in worded])
    _insert(connection, part_defects, [row for number, part in worded for row in defect_rows(number, part.words)])
    reviewed = [(number, part) for number, part in page if number % REVIEWED_EVERY == 0]
    _insert(connection, reviews, [_review(number, part) for number, part in reviewed])
    _insert(connection, truths, [_truth(number, part) for number, part in reviewed])


class _Sums:
    """The sums over all parts that were filled in."""

    def __init__(self, now: datetime) -> None:
        self._since = span_start(now - MINUTES_KEPT, timedelta(days=1))  # as a rebuild counts them: by whole days
        self._minutes: Sums = {}
        self._quarters: Sums = {}
        self._defects: list[CountedDefect] = []

    def add(self, added: Sequence[PartRecord]) -> None:
        self._add(list(map(counted, added)))
        for part in added:
            place = part.decided_at, part.key.line, part.key.camera
            self._defects += counted_defects(*place, part.words, is_simulated=part.is_simulated)

    def _add(self, added: Sequence[CountedPart]) -> None:
        sum_parts(added, QUARTER, self._quarters)
        sum_parts([part for part in added if part.decided_at >= self._since], MINUTE, self._minutes)

    def store(self, connection: Connection) -> None:
        change_sums(connection, part_minutes, self._minutes)
        change_sums(connection, part_quarters, self._quarters)
        change_sums(connection, defect_quarters, sum_defects(self._defects))


def _fill_cameras(connection: Connection, plan: BulkPlan) -> None:
    places = [(line, camera) for line in BULK_LINES for camera in BULK_CAMERAS]
    _insert(connection, cameras, [_camera(line, camera, plan) for line, camera in places])
    last = span_start(plan.now, MINUTE)
    minutes = [last - number * MINUTE for number in range(1, MINUTES_OF_CAMERAS + 1)]
    _insert(connection, camera_minutes, [_minute(*place, minute) for place in places for minute in minutes])


def _part(number: int, part: PartRecord) -> Row:
    reviewed_at = part.decided_at if number % REVIEWED_EVERY == 0 else None
    gate = {"acknowledged_at": None, "gate_disposition": None}
    return {"number": number} | part_row(part) | gate | {"reviewed_at": reviewed_at}


def _review(number: int, part: PartRecord) -> Row:
    review = number // REVIEWED_EVERY
    return {
        "number": review,
        "review_id": f"bulk-{number}",
        "part": number,
        "label": _label(number, part),
        "classes": ["scratch"] if part.decision.verdict is Verdict.NG else [],
        "boxes": [],
        "reviewer": REVIEWERS[review % len(REVIEWERS)],
        "at": part.decided_at + timedelta(minutes=5),
        "seconds": 4.0 + review % 7,
        "mode": ReviewMode.AUDIT,
        "blind": True,
        "probability": 1.0 / REVIEWED_EVERY,
        "note": "",
        "supersedes": None,
    }


def _truth(number: int, part: PartRecord) -> Row:
    at = part.decided_at + timedelta(minutes=5)
    known = {"state": "SINGLE", "label": _label(number, part), "reviews": 1, "by": f"bulk-{number}", "at": at}
    return {"part": number, "line": part.key.line, "announced": None, "announced_by": None} | known


def _label(number: int, part: PartRecord) -> ReviewLabel:
    """Return what the verdict says, except for one part in 700."""
    is_ng = (part.decision.verdict is Verdict.NG) != (number % 700 == 0)
    return ReviewLabel.NG if is_ng else ReviewLabel.OK


def _camera(line: str, camera: str, plan: BulkPlan) -> Row:
    frames = plan.parts // (len(BULK_LINES) * len(BULK_CAMERAS))
    seen = {"first_seen": plan.now - plan.span, "last_seen": plan.now}
    counts = {"frames": frames, "lost": 0, "last_seq": plan.parts, "run": 1, "resent": 0, "retained": 0}
    return {"line": line, "camera": camera, "known": True, "status": "online"} | seen | counts


def _minute(line: str, camera: str, minute: datetime) -> Row:
    counts = {"frames": 60, "lost": 0, "frozen": 0, "measured": 60, "sharpness": 6000.0, "luminance": 30.0}
    seen = {"width_px": 640, "height_px": 640, "picture_format": "JPEG", "skew_ms": 2.0, "mqtt_version": "5"}
    return {"line": line, "camera": camera, "minute": minute} | counts | seen


def _event(number: int, plan: BulkPlan) -> Row:
    at = plan.now - plan.span * (1.0 - (number + 1) / EVENTS)
    what = {"kind": "SEQUENCE_GAP", "severity": "ALARM", "text": "3 frame(s) never arrived", "at": at, "count": 1}
    return {"event_id": f"bulk-{number}", "line": BULK_LINES[number % 3], "camera": BULK_CAMERAS[number % 2]} | what


def _require_empty(engine: Engine) -> None:
    with engine.connect() as connection:
        if connection.execute(select(parts.c.number).limit(1)).first() is not None:
            raise LedgerError("this database holds parts; name an empty one to measure with")


def _insert(connection: Connection, table: Table[Any], rows: Sequence[Row]) -> None:
    """Hand rows to the driver. Row numbers that are left out are counted by the database."""
    if not rows:
        return
    names = [name for name in rows[0] if name in table.c]
    values = _driver_values(connection, table, names, rows)
    columns = ", ".join(f'"{name}"' for name in names)
    if connection.dialect.name == "postgresql":
        driver: Any = connection.connection.driver_connection
        with driver.cursor().copy(f"COPY {table.name} ({columns}) FROM STDIN") as copy:
            for row in values:
                copy.write_row(row)
        return
    marks = ", ".join("?" * len(names))
    connection.exec_driver_sql(f"INSERT INTO {table.name} ({columns}) VALUES ({marks})", list(values))


def _driver_values(
    connection: Connection, table: Table[Any], names: Sequence[str], rows: Sequence[Row]
) -> Iterator[tuple[Any, ...]]:
    dialect = connection.dialect
    kinds = [table.c[name].type for name in names]
    to_driver = [kind.dialect_impl(dialect).bind_processor(dialect) or _as_it_is for kind in kinds]
    for row in rows:
        yield tuple(convert(row[name]) for convert, name in zip(to_driver, names, strict=True))


def _as_it_is(value: Any) -> Any:
    return value
