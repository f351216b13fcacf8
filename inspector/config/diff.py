"""Sets of declared pipelines, and the differences between two versions of a pipeline. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from inspector.config.loader import read_pipeline
from inspector.domain.pipeline import SCORED_SETTINGS, SCORED_WHEN_CHANGED, Pipeline
from inspector.errors import DeclarationError, Fault


class DeclaredPipeline(NamedTuple):
    """A pipeline and the file that declares it. Golden samples are relative to that file."""

    file: str
    pipeline: Pipeline


class SettingChange(NamedTuple):
    """One setting that differs; None where it was or becomes absent.

    `rescores`: scores change, so the line is UNQUALIFIED until its golden set has been replayed. Otherwise only the
    decision on the same votes changes.
    """

    field: str
    old: Any
    new: Any
    rescores: bool


def read_declarations(texts: Mapping[str, str | bytes]) -> tuple[DeclaredPipeline, ...]:
    """Read all pipelines of a folder, given the text of each file.

    Raises DeclarationError with the faults of all files.
    """
    declared: list[DeclaredPipeline] = []
    faults: list[Fault] = []
    for file, text in texts.items():
        try:
            declared.append(DeclaredPipeline(file, read_pipeline(text, file)))
        except DeclarationError as error:
            faults += error.faults
    faults += _declared_twice(declared)
    if faults:
        raise DeclarationError(faults)
    return tuple(declared)


def diff(old: Pipeline, new: Pipeline) -> list[SettingChange]:
    """List the settings that differ, in the order of the grammar."""
    before, after = _settings(old), _settings(new)
    return [
        SettingChange(field, before.get(field), after.get(field), _rescores(field))
        for field in dict.fromkeys((*after, *before))
        if before.get(field) != after.get(field)
    ]


def _rescores(field: str) -> bool:
    is_region = field.startswith("cameras.")  # of one camera, whose scores change
    return is_region or field.split("[")[0] in SCORED_SETTINGS | SCORED_WHEN_CHANGED


def _settings(pipeline: Pipeline) -> dict[str, Any]:
    """Return every setting by its path in the file.

    Severities are separate from the classes, because no prompt names them; regions are separate from the cameras.
    """
    dumped = pipeline.model_dump(mode="json")
    dumped["defects"] = list(pipeline.defects)
    regions = {f"cameras.{name}.region": each["region"] for name, each in dumped["cameras"].items() if each["region"]}
    dumped["cameras"] = sorted(pipeline.cameras)
    severities = {f"defects.{name}": severity.value for name, severity in pipeline.defects.items()}
    return dict(_leaves(dumped)) | severities | regions


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Split mappings and lists of mappings into leaves; keep lists of plain values whole."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, f"{place}.{name}" if place else name)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for number, inner in enumerate(value):
            yield from _leaves(inner, f"{place}[{number}]")
    else:
        yield place, value


def _declared_twice(declared: Iterable[DeclaredPipeline]) -> list[Fault]:
    first: dict[str, str] = {}
    faults = []
    for file, pipeline in declared:
        earlier = first.setdefault(pipeline.line, file)
        if earlier != file:
            problem = f"{pipeline.line!r} is already declared in {earlier}"
            faults.append(Fault(file, "line", problem, "declare each line in one file; rename one of the lines"))
    return faults
