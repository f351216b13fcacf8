"""`inspector line versions` and `inspector line diff`."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from inspector.cli.options import AsJson, LineArgument, read_database_url
from inspector.cli.output import print_json, print_status, print_table
from inspector.ports.lines import LineVersion


def line_versions(line: LineArgument, as_json: AsJson = False) -> None:
    """List the versions of a line: who changed it, when, why, and where the change came from."""
    from inspector.operations.line_versions import line_history

    versions = line_history(read_database_url(), line)
    if as_json:
        print_json([_as_json(each) for each in versions])
        return
    table = Table("version", "from", "origin", "author", "at", "reason")
    for each in versions:
        parent = "" if each.parent is None else str(each.parent)
        at = f"{each.created_at:%Y-%m-%d %H:%M} UTC"
        table.add_row(*map(Text, (str(each.version), parent, each.origin, each.author, at, each.reason)))
    print_table(table)


def line_diff(
    line: LineArgument,
    one: Annotated[int, typer.Argument(help="Number of a version.", min=1)],
    other: Annotated[int, typer.Argument(help="Number of another version.", min=1)],
    as_json: AsJson = False,
) -> None:
    """Show the settings that differ between two versions of a line."""
    from inspector.operations.line_versions import version_diff

    difference = version_diff(read_database_url(), line, one, other)
    if as_json:
        print_json({"line": line, "one": one, "other": other} | difference.as_json())
    else:
        print_status(str(difference) or f"{line}: versions {one} and {other} have the same content")


def _as_json(version: LineVersion) -> dict[str, Any]:
    names = ("line", "version", "parent", "origin", "author", "reason", "created_at", "golden")
    content = version.declaration and version.declaration.model_dump(mode="json", exclude_defaults=True)
    return {name: getattr(version, name) for name in names} | {"declaration": content}
