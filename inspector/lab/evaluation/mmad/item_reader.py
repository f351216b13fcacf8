"""Read mmad.json and check that every picture it names exists."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from inspector.errors import Fault, InspectorError
from inspector.lab.evaluation.mmad.items import LETTERS, DataSet, Item, Task
from inspector.text import printable, shortened

MAX_FAULTS_SHOWN: Final = 20
FETCH: Final = "fetch MMAD again, and unpack all of it into one folder"
FOLDERS: Final = {name.lower(): name for name in DataSet} | dict.fromkeys(("ds-mvtec", "mvtec"), DataSet.MVTEC_AD)
TYPES: Final = {task.value: task for task in Task} | dict.fromkeys(
    ("object_structure", "object_details"), Task.OBJECT_ANALYSIS
)


class _UnusableError(Exception):
    """An entry that cannot be asked about; the arguments are the problem and its remedy."""


class Templates(StrEnum):
    """The list of the benchmark that templates are taken from."""

    RANDOM = "random"
    SIMILAR = "similar"


Knowledge = Mapping[str, Mapping[str, Mapping[str, str]]]  # by data set, object and topic


def read_items(
    root: Path, shots: int, templates: Templates = Templates.RANDOM, knowledge: Path | None = None
) -> list[Item]:
    """Read every question, with `shots` templates each, and what the file `knowledge` says about its object.

    An entry without a conversation asks nothing, as in the benchmark's own evaluation. Raises InspectorError that names
    every unusable entry with a remedy.
    """
    file, items, faults = root / "mmad.json", list[Item](), list[Fault]()
    known = _knowledge(knowledge) if knowledge else None
    for picture, entry in _entries(file).items():
        try:
            about = "" if known is None else _about(known, picture)
            items += _items(root, picture, entry, shots, templates, about)
        except _UnusableError as error:
            faults.append(Fault(str(file), shortened(printable(picture), 200), *error.args))
    if faults:
        raise InspectorError("\n".join(_shown(faults)))
    if not items:
        raise InspectorError(f"{file} asks nothing; {FETCH}")
    return items


def _shown(faults: Sequence[Fault]) -> list[str]:
    more = len(faults) - MAX_FAULTS_SHOWN
    return [*map(str, faults[:MAX_FAULTS_SHOWN]), *([f"… and {more} more"] if more > 0 else ())]


def _entries(file: Path) -> dict[str, Any]:
    try:
        entries = json.loads(file.read_bytes())
    except OSError as error:
        raise InspectorError(
            f"{file} can't be read: {error.strerror}; --root is the folder with mmad.json, DS-MVTec, MVTec-LOCO, VisA "
            "and GoodsAD, which you fetch yourself: the pictures have licences of their own"
        ) from error
    except ValueError as error:
        raise InspectorError(f"{file} is not JSON: {error}; {FETCH}") from error
    if not isinstance(entries, dict):
        raise InspectorError(f"{file} is a {type(entries).__name__}, not pictures with their questions; {FETCH}")
    return entries


def _knowledge(file: Path) -> Knowledge:
    try:
        return TypeAdapter(Knowledge).validate_json(file.read_bytes())
    except OSError as error:
        raise InspectorError(f"{file} can't be read: {error.strerror}; correct --domain-knowledge") from error
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]["msg"]
        raise InspectorError(
            f"{file} holds no domain knowledge ({fault}); name MMAD's domain_knowledge.json with --domain-knowledge"
        ) from error


def _about(known: Knowledge, picture: str) -> str:
    """The texts about the object that a picture shows, one a line."""
    data_set, name, *_ = (*picture.split("/"), "")
    data_set = "MVTec" if data_set == "DS-MVTec" else data_set
    if name not in known.get(data_set, {}):
        raise _UnusableError(
            f"--domain-knowledge says nothing about {data_set}/{name}", "use MMAD's file, or leave it out"
        )
    return "\n".join(known[data_set][name].values())


def _items(root: Path, picture: str, entry: object, shots: int, listed: Templates, knowledge: str) -> Iterator[Item]:
    if not isinstance(entry, dict):
        raise _UnusableError("is not a mapping", FETCH)
    asked = next((value for name, value in entry.items() if name.startswith("conversation")), None) or []
    if not isinstance(asked, list):
        raise _UnusableError("conversation is not a list", FETCH)
    if not asked:
        return
    data_set = _known(FOLDERS, picture.split("/")[0].lower().replace("_", "-"), "data set", DataSet)
    templates = _templates(entry, shots, listed)
    for path in (picture, *templates):
        _check_picture(root, path)
    for number, question in enumerate(asked):
        yield replace(_item(picture, templates, number, data_set, question), knowledge=knowledge)


def _templates(entry: Mapping[str, Any], shots: int, kind: Templates) -> tuple[str, ...]:
    listed = entry.get(f"{kind}_templates") or []
    if not isinstance(listed, list) or len(listed) < shots or not all(isinstance(path, str) for path in listed):
        raise _UnusableError(f"{kind}_templates does not list {shots} picture(s)", f"use --shots 0, or {FETCH}")
    return tuple(listed[:shots])


def _check_picture(root: Path, path: str) -> None:
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        raise _UnusableError(f"{path} lies outside the benchmark's folder", FETCH)
    if not (root / path).is_file():
        raise _UnusableError(f"the picture {path} is missing below {root}", "correct --root, or unpack that data set")


def _item(
    picture: str, templates: tuple[str, ...], number: int, data_set: DataSet, entry: Mapping[str, Any] | object
) -> Item:
    place = f"question {number + 1}"
    if not isinstance(entry, dict):
        raise _UnusableError(f"{place} is not a mapping", FETCH)
    missing = [name for name in ("Question", "Options", "Answer", "type") if not entry.get(name)]
    if missing:
        raise _UnusableError(f"{place} has no {', '.join(missing)}", FETCH)
    options = entry["Options"]
    if not isinstance(options, dict) or not 2 <= len(options) <= len(LETTERS):
        raise _UnusableError(f"{place} does not offer 2 to {len(LETTERS)} options by letter", FETCH)
    return Item(
        picture=picture,
        templates=templates,
        number=number,
        data_set=data_set,
        task=_known(TYPES, "_".join(str(entry["type"]).lower().split()), f"{place}: type", Task),
        question=str(entry["Question"]),
        options=tuple(map(str, options.values())),
        answer=_answer(str(entry["Answer"]), list(options), place),
    )


def _answer(named: str, keys: Sequence[str], place: str) -> str:
    """The letter of the right option."""
    plain = [key.strip(" .:()").upper() for key in keys]
    right = named.strip(" .:()").upper()
    if plain.count(right) != 1:
        raise _UnusableError(f"{place}: Answer {named!r} is not one of its options {', '.join(keys)}", FETCH)
    return LETTERS[plain.index(right)]


def _known(names: Mapping[str, Any], name: str, what: str, kinds: type[StrEnum]) -> Any:
    if name not in names:
        raise _UnusableError(f"{what} {name!r} is not of MMAD", f"MMAD has {', '.join(kinds)}; {FETCH}")
    return names[name]
