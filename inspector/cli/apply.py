"""`inspector apply`, with the changes that it lists."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inspector.cli.options import PIPELINES, AcceptedEscapes, AsJson, ChangeReason, read_settings
from inspector.cli.output import escaped, print_json, print_status, stderr_console

if TYPE_CHECKING:
    from inspector.lines.kept_rights import KeptRight
    from inspector.lines.pricing import Price
    from inspector.operations.apply import LineChange
    from inspector.ports.drafts import Draft
    from inspector.settings import Settings


def apply(
    path: Annotated[Path, typer.Argument(help="Pipeline file, or a folder of them.")] = PIPELINES,
    draft: Annotated[
        bool, typer.Option("--draft", help="Let the change decide in the shadow of the live version.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the changes and store nothing.")] = False,
    base: Annotated[int | None, typer.Option(help="The live version, to undo what the file does not have.")] = None,
    reason: ChangeReason = "",
    accept_escapes: AcceptedEscapes = None,
    as_json: AsJson = False,
) -> None:
    """Make changed pipeline files live as new versions of their lines.

    A file that was not made from the live version is refused with what changed since: its first line names its base, as
    [bold]inspector export pipelines[/] writes it. A change under which parts that people called NG would newly pass is
    refused unless --accept-escapes gives their number. So are lines that the model of INSPECTOR_MODEL can't serve.
    Running stations load a new version within 2 s.
    """
    from inspector.bootstrap.evidence import open_evidence
    from inspector.bootstrap.from_settings import absolute, known_card
    from inspector.lines.pricing import require_accepted
    from inspector.operations.apply import plan_changes, read_pipelines, require_bases, store_changes
    from inspector.operations.change_price import price_changes
    from inspector.operations.drafts import store_drafts
    from inspector.operations.qualification import keep_rights

    settings = absolute(read_settings())
    settings.data.mkdir(parents=True, exist_ok=True)
    evidence, card = open_evidence(settings), known_card(settings)
    changes = plan_changes(read_pipelines(path), settings.database, evidence, card)
    require_bases(changes, settings.database, base)
    if draft:
        _print_drafts(store_drafts(changes, settings.database, reason), as_json)
        return
    prices = price_changes(changes, settings.database)
    if not dry_run:
        require_accepted(prices, accept_escapes, reason)
    rights = {each.line: each for each in keep_rights(settings, changes, prices)}
    versions = {} if dry_run else store_changes(changes, settings.database, reason, rights)
    if as_json:
        print_json({"dry_run": dry_run, "lines": [_as_json(each, versions, rights, prices) for each in changes]})
        return
    _print_changes(changes, versions, rights, prices)
    _print_warnings(settings, versions)


def _print_changes(
    changes: Sequence[LineChange], versions: dict[str, int], rights: dict[str, KeptRight], prices: Sequence[Price]
) -> None:
    for change in changes:
        _print_change(change, versions.get(change.line))
        _print_effects(change.line, rights, prices)


def _print_warnings(settings: Settings, versions: dict[str, int]) -> None:
    from inspector.operations.line_states import scrap_warnings

    for warning in scrap_warnings(settings, versions):
        print_status(warning)


def _print_drafts(drafts: list[Draft], as_json: bool) -> None:
    if as_json:
        print_json([{"line": each.line, "draft": each.draft_id, "base": each.base} for each in drafts])
        return
    for each in drafts:
        print_status(f"{each.line}: draft of version {each.base}; compare them with: inspector draft show {each.line}")


def _print_effects(line: str, rights: dict[str, KeptRight], prices: Sequence[Price]) -> None:
    from inspector.cli.tables.price import price_view

    for price in (each for each in prices if each.line == line):
        stderr_console.print(price_view(price))
    if right := rights.get(line):
        stderr_console.print(f"  [{'green' if right.keeps else 'yellow'}]{escaped(right.text)}[/]")


def _as_json(
    change: LineChange, versions: dict[str, int], rights: dict[str, KeptRight], prices: Sequence[Price]
) -> dict[str, Any]:
    right = rights.get(change.line)
    return (
        change.as_json()
        | {"new_version": versions.get(change.line), "right": right and right.as_json()}
        | {"price": next((price.as_json() for price in prices if price.line == change.line), None)}
    )


def _print_change(change: LineChange, new_version: int | None) -> None:
    if not change.is_changed:
        stderr_console.print(f"{change.line}: unchanged (version {change.version})")
        return
    before = "new" if change.is_new else f"version {change.version}"
    after = f" → version {new_version}" if new_version else " (dry run)"
    stderr_console.print(f"[bold]{change.line}[/]: {before}{after}")
    for each in change.changes:
        of_camera = each.rescored_camera and f" [yellow](makes {escaped(each.rescored_camera)} UNQUALIFIED)[/]"
        note = " [yellow](changes scores)[/]" if each.rescores else of_camera or ""
        values = f"[red]{escaped(each.old)}[/] → [green]{escaped(each.new)}[/]"
        stderr_console.print(f"  {escaped(each.field)}: {values}{note}")
    if change.new_golden and not change.is_new:
        stderr_console.print("  golden samples: other pictures [yellow](changes scores)[/]")
    if change.forgets:
        stderr_console.print(
            f"  [yellow]values learned from votes no longer apply; learn again later: inspector learn {change.line}[/]"
        )
