"""`inspector apply`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from inspector.cli.options import PIPELINES, AsJson, read_settings
from inspector.cli.output import escaped, print_json, screen


def apply(
    path: Annotated[Path, typer.Argument(help="A pipeline file, or a folder of them.")] = PIPELINES,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what changed in the declarations, and make a new version of each line that changed live within 2 s."""
    from inspector.adapters.ledger import FileEvidence
    from inspector.bootstrap.wiring import absolute
    from inspector.operations.apply import plan_changes, read_pipelines, store_changes

    settings = absolute(read_settings())
    settings.data.mkdir(parents=True, exist_ok=True)
    changes = plan_changes(read_pipelines(path), settings.database, FileEvidence(settings.evidence))
    versions = {} if dry_run else store_changes(changes, settings.database)
    if as_json:
        print_json(
            {
                "dry_run": dry_run,
                "lines": [
                    change.as_json() | {"new_version": versions.get(change.declared.pipeline.line)}
                    for change in changes
                ],
            }
        )
        return
    for change in changes:
        _show_change(change, versions)


def _show_change(change: Any, versions: dict[str, int]) -> None:
    line = change.declared.pipeline.line
    if not change.is_changed:
        screen.print(f"{line}: unchanged (version {change.version})")
        return
    to = f" → version {versions[line]}" if line in versions else " (dry run)"
    screen.print(f"[bold]{line}[/]: {'new' if change.is_new else f'version {change.version}'}{to}")
    for each in change.changes:
        note = " [yellow](changes scores)[/]" if each.rescores else ""
        screen.print(f"  {escaped(each.field)}: [red]{escaped(each.old)}[/] → [green]{escaped(each.new)}[/]{note}")
    if change.new_golden and not change.is_new:
        screen.print("  golden samples: other pictures [yellow](changes scores)[/]")
    if change.forgets:
        screen.print(f"  [yellow]what was learned from votes holds no more; later: inspector learn {line}[/]")
