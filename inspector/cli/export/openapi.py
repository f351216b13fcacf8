"""`inspector export openapi`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inspector.cli.output import print_status


def export_openapi(file: Annotated[Path, typer.Argument(help="File to write; an older one is replaced.")]) -> None:
    """Export the OpenAPI document of the REST API."""
    from inspector.adapters.console.api.app import openapi_text

    file.write_text(openapi_text())
    print_status(str(file))
