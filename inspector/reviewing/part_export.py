"""Export parts as CSV, for spreadsheets and tools that read tables, or as JSON lines.

Every cell of the CSV holds its value whole: ids come from the record, not from the verdict, which is short for gates.
Text is made harmless as `formula_cells` says.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from typing import Any, Final, NamedTuple

from inspector.domain.review import Review
from inspector.messages.outgoing import report_message
from inspector.ports.archive import Archive, PartFilter, PartReviews, PartRow
from inspector.reviewing.formula_cells import without_formula

PARTS_PER_QUERY: Final = 500


class ReviewedPart(NamedTuple):
    """One listed part with its reviews; None where nobody has reviewed it."""

    row: PartRow
    reviews: PartReviews | None


COLUMNS: Final[dict[str, Callable[[ReviewedPart], Any]]] = {
    "result_id": lambda each: each.row.part.result_id,
    "trigger_id": lambda each: each.row.part.key.trigger_id,
    "part_id": lambda each: each.row.part.part_id,
    "product": lambda each: each.row.part.product,
    "lot": lambda each: each.row.part.lot,
    "line": lambda each: each.row.part.key.line,
    "camera": lambda each: each.row.part.key.camera,
    "seq": lambda each: each.row.part.seq,
    "run": lambda each: each.row.part.run,
    "captured_at": lambda each: each.row.part.captured_at,
    "received_at": lambda each: each.row.part.received_at,
    "decided_at": lambda each: each.row.part.decided_at,
    "verdict": lambda each: each.row.part.decision.verdict,
    "disposition": lambda each: each.row.part.decision.disposition,
    "reason": lambda each: each.row.part.decision.reason,
    "detail": lambda each: each.row.part.decision.detail,
    "line_state": lambda each: each.row.part.line_state,
    "would_be_verdict": lambda each: each.row.part.would_be.verdict,
    "would_be_disposition": lambda each: each.row.part.would_be.disposition,
    "p_ng": lambda each: _rounded(each.row.part.p_ng, 6),
    "agreement": lambda each: _rounded(each.row.part.agreement, 6),
    "votes": lambda each: len(each.row.part.votes),
    "rungs": lambda each: each.row.part.rungs,
    "stopped_by": lambda each: each.row.part.stopped_by,
    "defect": lambda each: _main(each, "defect"),
    "severity": lambda each: _main(each, "severity"),
    "bbox_norm": lambda each: _box(each),
    "description": lambda each: _main(each, "description"),
    "latency_ms": lambda each: round(each.row.part.latency_ms, 1),
    "deadline_ms": lambda each: round(each.row.part.deadline_ms, 1),
    "late": lambda each: each.row.part.late,
    "is_simulated": lambda each: each.row.part.is_simulated,
    "pipeline_version": lambda each: each.row.part.pipeline.version,
    "fingerprint": lambda each: each.row.part.pipeline.fingerprint,
    "evidence_sha256": lambda each: each.row.part.evidence and each.row.part.evidence.sha256,
    "traceparent": lambda each: each.row.part.traceparent,
    "template": lambda each: each.row.part.template,
    "reviews": lambda each: each.reviews.truth.reviews if each.reviews else 0,
    "truth": lambda each: each.reviews and each.reviews.truth.label,
    "truth_state": lambda each: each.reviews and each.reviews.truth.state,
    "review_by": lambda each: each.reviews and each.reviews.truth.by.reviewer,
    "review_at": lambda each: each.reviews and each.reviews.truth.by.at,
    "review_mode": lambda each: each.reviews and each.reviews.truth.by.mode,
    "review_classes": lambda each: each.reviews and " ".join(each.reviews.truth.by.classes),
    "review_note": lambda each: each.reviews and each.reviews.truth.by.note,
}


def exported_parts(archive: Archive, wanted: PartFilter, limit: int | None) -> Iterator[ReviewedPart]:
    """Iterate over parts with their reviews, newest first; `limit` None reads all."""
    for page in _pages(archive, wanted, limit):
        reviews = archive.reviews_of([row.number for row in page])
        yield from (ReviewedPart(row, reviews.get(row.number)) for row in page)


def json_lines(parts: Iterable[ReviewedPart]) -> Iterator[str]:
    """Yield one line for each part: its report (inspector.report/1), its truth and all its reviews."""
    for each in parts:
        report = report_message(each.row.part).model_dump(mode="json", by_alias=True)
        yield json.dumps({"report": report, **_reviews_json(each.reviews)}, ensure_ascii=False) + "\n"


def csv_lines(parts: Iterable[ReviewedPart]) -> Iterator[str]:
    """Yield the header, then one line for each part: verdict, main finding and truth."""
    row = _CsvRow()
    yield row.written(COLUMNS)
    for each in parts:
        yield row.written([_cell(value(each)) for value in COLUMNS.values()])


class _CsvRow:
    """Writes single rows as text."""

    def __init__(self) -> None:
        self._out = io.StringIO(newline="")
        self._writer = csv.writer(self._out)

    def written(self, cells: Iterable[Any]) -> str:
        self._writer.writerow(cells)
        text = self._out.getvalue()
        self._out.seek(0)
        self._out.truncate()
        return text


def _reviews_json(reviews: PartReviews | None) -> dict[str, Any]:
    if reviews is None:
        return {"truth": None, "reviews": []}
    truth = reviews.truth
    summary = {"state": truth.state, "label": truth.label, "reviews": truth.reviews, "by": truth.by.review_id}
    return {"truth": summary, "reviews": [_review_json(each) for each in reviews.reviews]}


def _review_json(review: Review) -> dict[str, Any]:
    boxes = [{"bbox_norm": list(box.bbox_norm), "defect": box.defect} for box in review.boxes]
    return asdict(review) | {"at": review.at.isoformat(), "boxes": boxes}


def _pages(archive: Archive, wanted: PartFilter, limit: int | None) -> Iterator[list[PartRow]]:
    left = limit
    while left is None or left > 0:
        page = archive.parts(wanted, PARTS_PER_QUERY if left is None else min(PARTS_PER_QUERY, left))
        if not page:
            return
        yield page
        wanted = wanted._replace(before=page[-1].number)
        left = None if left is None else left - len(page)


def _cell(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return without_formula(str(value)) if isinstance(value, str) else value


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _main(each: ReviewedPart, field: str) -> Any:
    main = each.row.part.words.main
    return main and getattr(main, field)


def _box(each: ReviewedPart) -> str | None:
    box = _main(each, "bbox_norm")
    return json.dumps(box) if box else None
