"""`inspector user sessions` and `inspector user end-session`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from inspector.cli.options import AsJson, read_settings
from inspector.cli.output import print_json, print_status, print_table


def user_sessions(
    name: Annotated[str | None, typer.Argument(help="Name of a user. Default: all users.")] = None,
    as_json: AsJson = False,
) -> None:
    """List open logins, newest first."""
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.people import people_of, session_json

    with people_of(absolute(read_settings())) as people:
        sessions = people.sessions.all(name)
    if as_json:
        print_json([session_json(session) for session in sessions])
        return
    table = Table("session", "user", "address", "since", "last used", "program")
    for each in sessions:
        times = [f"{at:%Y-%m-%d %H:%M} UTC" for at in (each.created_at, each.seen_at)]
        table.add_row(*map(Text, (each.session_id, each.user, each.address, *times, each.program)))
    print_table(table)


def user_end_session(session: Annotated[str, typer.Argument(help="The session, as listed.")]) -> None:
    """End a login at once."""
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.line_states import user_name
    from inspector.operations.people import people_of

    with people_of(absolute(read_settings())) as people:
        people.sessions.end(session, user_name())
    print_status(f"session {session} has ended")
