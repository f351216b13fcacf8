"""`inspector replay`."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated

import typer

from inspector.cli.options import AsJson, Fps
from inspector.cli.publish_lines import publish_lines


def replay(
    folder: Annotated[Path, typer.Argument(help="Folder with labels.csv (image,verdict,…) and its pictures.")],
    line: Annotated[str, typer.Option(help="Line to publish to.")],
    camera: Annotated[str, typer.Option(help="Camera to publish as; its line must declare it.")] = "cam1",
    fps: Fps = 5.0,
    frames: Annotated[
        int | None, typer.Option(help="Frames to send; the folder repeats if it holds fewer. Default: all once.", min=1)
    ] = None,
    reviewed: Annotated[bool, typer.Option("--review", help="Store the labels as reviews in the ledger.")] = False,
    as_json: AsJson = False,
) -> None:
    """Publish a labelled folder to a running service, as a camera would, and print the results."""
    from inspector.operations.replay import PublishedLine, exposures, read_labels

    run = f"replay-{secrets.token_hex(3)}"
    published = PublishedLine(line, camera, exposures(read_labels(folder), frames, run))
    publish_lines([published], fps, run, as_json, f"{folder} as {line}/{camera}", as_reviews=reviewed)
