"""`inspector line create`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inspector.cli.line.table import print_lines
from inspector.cli.options import AsJson, ChangeReason, LineArgument, read_settings
from inspector.cli.output import print_status


def line_create(
    line: LineArgument,
    template: Annotated[str | None, typer.Option(help="Template to begin with: assembly, print or surface.")] = None,
    like: Annotated[str | None, typer.Option(help="Line to copy, golden samples included.")] = None,
    settings_file: Annotated[
        Path | None,
        typer.Option("--settings", help="YAML file of settings that replace those of the template or line."),
    ] = None,
    reason: ChangeReason = "",
    as_json: AsJson = False,
) -> None:
    """Create a line from a template, or like another line. It judges and stores, and passes nothing yet."""
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.new_lines import create_line

    with create_line(absolute(read_settings()), line, template, like, settings_file, reason) as view:
        print_lines([view], as_json)
        if not as_json:
            print_status(f"write its file with: inspector export pipelines FOLDER; then: inspector qualify {view.line}")
