"""From the text of a declaration to its model, or to all faults of the file together. Pure.

Translates pydantic's errors into an author's words. The grammars themselves do not depend on files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, Final, NamedTuple, TypeVar, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from inspector.config.lint import unused_settings
from inspector.config.yaml_reader import Document, Path, parse, path_text
from inspector.domain.declared import StrictModel
from inspector.domain.model_card import ModelCard
from inspector.domain.pipeline import Pipeline
from inspector.errors import DeclarationError, Fault
from inspector.text import printable, shortened

Grammar = TypeVar("Grammar", bound=StrictModel)


def read_pipeline(text: str | bytes, file: str) -> Pipeline:
    """Read a pipeline. Raises DeclarationError with every fault, including settings that can never have an effect."""
    return _pipeline(parse(text, file))


def read_pipeline_data(data: Any, name: str) -> Pipeline:
    """Read a pipeline from plain data, as JSON holds it. Faults name `name` as their file. Raises DeclarationError."""
    return _pipeline(Document(name, data, {}))


def _pipeline(document: Document) -> Pipeline:
    pipeline, faults = _validated(document, Pipeline)
    unused = unused_settings(pipeline) if pipeline else []
    faults += [
        Fault(document.file, path_text(path), problem, remedy, document.row(path)) for path, problem, remedy in unused
    ]
    return _faultless(pipeline, faults)


def read_card(text: str | bytes, file: str) -> ModelCard:
    """Read a model card. Raises DeclarationError with every fault."""
    return _faultless(*_validated(parse(text, file), ModelCard))


def _faultless(declared: Grammar | None, faults: Sequence[Fault]) -> Grammar:
    if faults or declared is None:
        raise DeclarationError(sorted(faults, key=lambda fault: (fault.row or 0, fault.field)))
    return declared


def _validated(document: Document, grammar: type[Grammar]) -> tuple[Grammar | None, list[Fault]]:
    faults = list(document.duplicates)
    if not isinstance(document.data, dict):
        problem = "is empty" if document.data is None else "does not contain settings"
        example = next(iter(grammar.model_fields))
        return None, [Fault(document.file, "(file)", problem, f"write settings such as '{example}: …'")]
    try:
        # strict mode over JSON refuses "12" for 12 and true for 1, but accepts lists for tuples and words for enums
        return grammar.model_validate_json(json.dumps(document.data), strict=True), faults
    except ValidationError as error:
        return None, faults + _faults(error, document, grammar)


def _faults(error: ValidationError, document: Document, grammar: type[StrictModel]) -> list[Fault]:
    """Return one fault per place. Errors of several branches of a union about one value become one sentence."""
    places: dict[Path, list[_FaultText]] = {}
    for details in error.errors(include_url=False):
        path = _path(details, document.data)
        places.setdefault(path, []).append(_fault_text(details, path, _known_settings(grammar, path)))
    return [
        Fault(
            document.file,
            path_text(path),
            texts[-1].problem,
            " or ".join(dict.fromkeys(text.remedy for text in texts)),
            document.row(path),
        )
        for path, texts in places.items()
        if not _is_echo(path, texts, places)
    ]


def _is_echo(path: Path, texts: Sequence[_FaultText], places: Iterable[Path]) -> bool:
    """Return whether these errors only repeat a fault of an inner value: pydantic counts valid items only."""
    inside = any(len(other) > len(path) and other[: len(path)] == path for other in places)
    return inside and all(each.counts for each in texts)


def _path(details: ErrorDetails, data: Any) -> Path:
    """Return the error's path in the file, without the names of union branches that pydantic adds."""
    path: Path = ()
    for step in details["loc"]:
        if isinstance(step, str) and not (isinstance(data, dict) and (step in data or step.isidentifier())):
            break
        data = _inside(data, step)
        path = (*path, step)
    return path


def _inside(data: Any, step: str | int) -> Any:
    """Return the value at this step, or None."""
    try:
        return data[step]
    except (LookupError, TypeError):
        return None


