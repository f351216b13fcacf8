"""What is asked about a training picture and what the right answer is. Text only; knows nothing of tokens."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from inspector.domain import prompts as view
from inspector.domain.declared import Reasoning, ViewName
from inspector.domain.pipeline import Pipeline
from inspector.domain.prompts import Question
from inspector.domain.report import BOX_GRID, Box
from inspector.lab.synthetic import PRODUCTS, Flaw
from inspector.lab.training.wordings import free_question, pick

STEP: Final = 5  # coordinates are spoken in steps of five, each a single token
UNSURE: Final = 0.6  # share of "NG" in the answer about a picture that shows no such product
KEPT: Final = 0.55  # share of the other questions: more of them would teach less per second than other pictures
REPORT_STARTS: Final = ("", "{", '{"', '{"defect": "', '{"defect": "', '{"defect": "')
LOCATE_STARTS: Final = ("", "{", '{"bbox_2d": [', '{"bbox_2d": [')
PLAIN: Final = ("plain", "clear", "strong", "obvious")
FAINT: Final = ("faint", "weak", "slight", "pale")
GOOD_DRAFTS: Final = (
    "Surface even, nothing unusual.",
    "No mark found.",
    "All features present, surface clean.",
    "Looks like a good one.",
    "Edges and surface are in order.",
)
BAD_DRAFTS: Final = ("{A} {d} {at}.", "There is a {a} {d} {at}.", "{D} {at}.", "I see a {a} {d}.")


class Kind(StrEnum):
    """How an answer is scored while training."""

    VERDICT = "verdict"
    TEXT = "text"
    DRAFT = "draft"


@dataclass(frozen=True, slots=True)
class Lesson:
    """One question and its answer. `start` is the part of the answer that the model is made to say. `p_yes` is the
    wanted probability of the first of the two `words` where the answer is one token; `asks` is 1 where that word calls
    the part NG, -1 where it calls it good, 0 where it does neither."""

    kind: Kind
    question: str
    answer: str = ""
    start: str = ""
    p_yes: float = 0.0
    words: tuple[str, str] = ("Yes", "No")
    asks: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """What a picture shows: the flaws in it, biggest first, with boxes on this picture; or not the product at all."""

    flaws: tuple[Flaw, ...]
    in_scope: bool = True

    @property
    def p_ng(self) -> float:
        return float(bool(self.flaws)) if self.in_scope else UNSURE


def lessons(rng: np.random.Generator, pipeline: Pipeline, seen: Seen, asked: view.Pictures) -> list[Lesson]:
    """The main question about one picture, what is to be written about it, and about half of the other kinds."""
    first = {view.Pictures.COMPARE: ViewName.COMPARE, view.Pictures.ZOOM: ViewName.ZOOM}.get(asked, ViewName.DIRECT)
    main, *others = all_lessons(rng, pipeline, seen, first)
    return [main, *(lesson for lesson in others if lesson.kind is Kind.TEXT or rng.random() < KEPT)]


def all_lessons(rng: np.random.Generator, pipeline: Pipeline, seen: Seen, first: ViewName) -> list[Lesson]:
    """One of every kind, the `first` view's own question at the head."""
    listed = [_verdict(question, seen) for question in _service_questions(rng, pipeline, first)]
    listed += [_free(rng, pipeline, seen), _free(rng, pipeline, seen), _checklist_item(rng, pipeline, seen)]
    if seen.in_scope:
        listed.append(_draft(rng, pipeline, seen, first))
    return [*listed, *reports(rng, pipeline, seen)]


def reports(rng: np.random.Generator, pipeline: Pipeline, seen: Seen) -> list[Lesson]:
    """What is to be written about the plainest flaw; nothing about a good part."""
    if not seen.flaws:
        return []
    return [_report(rng, pipeline, seen.flaws[0]), _locate(rng, seen.flaws[0])]


def _free(rng: np.random.Generator, pipeline: Pipeline, seen: Seen) -> Lesson:
    text, yes_is_ng = free_question(rng, pipeline.product)
    if yes_is_ng:
        return Lesson(Kind.VERDICT, text, p_yes=seen.p_ng, asks=1)
    return Lesson(Kind.VERDICT, text, p_yes=1.0 - seen.p_ng, asks=-1)


