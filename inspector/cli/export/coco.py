"""`inspector export coco`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inspector.cli.options import AsJson, read_settings
from inspector.cli.output import print_figures


def export_coco(
    to: Annotated[Path, typer.Argument(metavar="FOLDER", help="New folder for the data set.")],
    line: Annotated[str, typer.Option(help="Line of the parts.")],
    limit: Annotated[int | None, typer.Option(help="At most this many parts, the newest.", min=1)] = None,
    as_json: AsJson = False,
) -> None:
    """Export parts whose truth is OK or NG as a COCO data set: pictures, boxes and labels of whole pictures.

    Disputed parts and parts that nobody is sure about are left out. labels.csv holds the labels for inspector replay,
    challenge add and eval.
    """
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.export_coco import export_data_set

    print_figures(export_data_set(absolute(read_settings()), line, to, limit), as_json)
