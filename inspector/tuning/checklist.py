"""A checklist written by a model: its JSON schema, and the rules that decide which questions may be asked. Pure.

The schema is one flat object with a question for each declared class. No class can be left out, and a text that is cut
off can be closed anywhere. The text is not trusted: each question must pass the rules for a declared one.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

from pydantic import TypeAdapter, ValidationError

from inspector.domain import prompts as view
from inspector.domain.pipeline import Pipeline, Text
from inspector.domain.report import JsonSchema, json_objects
from inspector.text import printable, shortened

MAX_QUESTION_CHARS: Final = 160  # of one question, so that a long one leaves room for the others
MAX_TEXT_CHARS: Final = 20_000  # of a model's text; the rest is ignored
MAX_QUOTED_CHARS: Final = 60  # of a refused text
TEXT_RULES: Final[TypeAdapter[str]] = TypeAdapter(Text)


class CandidateQuestion(NamedTuple):
    """A question about one declared class. `written`: the model wrote it; otherwise it is the plain question."""

    defect: str
    text: str
    written: bool = True


class RefusedQuestion(NamedTuple):
    """The model's text about a class, shortened, and the reason why it can't be asked."""

    defect: str
    text: str
    why: str


class WrittenChecklist(NamedTuple):
    """The model's questions, class by class."""

    usable: tuple[CandidateQuestion, ...]
    refused: tuple[RefusedQuestion, ...]


def checklist_schema(pipeline: Pipeline) -> JsonSchema:
    """Return the schema: a question under the name of every class, in declared order."""
    question = {"type": "string", "maxLength": MAX_QUESTION_CHARS}
    return {
        "type": "object",
        "properties": dict.fromkeys(pipeline.defects, question),
        "required": [*pipeline.defects],
        "additionalProperties": False,
    }


def checklist_start(pipeline: Pipeline) -> str:
    """Return the beginning of every text that follows the schema."""
    return f'{{"{next(iter(pipeline.defects))}": "'


def plain_questions(pipeline: Pipeline) -> tuple[CandidateQuestion, ...]:
    """Return the question about each class that is asked where no checklist is declared."""
    asked = view.checklist(pipeline.model_copy(update={"checklist": ()}))
    return tuple(
        CandidateQuestion(defect, text, written=False) for defect, text in zip(pipeline.defects, asked, strict=True)
    )


def read_questions(text: str, pipeline: Pipeline) -> WrittenChecklist:
    """Read the model's JSON, anywhere in the text. Never raises."""
    texts = {_key(name): value for item in json_objects(text[:MAX_TEXT_CHARS]) for name, value in item.items()}
    taken = {_key(each.text) for each in plain_questions(pipeline)}
    usable: list[CandidateQuestion] = []
    refused: list[RefusedQuestion] = []
    for defect in pipeline.defects:
        question = texts.get(_key(defect))
        why = _objection(question, taken)
        if why:
            refused.append(RefusedQuestion(defect, _quoted(question), why))
        else:
            usable.append(CandidateQuestion(defect, TEXT_RULES.validate_python(question)))
            taken.add(_key(usable[-1].text))
    return WrittenChecklist(tuple(usable), tuple(refused))


def candidates(reading: WrittenChecklist, pipeline: Pipeline) -> tuple[CandidateQuestion, ...]:
    """List all questions that could be asked, class by class: the written one first, then the plain one."""
    written = {each.defect: each for each in reading.usable}
    both = ((written.get(each.defect), each) for each in plain_questions(pipeline))
    return tuple(each for pair in both for each in pair if each is not None)


def _objection(question: object, taken: Collection[str]) -> str:
    """Return why this question can't be asked, or an empty string."""
    if question is None:
        return "no question was written"
    try:
        text = TEXT_RULES.validate_python(question, strict=True)
    except ValidationError as error:
        return _problem(error)
    if not text.endswith("?"):
        return "does not end with '?'"
    return "repeats another question" if _key(text) in taken else ""


def _problem(error: ValidationError) -> str:
    details = error.errors(include_url=False)[0]
    cause = details.get("ctx", {}).get("error")
    return str(cause).partition(";")[0] if cause else details["msg"]


def _key(name: str) -> str:
    """Normalise a name. Models write `Missing hole` for the class missing_hole, and repeat themselves in other case."""
    return "_".join(name.casefold().split())


def _quoted(question: object) -> str:
    return "" if question is None else shortened(" ".join(printable(str(question)).split()), MAX_QUOTED_CHARS)
