"""A checklist that a model writes: the shape it is held to, and which of its questions may be asked at all. Pure.

The shape is one flat object with a question for each declared class: no class is left out, and a text that is cut off
can be closed anywhere. The text is not trusted: a question goes through the rules of a declared one.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

from pydantic import TypeAdapter, ValidationError

from inspector.domain import prompts as view
from inspector.domain.pipeline import Pipeline, Text
from inspector.domain.report import JsonSchema, json_objects
from inspector.text import printable, shortened

MAX_QUESTION_CHARS: Final = (
    160  # characters of a question: a model that rambles in the first leaves room for the others
)
MAX_TEXT_CHARS: Final = 20_000
MAX_QUOTED_CHARS: Final = 60  # characters of what is refused
TEXT_RULES: Final[TypeAdapter[str]] = TypeAdapter(Text)


class CandidateQuestion(NamedTuple):
    """A question about one declared class; the plain one that is asked anyway, unless the model has `written` it."""

    defect: str
    text: str
    written: bool = True


class RefusedQuestion(NamedTuple):
    """What the model wrote about a class, shortened, and why it can't be asked."""

    defect: str
    text: str
    why: str


class WrittenChecklist(NamedTuple):
    """What the model wrote, class by class."""

    usable: tuple[CandidateQuestion, ...]
    refused: tuple[RefusedQuestion, ...]


def checklist_schema(pipeline: Pipeline) -> JsonSchema:
    """A question under the name of every class, in declared order."""
    question = {"type": "string", "maxLength": MAX_QUESTION_CHARS}
    return {
        "type": "object",
        "properties": dict.fromkeys(pipeline.defects, question),
        "required": [*pipeline.defects],
        "additionalProperties": False,
    }


def checklist_start(pipeline: Pipeline) -> str:
    """How every text of that schema begins."""
    return f'{{"{next(iter(pipeline.defects))}": "'


def plain_questions(pipeline: Pipeline) -> tuple[CandidateQuestion, ...]:
    """The question about each class where no checklist is declared."""
    asked = view.checklist(pipeline.model_copy(update={"checklist": ()}))
    return tuple(
        CandidateQuestion(defect, text, written=False) for defect, text in zip(pipeline.defects, asked, strict=True)
    )


def read_questions(text: str, pipeline: Pipeline) -> WrittenChecklist:
    """The model's JSON, anywhere in the text. Never raises."""
    said = {_key(name): value for found in json_objects(text[:MAX_TEXT_CHARS]) for name, value in found.items()}
    taken = {_key(each.text) for each in plain_questions(pipeline)}
    usable: list[CandidateQuestion] = []
    refused: list[RefusedQuestion] = []
    for defect in pipeline.defects:
        question = said.get(_key(defect))
        why = _objection(question, taken)
        if why:
            refused.append(RefusedQuestion(defect, _quoted(question), why))
        else:
            usable.append(CandidateQuestion(defect, TEXT_RULES.validate_python(question)))
            taken.add(_key(usable[-1].text))
    return WrittenChecklist(tuple(usable), tuple(refused))


def candidates(reading: WrittenChecklist, pipeline: Pipeline) -> tuple[CandidateQuestion, ...]:
    """All that could be asked, class by class: what was written first, then the plain question."""
    written = {each.defect: each for each in reading.usable}
    both = ((written.get(each.defect), each) for each in plain_questions(pipeline))
    return tuple(each for pair in both for each in pair if each is not None)


def _objection(question: object, taken: Collection[str]) -> str:
    """Why this can't be asked; nothing where it can."""
    if question is None:
        return "nothing was written about it"
    try:
        text = TEXT_RULES.validate_python(question, strict=True)
    except ValidationError as error:
        return _problem(error)
    if not text.endswith("?"):
        return "does not end with '?'"
    return "is asked already" if _key(text) in taken else ""


def _problem(error: ValidationError) -> str:
    told = error.errors(include_url=False)[0]
    cause = told.get("ctx", {}).get("error")
    return str(cause).partition(";")[0] if cause else told["msg"]


def _key(name: str) -> str:
    """Models write `Missing hole` for the class missing_hole, and repeat themselves in other capitals."""
    return "_".join(name.casefold().split())


def _quoted(question: object) -> str:
    return "" if question is None else shortened(" ".join(printable(str(question)).split()), MAX_QUOTED_CHARS)
