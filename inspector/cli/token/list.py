"""`inspector token list`."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from inspector.cli.options import AsJson, read_settings
from inspector.cli.output import print_json, print_table


def token_list(as_json: AsJson = False) -> None:
    """List all tokens, newest first, with their roles and their ends."""
    from inspector.access.roles import role_texts
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.people import people_of, token_json

    with people_of(absolute(read_settings())) as people:
        tokens = people.tokens.all()
    if as_json:
        print_json([token_json(token) for token in tokens])
        return
    table = Table("token", "name", "roles", "owner", "by", "until", "revoked")
    for each in tokens:
        revoked = f"{each.revoked_at:%Y-%m-%d %H:%M} UTC" if each.revoked_at else ""
        people_ = (each.owner or "", each.author)
        until = f"{each.expires_at:%Y-%m-%d %H:%M} UTC"
        table.add_row(
            *map(Text, (each.token_id, each.name, ", ".join(role_texts(each.roles)), *people_, until, revoked))
        )
    print_table(table)