def _known_settings(grammar: type[StrictModel], path: Path) -> list[str]:
    """List the settings that are allowed next to the last step of the path."""
    for step in path[:-1]:
        if isinstance(step, str) and step in grammar.model_fields:
            inner = list(_grammars(grammar.model_fields[step].annotation))
            grammar = inner[0] if inner else grammar
    return list(grammar.model_fields)


def _grammars(annotation: Any) -> Iterable[type[StrictModel]]:
    if isinstance(annotation, type) and issubclass(annotation, StrictModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _grammars(argument)


class _FaultText(NamedTuple):
    """A fault in an author's words. `counts`: it concerns the number of items."""

    problem: str
    remedy: str
    counts: bool = False


_TYPE_FAULTS: Final = {
    "string_type": ("text", "write text, in quotes where it looks like something else"),
    "int_type": ("a whole number", "write a whole number without quotes"),
    "int_from_float": ("a whole number", "write a whole number"),
    "float_type": ("a number", "write a number without quotes"),
    "finite_number": ("a finite number", "write an ordinary number"),
    "tuple_type": ("a list", "write a list: [first, second]"),
    "dict_type": ("a mapping", "write 'name: value' pairs"),
    "model_type": ("a mapping", "write 'setting: value' pairs"),
}
_BOUND_FAULTS: Final = {
    "greater_than_equal": ("ge", "is too small", "use at least {}"),
    "greater_than": ("gt", "is too small", "use more than {}"),
    "less_than_equal": ("le", "is too large", "use at most {}"),
    "less_than": ("lt", "is too large", "use less than {}"),
}
_LENGTH_FAULTS: Final = {
    "too_short": ("min_length", "has too few items", "list at least {}"),
    "too_long": ("max_length", "has too many items", "list at most {}"),
    "string_too_short": ("min_length", "is too short", "write at least {} character(s)"),
    "string_too_long": ("max_length", "is too long", "write at most {} characters"),
}


_MISSING_REMEDIES: Final = {"cameras": 'name the line\'s cameras, such as cameras: [cam1]; ["*"] means any camera'}


def _fault_text(details: ErrorDetails, path: Path, known: list[str]) -> _FaultText:
    kind, context, given = details["type"], details.get("ctx", {}), _shown(details["input"])
    if kind == "missing":
        name = path[-1] if isinstance(path[-1], str) else "the value"
        return _FaultText("is missing", _MISSING_REMEDIES.get(name, f"add {name}"))
    if kind == "extra_forbidden":
        return _FaultText("is not a setting here", _nearest(str(path[-1]), known, "settings here are"))
    if kind in ("enum", "literal_error"):
        allowed = re.findall(r"'([^']*)'", str(context["expected"]))
        return _FaultText(f"can't be {given}", _nearest(str(details["input"]), allowed, "use one of"))
    if kind == "string_pattern_mismatch":
        return _FaultText(f"{given} is not a name", "use 1 to 64 of A-Z a-z 0-9 _ . - and begin with a letter or digit")
    if kind == "value_error":
        problem, _, remedy = str(context["error"]).partition("; ")
        return _FaultText(problem, remedy)
    if kind in _TYPE_FAULTS:
        wanted, remedy = _TYPE_FAULTS[kind]
        return _FaultText(f"{given} is not {wanted}", remedy)
    if kind in _BOUND_FAULTS:
        limit, problem, remedy = _BOUND_FAULTS[kind]
        return _FaultText(f"{given} {problem}", remedy.format(f"{context[limit]:g}"))
    if kind in _LENGTH_FAULTS:
        limit, problem, remedy = _LENGTH_FAULTS[kind]
        return _FaultText(problem, remedy.format(context[limit]), counts=kind.startswith("too_"))
    return _FaultText(details["msg"], "correct the value")


def _nearest(given: str, allowed: list[str], otherwise: str) -> str:
    near = get_close_matches(given, allowed, n=1)
    return f"did you mean {near[0]!r}?" if near else f"{otherwise} {', '.join(allowed)}"


def _shown(value: object) -> str:
    """Return a value as the author wrote it, shortened."""
    return shortened(printable(json.dumps(value, ensure_ascii=False, default=str)), 60)
