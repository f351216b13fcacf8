"""`inspector draft promote`."""

from __future__ import annotations

from typing import Annotated

import typer

from inspector.cli.options import AcceptedEscapes, AsJson, ChangeReason, LineArgument, read_settings
from inspector.cli.output import print_json, print_status


def draft_promote(
    line: LineArgument,
    reason: ChangeReason = "",
    accept_escapes: AcceptedEscapes = None,
    without_shadow: Annotated[
        bool, typer.Option("--without-shadow", help="Promote a draft that decided on no parts yet.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show price and comparison, and store nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make the draft of a line live, as a new version, after it decided in the shadow of the live one.

    It is priced like any change: parts that people called NG and that would newly pass block it, unless
    --accept-escapes gives their number. Its right to pass is recomputed from stored votes of the challenge set. Running
    stations load it within 2 s.
    """
    from inspector.bootstrap.from_settings import absolute
    from inspector.cli.tables.stored_change import print_change
    from inspector.lines.promotion import PromotionRequest
    from inspector.operations.drafts import promote_draft
    from inspector.operations.line_states import user_name

    request = PromotionRequest(user_name(), reason, accept_escapes)
    result = promote_draft(absolute(read_settings()), line, request, needs_shadow=not without_shadow, dry_run=dry_run)
    if as_json:
        print_json({"line": line} | result.as_json())
        return
    change, shadow = result
    stored = f"version {change.version} is what the draft was" if change.version else "nothing is stored"
    counts = f"{shadow.total} parts in the shadow, {shadow.differ} differ, {shadow.unknown} unknown"
    print_status(f"{line}: {stored}; {counts}")
    print_change(change)
