"""Create lines from templates or like other lines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from inspector.adapters.camera import CameraPictureReader
from inspector.adapters.ledger import store_versions, upgrade
from inspector.bootstrap.evidence import open_evidence
from inspector.config.yaml_reader import parse
from inspector.errors import DeclarationError, Fault
from inspector.lines.new_lines import NewLine, NewLines
from inspector.lines.states import LineView
from inspector.operations.line_states import line_states, user_name
from inspector.operations.regular_file import regular_bytes
from inspector.settings import Settings


@contextmanager
def create_line(
    settings: Settings, line: str, template: str | None, like: str | None, file: Path | None, reason: str
) -> Iterator[LineView]:
    """Create a line and yield it. Raises DeclarationError with every fault at its field."""
    settings.data.mkdir(parents=True, exist_ok=True)
    upgrade(settings.database)
    given = _read(file) if file is not None else {}
    with line_states(settings) as states:
        evidence = open_evidence(settings)
        lines = NewLines(states, partial(store_versions, settings.database), CameraPictureReader(()), evidence)
        yield lines.create(NewLine(line, given, user_name(), reason, template, like))


def _read(file: Path) -> dict[str, Any]:
    try:
        document = parse(regular_bytes(file), str(file))
    except OSError as error:
        problem, remedy = error.strerror or str(error), "name a YAML file of settings"
        raise DeclarationError([Fault(str(file), "file", problem, remedy)]) from error
    faults = list(document.duplicates)
    if not isinstance(document.data, dict):
        faults.append(Fault(str(file), "(file)", "does not contain settings", "write settings such as 'product: mug'"))
    if faults:
        raise DeclarationError(faults)
    return dict(document.data)
