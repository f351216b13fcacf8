"""YAML text as plain data with row numbers. Pure, and independent of any grammar.

Scalars follow YAML 1.2's core schema: `no`, `on` and `1:30` stay words, and `0123` is a number. Declarations need no
anchors, tags or multiple documents. Refusing them prevents alias bombs and object construction.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from inspector.errors import DeclarationError, Fault
from inspector.text import printable, shortened

MAX_BYTES: Final = 64 * 1024  # of one declaration
MAX_DEPTH: Final = 12  # nesting levels

Path = tuple[str | int, ...]

_CONSTANTS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,18}")
_NUMBER: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: its data, the row of every path in it, and its duplicate keys (the first value counts)."""

    file: str
    data: Any
    rows: dict[Path, int]
    duplicates: tuple[Fault, ...] = ()

    def row(self, path: Path) -> int | None:
        """Return the row of the path, or of the nearest enclosing value."""
        around = (path[:end] for end in range(len(path), -1, -1))
        return next((self.rows[part] for part in around if part in self.rows), None)


def parse(text: str | bytes, file: str) -> Document:
    """Read one document. Raises DeclarationError for anything but plain YAML."""
    reader = _Reader(file)
    try:
        events = yaml.parse(_decoded(text, file), Loader=yaml.SafeLoader)
        data = reader.document(events)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(filter(None, (error.context, error.problem)))
        row = mark.line + 1 if mark else None
        raise _refused(
            file, row, f"is not YAML: {problem}", "put texts with : ? # or , in quotes and indent with spaces"
        ) from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # the last two come from escapes beyond Unicode
        problem = f"is not YAML: {str(error).splitlines()[0]}"
        raise _refused(file, None, problem, "write plain text without control characters") from error
    return Document(file, data, reader.rows, tuple(reader.duplicates))


def to_yaml(data: dict[str, Any]) -> str:
    """Write plain data as text that `parse` reads back unchanged."""
    return str(yaml.dump(data, Dumper=_QuotingDumper, sort_keys=False, allow_unicode=True))


def path_text(path: Path) -> str:
    """Return a path in the form ladder[1].views[0]."""
    words = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return shortened(printable("".join(words).lstrip(".")), 120) or "(file)"


@dataclass(slots=True)
class _Reader:
    """Builds plain data from PyYAML's events, which carry positions and expand nothing."""

    file: str
    rows: dict[Path, int] = field(default_factory=dict)
    duplicates: list[Fault] = field(default_factory=list)

    def document(self, events: Iterator[Any]) -> Any:
        data: Any = None
        for number, _ in enumerate(event for event in events if isinstance(event, yaml.DocumentStartEvent)):
            if number:
                raise _refused(self.file, None, "contains several documents", "remove the --- between them")
            data = self._value(next(events), events, ())
        return data

    def _value(self, event: Any, events: Iterator[Any], path: Path) -> Any:
        row = event.start_mark.line + 1
        self.rows.setdefault(path, row)
        self._refuse_unsupported(event, path, row)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(events, path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(events, path)
        return _scalar(event)

    def _mapping(self, events: Iterator[Any], path: Path) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        while not isinstance(key := next(events), yaml.MappingEndEvent):
            row = key.start_mark.line + 1
            self._refuse_unsupported(key, path, row)
            if not isinstance(key, yaml.ScalarEvent):
                raise _refused(self.file, row, "uses a list or mapping as a key", "use a plain word", path)
            inner = (*path, key.value)
            if key.value in mapping:
                problem = f"is set twice (first in row {self.rows[inner]})"
                self.duplicates.append(Fault(self.file, path_text(inner), problem, "remove one", row))
            else:
                self.rows[inner] = row
            value = self._value(next(events), events, inner)
            mapping.setdefault(key.value, value)
        return mapping

    def _sequence(self, events: Iterator[Any], path: Path) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(self._value(event, events, (*path, len(items))))
        return items

    def _refuse_unsupported(self, event: Any, path: Path, row: int) -> None:
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise _refused(self.file, row, "uses an anchor or alias", "write the value out", path)
        if event.tag is not None:
            raise _refused(self.file, row, f"uses the tag {shortened(event.tag, 40)}", "remove it", path)
        if len(path) > MAX_DEPTH:
            raise _refused(self.file, row, f"nests deeper than {MAX_DEPTH}", "no setting needs that", path[:3])
        if isinstance(event, yaml.ScalarEvent) and printable(event.value) != event.value:
            raise _refused(self.file, row, "contains a control character", "write plain text", path)


class _QuotingDumper(yaml.SafeDumper):
    """Quotes text that would be read as another type.

    PyYAML writes YAML 1.1, which takes 008 and 1e3 for words.
    """


def _text(writer: _QuotingDumper, text: str) -> yaml.Node:
    style = None if _plain(text) == text else '"'
    return writer.represent_scalar("tag:yaml.org,2002:str", text, style)


_QuotingDumper.add_representer(str, _text)


def _scalar(event: Any) -> str | int | float | bool | None:
    """Convert a scalar: quoted is text, plain is its apparent type."""
    value: str = event.value
    return _plain(value) if event.style is None else value


def _plain(value: str) -> str | int | float | bool | None:
    if value in _CONSTANTS:
        return _CONSTANTS[value]
    if _INTEGER.fullmatch(value):
        return int(value)
    return float(value) if _NUMBER.fullmatch(value) else value


def _decoded(text: str | bytes, file: str) -> str:
    if len(text) > MAX_BYTES:
        problem = f"has {len(text):,} bytes, more than {MAX_BYTES:,}"
        raise _refused(file, None, problem, "declarations are a page or two long; check that this is the right file")
    if isinstance(text, str):
        return text
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = text[: error.start].count(b"\n") + 1
        raise _refused(file, row, "is not UTF-8 text", "save the file as UTF-8") from error


def _refused(file: str, row: int | None, problem: str, remedy: str, path: Path = ()) -> DeclarationError:
    return DeclarationError([Fault(file, path_text(path), problem, remedy, row)])
