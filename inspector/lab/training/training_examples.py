"""Questions about a training picture with their target answers, as text; this module knows no tokens."""

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

COORDINATE_STEP: Final = 5  # grid units between coordinate words; each word is a single token
OUT_OF_SCOPE_P_NG: Final = 0.6  # target p_ng of a picture that does not show the product
# Share of the other questions that are asked: all of them would teach less per second than more pictures do.
OTHER_EXAMPLE_SHARE: Final = 0.55
REPORT_PREFILLS: Final = ("", "{", '{"', '{"defect": "', '{"defect": "', '{"defect": "')
LOCATE_PREFILLS: Final = ("", "{", '{"bbox_2d": [', '{"bbox_2d": [')
PLAIN_WORDS: Final = ("plain", "clear", "strong", "obvious")
FAINT_WORDS: Final = ("faint", "weak", "slight", "pale")
GOOD_DRAFTS: Final = (
    "Surface even, nothing unusual.",
    "No mark found.",
    "All features present, surface clean.",
    "Looks like a good one.",
    "Edges and surface are in order.",
)
BAD_DRAFTS: Final = ("{A} {d} {at}.", "There is a {a} {d} {at}.", "{D} {at}.", "I see a {a} {d}.")


class ExampleKind(StrEnum):
    """The kind of a training example, which sets its loss."""

    VERDICT = "verdict"
    TEXT = "text"
    DRAFT = "draft"


@dataclass(frozen=True, slots=True)
class TrainingExample:
    """One question with its target answer.

    `prefill` is the start of the answer that the model is given. Where the answer is one token, `p_yes` is the target
    probability of the first of the two `words`. `ng_sign` is 1 where that word calls the part NG, -1 where it calls the
    part good, 0 where it does neither.
    """

    kind: ExampleKind
    question: str
    answer: str = ""
    prefill: str = ""
    p_yes: float = 0.0
    words: tuple[str, str] = ("Yes", "No")
    ng_sign: int = 0


@dataclass(frozen=True, slots=True)
class PictureTruth:
    """Ground truth of a picture: its flaws, most visible first, with boxes on this picture.

    `in_scope` is False where the picture does not show the pipeline's product.
    """

    flaws: tuple[Flaw, ...]
    in_scope: bool = True

    @property
    def p_ng(self) -> float:
        """Return the target probability of NG."""
        return float(bool(self.flaws)) if self.in_scope else OUT_OF_SCOPE_P_NG


def random_examples(
    rng: np.random.Generator, pipeline: Pipeline, truth: PictureTruth, view_pictures: view.Pictures
) -> list[TrainingExample]:
    """Return the main question, the report questions, and a random part of the other kinds."""
    first = {view.Pictures.COMPARE: ViewName.COMPARE, view.Pictures.ZOOM: ViewName.ZOOM}.get(
        view_pictures, ViewName.DIRECT
    )
    main, *others = all_examples(rng, pipeline, truth, first)
    return [
        main,
        *(example for example in others if example.kind is ExampleKind.TEXT or rng.random() < OTHER_EXAMPLE_SHARE),
    ]


def all_examples(
    rng: np.random.Generator, pipeline: Pipeline, truth: PictureTruth, first: ViewName
) -> list[TrainingExample]:
    """Return examples of every kind, with the main question (view `first`) at the head."""
    listed = [_verdict_example(question, truth) for question in _service_questions(rng, pipeline, first)]
    listed += [
        _free_example(rng, pipeline, truth),
        _free_example(rng, pipeline, truth),
        _checklist_example(rng, pipeline, truth),
    ]
    if truth.in_scope:
        listed.append(_draft_example(rng, pipeline, truth, first))
    return [*listed, *report_examples(rng, pipeline, truth)]


def report_examples(rng: np.random.Generator, pipeline: Pipeline, truth: PictureTruth) -> list[TrainingExample]:
    """Return the report questions about the most visible flaw; none about a good part."""
    if not truth.flaws:
        return []
    return [_report_example(rng, pipeline, truth.flaws[0]), _locate_example(rng, truth.flaws[0])]


def _free_example(rng: np.random.Generator, pipeline: Pipeline, truth: PictureTruth) -> TrainingExample:
    """Return a question in free wording."""
    text, yes_is_ng = free_question(rng, pipeline.product)
    if yes_is_ng:
        return TrainingExample(ExampleKind.VERDICT, text, p_yes=truth.p_ng, ng_sign=1)
    return TrainingExample(ExampleKind.VERDICT, text, p_yes=1.0 - truth.p_ng, ng_sign=-1)


def _service_questions(rng: np.random.Generator, pipeline: Pipeline, first: ViewName) -> list[Question]:
    """Return the main view, a paraphrase, and one of the inverted, options and refute views."""
    reworded_view = (ViewName.INVERTED, ViewName.OPTIONS, ViewName.REFUTE)[int(rng.integers(3))]
    return [
        _service_question(rng, pipeline, name, Reasoning.NONE) for name in (first, ViewName.PARAPHRASE, reworded_view)
    ]


