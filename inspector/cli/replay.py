"""`inspector replay`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inspector.cli.options import AsJson, Fps
from inspector.cli.publish_lines import publish_lines


def replay(
    folder: Annotated[Path, typer.Argument(help="Folder with labels.csv (image,verdict,…) and the pictures it names.")],
    line: Annotated[str, typer.Option(help="Line to publish to.")],
    camera: Annotated[str, typer.Option(help="Camera to publish as.")] = "replay",
    fps: Fps = 5.0,
    frames: Annotated[int | None, typer.Option(help="How many; more than there are: over and over.", min=1)] = None,
    reviewed: Annotated[bool, typer.Option("--review", help="Keep the labels as reviews in the ledger.")] = False,
    as_json: AsJson = False,
) -> None:
    """Publish a labelled folder to a running service, as a camera would, and print what came of it."""
    import secrets

    from inspector.operations.replay import exposures, read_labels

    run = f"replay-{secrets.token_hex(3)}"
    source = exposures(read_labels(folder), frames, run)
    publish_lines([(line, camera, source)], fps, run, as_json, f"{folder} as {line}/{camera}", reviewed=reviewed)
