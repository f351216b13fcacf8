"""`inspector export contract`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inspector.cli.options import read_settings
from inspector.cli.output import print_status


def export_contract(folder: Annotated[Path, typer.Argument(help="Folder to write to.")]) -> None:
    """Export the MQTT contract: an AsyncAPI document of all topics and a JSON Schema of every payload."""
    from inspector.messages.topics import Topics
    from inspector.operations.export import write_contract

    for path in write_contract(Topics(read_settings().topic_root), folder):
        print_status(str(path))
