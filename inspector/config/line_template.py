"""Declarations of new lines: from a template, or like another line, with settings of their own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

from inspector.config.loader import read_pipeline
from inspector.config.yaml_reader import parse
from inspector.domain.pipeline import Pipeline
from inspector.errors import DeclarationError, Fault

FOLDER: Final = files("inspector.config") / "templates"
TEMPLATES: Final = tuple(sorted(each.name.removesuffix(".yaml") for each in FOLDER.iterdir() if ".yaml" in each.name))
OF_OTHER_LINES: Final = ("line", "learned", "golden_samples")  # which only the line itself can have


def template(name: str) -> dict[str, Any]:
    """Return the settings of a template. Raises DeclarationError for an unknown one."""
    if name not in TEMPLATES:
        known = f"use one of {', '.join(TEMPLATES)}"
        raise DeclarationError([Fault("new line", "template", f"there is no template {name!r}", known)])
    document = parse((FOLDER / f"{name}.yaml").read_text(), name)
    return dict(document.data)


def settings_of(pipeline: Pipeline) -> dict[str, Any]:
    """Return the settings of a line for another one: without its name and what was learned from its votes."""
    return pipeline.model_dump(mode="json", exclude_defaults=True, exclude={"line", "learned"})


def read_declaration(line: str, settings: Mapping[str, Any]) -> Pipeline:
    """Return the pipeline of a declaration as JSON. Raises DeclarationError with every fault at its field."""
    return read_pipeline(json.dumps({"line": line, **settings}), line)


def declare_line(line: str, basis: Mapping[str, Any], settings: Mapping[str, Any]) -> Pipeline:
    """Return the declaration of a new line: `settings` replace those of the basis, each as a whole.

    Raises DeclarationError with every fault at its field.
    """
    refused = [
        Fault(line, name, "can't be given to a new line", "leave it out; add it to the line later")
        for name in OF_OTHER_LINES
        if name in settings
    ]
    if refused:
        raise DeclarationError(refused)
    return read_declaration(line, {**basis, **settings})
