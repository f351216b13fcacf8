"""The text of a defect report: the schema for the model, and a strict reader of its answer. Pure.

Engines enforce the schema where they can, but the model's text is never trusted. Text that does not parse is stored as
it is and marked UNPARSABLE; reading never raises.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

from inspector.domain.cameras import Region
from inspector.domain.declared import Severity
from inspector.domain.pipeline import Pipeline
from inspector.domain.thoughts import without_thought
from inspector.text import printable

BOX_GRID: Final = 1000.0  # Qwen3-VL gives box corners on a 0..1000 grid
MAX_FINDINGS: Final = 8  # per part
MAX_TEXT_CHARS: Final = 2000  # of the model's text; the rest is cut
NO_DEFECT_CLASS: Final = "none"  # the class name for a part without a defect
OTHER_CLASS: Final = "other"  # the class name for a defect of no declared class
NO_DEFECT_WORDS: Final = frozenset({"none", "null", "no", "no_defect", "no_defects", "ok", "good"})


class Box(NamedTuple):
    """x0, y0, x1, y1 normalised to 0..1, with x1 > x0 and y1 > y0."""

    x0: float
    y0: float
    x1: float
    y1: float

    def to_frame(self, window: Box) -> Box:
        """Convert this box of a detail to the whole picture, of which the detail shows `window`."""
        wide, high = window.x1 - window.x0, window.y1 - window.y0
        x0, x1 = (window.x0 + x * wide for x in (self.x0, self.x1))
        y0, y1 = (window.y0 + y * high for y in (self.y0, self.y1))
        return Box(x0, y0, x1, y1)


WHOLE_FRAME: Final = Box(0.0, 0.0, 1.0, 1.0)


def on_frame(box: Box, region: Region | None) -> Box:
    """Return a box of the camera's region as a box of the whole frame."""
    return box.to_frame(Box(*region)) if region else box


def in_region(box: Box, region: Region | None) -> Box | None:
    """Return a box of the whole frame as a box of the camera's region, cut to it; None where it lies outside."""
    if region is None:
        return box
    left, top, right, bottom = region
    x0, x1 = (min(max((x - left) / (right - left), 0.0), 1.0) for x in (box.x0, box.x1))
    y0, y1 = (min(max((y - top) / (bottom - top), 0.0), 1.0) for y in (box.y0, box.y1))
    return Box(x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None


class WordsState(StrEnum):
    """The state of a report's text.

    NONE: a PASS needs no text, and a part without a readable vote has nothing to explain. PENDING: the verdict is out
    and the text is still being written. MISSING: the writer died or had no time.
    """

    NONE = "NONE"
    PENDING = "PENDING"
    WRITTEN = "WRITTEN"
    UNPARSABLE = "UNPARSABLE"
    MISSING = "MISSING"


@dataclass(frozen=True, slots=True)
class Finding:
    """One defect. `defect` is a declared class, or "other"."""

    defect: str
    severity: Severity
    bbox_norm: Box | None
    description: str


@dataclass(frozen=True, slots=True)
class Words:
    """The findings of one part, the most important first. `raw` is the model's text, cut to MAX_TEXT_CHARS."""

    state: WordsState
    findings: tuple[Finding, ...] = ()
    raw: str = ""
    tokens: int = 0
    ms: float = 0.0

    @property
    def main(self) -> Finding | None:
        """The most important finding, or None."""
        return self.findings[0] if self.findings else None


NO_WORDS: Final = Words(WordsState.NONE)


def named_defects(words: Words) -> list[str]:
    """Return each class that a report names, once."""
    return list(dict.fromkeys(finding.defect for finding in words.findings))


JsonSchema = Mapping[str, Any]


def report_schema(pipeline: Pipeline) -> JsonSchema:
    """Return the schema of a report that names a class of this line, OTHER_CLASS or NO_DEFECT_CLASS."""
    classes = dict.fromkeys((*pipeline.defects, OTHER_CLASS, NO_DEFECT_CLASS))
    return _object(
        defect={"type": "string", "enum": [*classes]},
        severity={"type": "string", "enum": [*Severity]},
        bbox_2d=CORNERS_SCHEMA,
        description={"type": "string"},
    )


def _object(**properties: JsonSchema) -> JsonSchema:
    """Return the schema of an object with exactly these keys, in this order."""
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}


COORDINATE_SCHEMA: Final[JsonSchema] = {"type": "integer", "minimum": 0, "maximum": int(BOX_GRID)}
CORNERS_SCHEMA: Final[JsonSchema] = {"type": "array", "items": COORDINATE_SCHEMA, "minItems": 4, "maxItems": 4}
BOX_SCHEMA: Final = _object(bbox_2d=CORNERS_SCHEMA)


def read_words(text: str, pipeline: Pipeline, *, tokens: int = 0) -> Words:
    """Read the model's JSON (an object or a list of them, anywhere in the text) as findings of this pipeline.

    WRITTEN without findings means that the model names no defect. JSON inside a thought is no finding.
    """
    raw, answer = text[:MAX_TEXT_CHARS], without_thought(text)[:MAX_TEXT_CHARS]
    items = [item for item in json_objects(answer) if "defect" in item]
    named = [item for item in items if _class(item) not in NO_DEFECT_WORDS]
    findings = tuple(_finding(item, pipeline) for item in named[:MAX_FINDINGS])
    return Words(WordsState.WRITTEN if items else WordsState.UNPARSABLE, findings, printable(raw), tokens)


def read_box(text: str) -> Box | None:
    """Return the first usable `bbox_2d` in the model's text, or None."""
    boxes = (_box(item.get("bbox_2d")) for item in json_objects(without_thought(text)[:MAX_TEXT_CHARS]))
    return next((box for box in boxes if box is not None), None)


def _finding(item: dict[str, Any], pipeline: Pipeline) -> Finding:
    classes = {name.lower(): name for name in pipeline.defects}
    defect = classes.get(_class(item), OTHER_CLASS)
    severity = pipeline.defects.get(defect) or _severity(item.get("severity"))
    description = " ".join(printable(_plain(item.get("description", ""))).split())[:400]
    return Finding(defect, severity, _box(item.get("bbox_2d")), description)


def _class(item: dict[str, Any]) -> str:
    """Return the class that the model named, in the spelling of declared classes."""
    return "_".join(_plain(item["defect"]).lower().split())


def _plain(value: object) -> str:
    """Return a plain value as text. A list or mapping may nest too deep to be printed and becomes empty."""
    return "" if isinstance(value, list | dict) else str(value)


def _severity(value: object) -> Severity:
    """Return the severity that the model named; major where it named no known one."""
    known = _plain(value).strip().lower()
    return Severity(known) if known in set(Severity) else Severity.MAJOR


def _box(value: object) -> Box | None:
    if not isinstance(value, list) or len(value) != 4:
        return None
    if not all(type(n) in (int, float) and abs(n) < 1e6 for n in value):  # also refuses NaN and endless integers
        return None
    x0, y0, x1, y1 = (min(max(float(n) / BOX_GRID, 0.0), 1.0) for n in value)
    return Box(x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None


def json_objects(text: str) -> list[dict[str, Any]]:
    """List every JSON object at the top level of the text or inside a top-level list."""
    decoder, objects, at = json.JSONDecoder(strict=False), [], 0
    while (start := _opening(text, at)) >= 0:
        try:
            value, at = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            at = start + 1
            continue
        objects += [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, dict)]
    return objects


def _opening(text: str, at: int) -> int:
    places = [place for place in (text.find("{", at), text.find("[", at)) if place >= 0]
    return min(places, default=-1)
