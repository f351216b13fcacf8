"""Sets of declared pipelines, and the differences between two versions of a pipeline. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from inspector.config.file_base import FileBase, read_base
from inspector.config.loader import read_pipeline
from inspector.domain.pipeline import SCORED_SETTINGS, SCORED_WHEN_CHANGED, Pipeline
from inspector.errors import DeclarationError, Fault


class DeclaredPipeline(NamedTuple):
    """A pipeline and the file that declares it. Golden samples are relative to that file.

    `base` is the version that the file was made from, where the file names it.
    """

    file: str
    pipeline: Pipeline
    base: FileBase | None = None


class Declaration(Protocol):
    """A pipeline with the sha256 of its golden samples."""

    @property
    def pipeline(self) -> Pipeline: ...

    @property
    def golden(self) -> tuple[str, ...]: ...


class VersionDiff(NamedTuple):
    """The difference between two versions of a line: their settings, and the pictures of their golden samples."""

    settings: tuple[SettingChange, ...]
    new_golden: bool

    @property
    def is_empty(self) -> bool:
        return not self.settings and not self.new_golden

    @property
    def rescores(self) -> bool:
        """Whether votes under the one are not comparable with votes under the other."""
        return self.new_golden or any(each.rescores for each in self.settings)

    @property
    def rescored_cameras(self) -> tuple[str, ...]:
        """The cameras whose scores change with their region; those of others stay."""
        return tuple(each.rescored_camera for each in self.settings if each.rescored_camera)

    def as_json(self) -> dict[str, Any]:
        return {
            "settings": [each._asdict() for each in self.settings],
            "new_golden": self.new_golden,
            "rescores": self.rescores,
        }

    def __str__(self) -> str:
        rows = [f"{each.field}: {each.old} → {each.new}" for each in self.settings]
        return "\n".join([*rows, *(["golden samples: other pictures"] if self.new_golden else [])])


class SettingChange(NamedTuple):
    """One setting that differs; None where it was or becomes absent.

    `rescores`: scores change, so the line is UNQUALIFIED until its golden set has been replayed. Otherwise only the
    decision on the same votes changes.
    """

    field: str
    old: Any
    new: Any
    rescores: bool

    @property
    def rescored_camera(self) -> str | None:
        """The camera whose scores change with its region; those of others stay."""
        is_region = self.field.startswith("cameras.")
        return self.field.removeprefix("cameras.").removesuffix(".region") if is_region else None


def read_declarations(texts: Mapping[str, str | bytes]) -> tuple[DeclaredPipeline, ...]:
    """Read all pipelines of a folder, given the text of each file.

    Raises DeclarationError with the faults of all files.
    """
    declared: list[DeclaredPipeline] = []
    faults: list[Fault] = []
    for file, text in texts.items():
        try:
            declared.append(_declared(text, file))
        except DeclarationError as error:
            faults += error.faults
    faults += _declared_twice(declared)
    if faults:
        raise DeclarationError(faults)
    return tuple(declared)


def _declared(text: str | bytes, file: str) -> DeclaredPipeline:
    pipeline = read_pipeline(text, file)
    return DeclaredPipeline(file, pipeline, read_base(text, file, pipeline.line))


def diff(old: Pipeline, new: Pipeline) -> list[SettingChange]:
    """List the settings that differ, in the order of the grammar."""
    before, after = _settings(old), _settings(new)
    return [
        SettingChange(
            field, before.get(field), after.get(field), field.split("[")[0] in SCORED_SETTINGS | SCORED_WHEN_CHANGED
        )
        for field in dict.fromkeys((*after, *before))
        if before.get(field) != after.get(field)
    ]


def compare(old: Declaration, new: Declaration) -> VersionDiff:
    """Compare two versions. Where golden samples lie is no difference: they count by their bytes."""
    settings = tuple(each for each in diff(old.pipeline, new.pipeline) if each.field != "golden_samples")
    return VersionDiff(settings, tuple(old.golden) != tuple(new.golden))


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
    for file, pipeline, _ in declared:
        earlier = first.setdefault(pipeline.line, file)
        if earlier != file:
            problem = f"{pipeline.line!r} is already declared in {earlier}"
            faults.append(Fault(file, "line", problem, "declare each line in one file; rename one of the lines"))
    return faults
