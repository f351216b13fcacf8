"""`inspector review`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inspector.cli.options import AsJson, read_settings
from inspector.cli.output import show_figures


def review(
    file: Annotated[Path, typer.Argument(help="CSV with trigger_id and verdict (ok or ng); camera and note if known.")],
    line: Annotated[str, typer.Option(help="The line whose parts these are.")],
    camera: Annotated[str | None, typer.Option(help="The camera, where the file has no such column.")] = None,
    reviewer: Annotated[str | None, typer.Option("--by", help="Who says so; default: you.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what decided parts really were: OK or NG. The latest answer counts; all are kept. All rows or none."""
    from inspector.bootstrap.wiring import absolute
    from inspector.operations.review import read_review_rows
    from inspector.operations.review import review as keep

    show_figures(keep(absolute(read_settings()).database, read_review_rows(file, line, camera), reviewer), as_json)