def _service_question(rng: np.random.Generator, pipeline: Pipeline, name: ViewName, reasoning: Reasoning) -> Question:
    """Return one question of a view in the service's own wording."""
    seed = int(rng.integers(64))
    return view.questions(pipeline, name, samples=1, reasoning=reasoning, temperature=0.0, seed=seed)[0]


def _verdict_example(question: Question, truth: PictureTruth) -> TrainingExample:
    """Return the example for a question of the service."""
    return TrainingExample(
        ExampleKind.VERDICT,
        question.text,
        p_yes=truth.p_ng,
        words=(question.ng_words[0], question.ok_words[0]),
        ng_sign=1,
    )


def _checklist_example(rng: np.random.Generator, pipeline: Pipeline, truth: PictureTruth) -> TrainingExample:
    """Return a checklist question, in half of the cases about a class that the picture shows.

    The target for an out-of-scope picture is uncertain.
    """
    shown = {flaw.defect for flaw in truth.flaws}
    present = tuple(defect for defect in pipeline.defects if defect in shown)
    defect = pick(rng, present if present and rng.random() < 0.5 else tuple(pipeline.defects))
    item = view.checklist(pipeline)[list(pipeline.defects).index(defect)]
    return TrainingExample(
        ExampleKind.VERDICT,
        item + view.ANSWER,
        p_yes=float(defect in present) if truth.in_scope else OUT_OF_SCOPE_P_NG,
    )


def _draft_example(
    rng: np.random.Generator, pipeline: Pipeline, truth: PictureTruth, first: ViewName
) -> TrainingExample:
    """Return a question that asks for a short thought before the verdict."""
    reworded_view = (ViewName.INVERTED, ViewName.OPTIONS, ViewName.REFUTE)[int(rng.integers(3))]
    question = _service_question(rng, pipeline, reworded_view if rng.random() < 0.2 else first, Reasoning.DRAFT)
    thought = _thought(rng, truth.flaws[0]) if truth.flaws else pick(rng, GOOD_DRAFTS)
    verdict_words = question.ng_words if truth.flaws else question.ok_words
    return TrainingExample(ExampleKind.DRAFT, question.text, f"{thought} {view.VERDICT_CUE} {verdict_words[0]}")


def _thought(rng: np.random.Generator, flaw: Flaw) -> str:
    """Return a sentence about the flaw."""
    adjective, class_word = _strength_word(rng, flaw), view.word(flaw.defect)
    words = {
        "a": adjective,
        "A": adjective.capitalize(),
        "d": class_word,
        "D": class_word.capitalize(),
        "at": location_phrase(flaw.box_norm),
    }
    return pick(rng, BAD_DRAFTS).format(**words)


def _strength_word(rng: np.random.Generator, flaw: Flaw) -> str:
    """Return an adjective that fits the flaw's contrast."""
    return pick(rng, PLAIN_WORDS if flaw.contrast > 0.5 else FAINT_WORDS)


def _report_example(rng: np.random.Generator, pipeline: Pipeline, flaw: Flaw) -> TrainingExample:
    """Return the report request with the report about the flaw."""
    severity = PRODUCTS[pipeline.line].defects[flaw.defect].value
    description = f"{_strength_word(rng, flaw).capitalize()} {view.word(flaw.defect)} {location_phrase(flaw.box_norm)}."
    answer = json.dumps(
        {"defect": flaw.defect, "severity": severity, "bbox_2d": on_grid(flaw.box_norm), "description": description}
    )
    return _prefilled_example(rng, view.report_request(pipeline), answer, REPORT_PREFILLS)


def _locate_example(rng: np.random.Generator, flaw: Flaw) -> TrainingExample:
    """Return the request for a box with the flaw's box."""
    return _prefilled_example(
        rng, view.LOCATE_REQUEST, json.dumps({"bbox_2d": on_grid(flaw.box_norm)}), LOCATE_PREFILLS
    )


def _prefilled_example(
    rng: np.random.Generator, request: str, answer: str, prefills: tuple[str, ...]
) -> TrainingExample:
    """Return an example whose answer starts with a random prefill."""
    prefill = pick(rng, prefills)
    return TrainingExample(ExampleKind.TEXT, request, answer[len(prefill) :], prefill)


def on_grid(box: Box) -> list[int]:
    """Round the box (0..1) to the coordinate grid (0..1000 in steps); it is never empty."""
    x0, y0 = (
        min(COORDINATE_STEP * round(value * BOX_GRID / COORDINATE_STEP), int(BOX_GRID) - COORDINATE_STEP)
        for value in (box.x0, box.y0)
    )
    x1, y1 = (COORDINATE_STEP * round(value * BOX_GRID / COORDINATE_STEP) for value in (box.x1, box.y1))
    return [x0, y0, max(x1, x0 + COORDINATE_STEP), max(y1, y0 + COORDINATE_STEP)]


def location_phrase(box: Box) -> str:
    """Describe in words where a box lies."""
    x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    column = "left" if x < 0.38 else "right" if x > 0.62 else ""
    row = "upper" if y < 0.38 else "lower" if y > 0.62 else ""
    if not column and not row:
        return "in the middle"
    return f"at the {' '.join(part for part in (row, column) if part)}{'' if column else ' side'}"
