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
        typer.Argument(
            help="CSV: trigger_id or result_id, and verdict (ok, ng or unsure); optional: camera, part_id, classes, "
            "note. Or exported parts with a column review."
        ),
    ],
    line: Annotated[str, typer.Option(help="Line of these parts.")],
    camera: Annotated[str | None, typer.Option(help="Camera, where the file has no such column.")] = None,
    reviewer: Annotated[
        str | None, typer.Option("--by", help="Name of the reviewer. Default: cli: and your user name.")
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Code page of the file, such as cp1252. Default: UTF-8 or UTF-16.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Store reviews of decided parts: whether each part was OK or NG, or nobody can tell.

    Every review is kept. A reviewer's newest answer about a part counts; a part whose reviewers differ is disputed and
    counts nowhere. All rows are stored, or none. Commas, semicolons or tabs may separate the cells.
    """
    from inspector.bootstrap.from_settings import absolute
    from inspector.messages.topics import Topics
    from inspector.operations.review import store_reviews
    from inspector.operations.review_file import read_review_rows

    settings = absolute(read_settings())
    rows = read_review_rows(file, line, camera, encoding)
    print_figures(store_reviews(settings.database, Topics(settings.topic_root), rows, reviewer), as_json)
