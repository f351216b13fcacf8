"""Export parts whose truth is known as a COCO data set: pictures, boxes, and labels of whole pictures.

COCO has no label for a whole picture. Each image carries `label` (OK or NG) and `classes`, and `labels.csv` holds the
same as rows that `inspector replay`, `challenge add` and `eval` read. A class without a box makes no annotation: a box
that nobody drew would teach a wrong place.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from inspector.domain.part import Evidence, PartRecord
from inspector.domain.picture_format import FORMATS, picture_format
from inspector.domain.report import OTHER_CLASS, Box
from inspector.domain.review import ReviewBox
from inspector.domain.truth import Truth
from inspector.ports.archive import PartReviews, PartRow
from inspector.ports.evidence import EvidenceStore
from inspector.ports.reviews import ReviewArchive
from inspector.reviewing.formula_cells import without_formula

ANNOTATIONS_FILE: Final = "annotations.json"
LABELS_FILE: Final = "labels.csv"
PICTURE_FOLDER: Final = "images"
PARTS_PER_QUERY: Final = 200
LABEL_COLUMNS: Final = ("image", "verdict", "group", "defect", "boxes")


class ExportedFile(NamedTuple):
    """One file of the data set: its path inside it, and its bytes."""

    path: str
    data: bytes


@dataclass
class CocoDataSet:
    """The document as it grows. Parts without a stored picture, or with one of unknown size, are counted and left out.

    `classes` are the line's defect classes with their severities.
    """

    line: str
    classes: Mapping[str, str]
    now: datetime
    images: list[dict[str, Any]] = field(default_factory=list)
    annotations: list[dict[str, Any]] = field(default_factory=list)
    rows: list[tuple[str, ...]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def files(self, archive: ReviewArchive, evidence: EvidenceStore, limit: int | None) -> Iterator[ExportedFile]:
        """Yield each picture, then the labels and the annotations."""
        for row, reviews in _known_parts(archive, self.line, limit):
            if (picture := self._add(row, reviews, evidence)) is not None:
                yield picture
        yield ExportedFile(LABELS_FILE, self._labels())
        yield ExportedFile(ANNOTATIONS_FILE, self._document())

    def _add(self, row: PartRow, reviews: PartReviews, evidence: EvidenceStore) -> ExportedFile | None:
        stored, truth = row.part.evidence, reviews.truth
        data = _bytes(evidence, stored)
        if stored is None or data is None or not (stored.width_px and stored.height_px):
            self.counts["left_out"] += 1
            return None
        kind = picture_format(data)
        name = f"{row.number:09d}.{FORMATS[kind].suffix if kind else 'bin'}"
        self.images.append(_image(row.part, stored, truth, row.number, name))
        boxes = [_pixels(box.bbox_norm, stored) for box in truth.by.boxes]
        self._annotate(row.number, truth, boxes)
        self.rows.append(_label_row(f"{PICTURE_FOLDER}/{name}", row.part, truth, boxes))
        self.counts[str(truth.label).lower()] += 1
        return ExportedFile(f"{PICTURE_FOLDER}/{name}", data)

    def _annotate(self, image: int, truth: Truth, boxes: Iterable[tuple[float, ...]]) -> None:
        for marked, (x0, y0, x1, y1) in zip(truth.by.boxes, boxes, strict=True):
            where = [round(each, 2) for each in (x0, y0, x1 - x0, y1 - y0)]
            self.annotations.append(
                {
                    "id": len(self.annotations) + 1,
                    "image_id": image,
                    "category_id": self._categories().index(_class_of(marked, truth)) + 1,
                    "bbox": where,
                    "area": round(where[2] * where[3], 2),
                    "iscrowd": 0,
                    "segmentation": [],
                }
            )

    def _categories(self) -> list[str]:
        return [*self.classes, OTHER_CLASS]

    def _document(self) -> bytes:
        named = enumerate(self._categories(), 1)
        document = {
            "info": {"description": f"reviewed parts of line {self.line}", "date_created": self.now.isoformat()},
            "licenses": [],
            "categories": [
                {"id": number, "name": name, "supercategory": self.classes.get(name, OTHER_CLASS)}
                for number, name in named
            ],
            "images": self.images,
            "annotations": self.annotations,
        }
        return json.dumps(document, ensure_ascii=False, indent=1).encode()

    def _labels(self) -> bytes:
        out = io.StringIO(newline="")
        writer = csv.writer(out)
        writer.writerow(LABEL_COLUMNS)
        writer.writerows(self.rows)
        return out.getvalue().encode()


def _known_parts(archive: ReviewArchive, line: str, limit: int | None) -> Iterator[tuple[PartRow, PartReviews]]:
    """Iterate over the line's parts whose truth is OK or NG, newest first."""
    before, left = None, limit
    while left is None or left > 0:
        page = archive.known_parts(line, before, PARTS_PER_QUERY if left is None else min(left, PARTS_PER_QUERY))
        if not page:
            return
        yield from page
        before, left = page[-1][0].number, None if left is None else left - len(page)


def _bytes(evidence: EvidenceStore, stored: Evidence | None) -> bytes | None:
    try:
        return evidence.get(stored.sha256) if stored else None
    except KeyError:
        return None


def _image(part: PartRecord, stored: Evidence, truth: Truth, number: int, name: str) -> dict[str, Any]:
    return {
        "id": number,
        "file_name": f"{PICTURE_FOLDER}/{name}",
        "width": stored.width_px,
        "height": stored.height_px,
        "date_captured": (part.captured_at or part.received_at).isoformat(),
        "label": truth.label,
        "classes": list(truth.by.classes),
        "truth_state": truth.state,
        "result_id": part.result_id,
        "part_id": part.part_id,
        "lot": part.lot,
        "camera": part.key.camera,
    }


def _label_row(path: str, part: PartRecord, truth: Truth, boxes: list[tuple[float, ...]]) -> tuple[str, ...]:
    group, classes = without_formula(part.part_id or ""), " ".join(truth.by.classes)
    return path, str(truth.label).lower(), group, classes, json.dumps([list(box) for box in boxes])


def _pixels(box: Box, stored: Evidence) -> tuple[float, ...]:
    scale = (stored.width_px, stored.height_px) * 2
    return tuple(round(corner * side, 2) for corner, side in zip(box, scale, strict=True))


def _class_of(marked: ReviewBox, truth: Truth) -> str:
    """Return the class of a box: its own, or the only one of the review."""
    if marked.defect is not None:
        return marked.defect
    return truth.by.classes[0] if len(truth.by.classes) == 1 else OTHER_CLASS
