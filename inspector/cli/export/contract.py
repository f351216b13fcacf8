"""`inspector export contract`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inspector.cli.options import read_settings
from inspector.cli.output import say


def export_contract(folder: Annotated[Path, typer.Argument(help="Folder to write to.")]) -> None:
    """The AsyncAPI document of all topics and the JSON Schema of every payload, for those who build the other end."""
    from inspector.messages.topics import Topics
    from inspector.operations.export import write_contract

    for path in write_contract(Topics(read_settings().topic_root), folder):
        say(str(path))