def _service_questions(rng: np.random.Generator, pipeline: Pipeline, first: ViewName) -> list[Question]:
    """The main view, a paraphrase, and one of the views that turn the question round."""
    turned = (ViewName.INVERTED, ViewName.OPTIONS, ViewName.REFUTE)[int(rng.integers(3))]
    return [_asked(rng, pipeline, name, Reasoning.NONE) for name in (first, ViewName.PARAPHRASE, turned)]


def _asked(rng: np.random.Generator, pipeline: Pipeline, name: ViewName, reasoning: Reasoning) -> Question:
    seed = int(rng.integers(64))
    return view.questions(pipeline, name, samples=1, reasoning=reasoning, temperature=0.0, seed=seed)[0]


def _verdict(question: Question, seen: Seen) -> Lesson:
    return Lesson(
        Kind.VERDICT, question.text, p_yes=seen.p_ng, words=(question.ng_words[0], question.ok_words[0]), asks=1
    )


def _checklist_item(rng: np.random.Generator, pipeline: Pipeline, seen: Seen) -> Lesson:
    """Half of the time about a class that is there. On what is not the product at all nothing is certain."""
    present = tuple({flaw.defect for flaw in seen.flaws} & set(pipeline.defects))
    asked = pick(rng, present if present and rng.random() < 0.5 else tuple(pipeline.defects))
    item = view.checklist(pipeline)[list(pipeline.defects).index(asked)]
    return Lesson(Kind.VERDICT, item + view.ANSWER, p_yes=float(asked in present) if seen.in_scope else UNSURE)


def _draft(rng: np.random.Generator, pipeline: Pipeline, seen: Seen, first: ViewName) -> Lesson:
    turned = (ViewName.INVERTED, ViewName.OPTIONS, ViewName.REFUTE)[int(rng.integers(3))]
    question = _asked(rng, pipeline, turned if rng.random() < 0.2 else first, Reasoning.DRAFT)
    thought = _thought(rng, seen.flaws[0]) if seen.flaws else pick(rng, GOOD_DRAFTS)
    said = question.ng_words if seen.flaws else question.ok_words
    return Lesson(Kind.DRAFT, question.text, f"{thought} {view.VERDICT_CUE} {said[0]}")


def _thought(rng: np.random.Generator, flaw: Flaw) -> str:
    adjective, spoken = _strength(rng, flaw), view.word(flaw.defect)
    words = {
        "a": adjective,
        "A": adjective.capitalize(),
        "d": spoken,
        "D": spoken.capitalize(),
        "at": place(flaw.box_norm),
    }
    return pick(rng, BAD_DRAFTS).format(**words)


def _strength(rng: np.random.Generator, flaw: Flaw) -> str:
    return pick(rng, PLAIN if flaw.contrast > 0.5 else FAINT)


def _report(rng: np.random.Generator, pipeline: Pipeline, flaw: Flaw) -> Lesson:
    severity = PRODUCTS[pipeline.line].defects[flaw.defect].value
    said = f"{_strength(rng, flaw).capitalize()} {view.word(flaw.defect)} {place(flaw.box_norm)}."
    answer = json.dumps(
        {"defect": flaw.defect, "severity": severity, "bbox_2d": on_grid(flaw.box_norm), "description": said}
    )
    return _started(rng, view.report_request(pipeline), answer, REPORT_STARTS)


def _locate(rng: np.random.Generator, flaw: Flaw) -> Lesson:
    return _started(rng, view.LOCATE_REQUEST, json.dumps({"bbox_2d": on_grid(flaw.box_norm)}), LOCATE_STARTS)


def _started(rng: np.random.Generator, request: str, answer: str, starts: tuple[str, ...]) -> Lesson:
    start = pick(rng, starts)
    return Lesson(Kind.TEXT, request, answer[len(start) :], start)


def on_grid(box: Box) -> list[int]:
    """The box in 0..1000, to the nearest step, never empty."""
    x0, y0 = (min(STEP * round(value * BOX_GRID / STEP), int(BOX_GRID) - STEP) for value in (box.x0, box.y0))
    x1, y1 = (STEP * round(value * BOX_GRID / STEP) for value in (box.x1, box.y1))
    return [x0, y0, max(x1, x0 + STEP), max(y1, y0 + STEP)]


def place(box: Box) -> str:
    """Where a box lies, in words."""
    x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    column = "left" if x < 0.38 else "right" if x > 0.62 else ""
    row = "upper" if y < 0.38 else "lower" if y > 0.62 else ""
    if not column and not row:
        return "in the middle"
    return f"at the {' '.join(part for part in (row, column) if part)}{'' if column else ' side'}"
