"""`inspector review`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inspector.cli.options import AsJson, read_settings
from inspector.cli.output import print_figures


def review(
    file: Annotated[
        Path,
        typer.Argument(help="CSV: trigger_id or result_id, and verdict (ok or ng); optional: camera, part_id, note."),
    ],
    line: Annotated[str, typer.Option(help="Line of these parts.")],
    camera: Annotated[str | None, typer.Option(help="Camera, where the file has no such column.")] = None,
    reviewer: Annotated[str | None, typer.Option("--by", help="Name of the reviewer. Default: your user name.")] = None,
    as_json: AsJson = False,
) -> None:
    """Store reviews of decided parts: whether each part was OK or NG.

    Every review is kept, and the latest one of a part counts. All rows are stored, or none.
    """
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.review import read_review_rows, store_reviews

    database = absolute(read_settings()).database
    print_figures(store_reviews(database, read_review_rows(file, line, camera), reviewer), as_json)
