"""`inspector audit list`."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from inspector.cli.options import AsJson, read_settings
from inspector.cli.output import print_json, print_table
from inspector.secret_texts import without_secrets

MAX_SHOWN_CHARACTERS = 120  # of the details; --json has all


def audit_list(
    line: Annotated[str | None, typer.Option(help="Only what concerns this line.")] = None,
    actor: Annotated[str | None, typer.Option(help="Only what this person or program did.")] = None,
    action: Annotated[str | None, typer.Option(help="Only this action, such as line.state.")] = None,
    subject: Annotated[str | None, typer.Option(help="Only this thing: a part, a user, a version.")] = None,
    before: Annotated[int | None, typer.Option(help="Only entries with a smaller number.", min=1)] = None,
    limit: Annotated[int, typer.Option(help="At most so many entries.", min=1, max=100_000)] = 50,
    as_json: AsJson = False,
) -> None:
    """List what people and programs changed, newest first."""
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.people import audit_of, entry_json
    from inspector.ports.access import AuditFilter

    with audit_of(absolute(read_settings())) as audit:
        records = audit.entries(AuditFilter(line, actor, action, subject, before), limit)
    if as_json:
        print_json([entry_json(record) for record in records])
        return
    table = Table("entry", "at", "who", "action", "subject", "detail")
    for number, entry in records:
        detail = without_secrets(json.dumps(entry.detail, ensure_ascii=False))[:MAX_SHOWN_CHARACTERS]
        words = (str(number), f"{entry.at:%Y-%m-%d %H:%M:%S} UTC", entry.actor, entry.action, entry.subject, detail)
        table.add_row(*map(Text, words))
    print_table(table)
