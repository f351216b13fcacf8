"""`inspector token create`."""

from __future__ import annotations

from typing import Annotated

import typer

from inspector.cli.options import AsJson, read_settings
from inspector.cli.output import print_json, print_status
from inspector.cli.user.options import Roles


def token_create(
    name: Annotated[str, typer.Argument(help="Name of the program. The audit shows it as token:NAME.")],
    role: Roles,
    days: Annotated[float, typer.Option(help="Days until the token ends.", min=0.01, max=366)] = 90,
    owner: Annotated[
        str | None, typer.Option(help="User whose roles bound the token, and who can revoke it. Default: nobody.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a token for a program and print it, once. Only its hash is stored.

    Send it as [bold]Authorization: Bearer TOKEN[/].
    """
    from inspector.access.roles import parse_roles
    from inspector.access.tokens import TokenRequest
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.line_states import user_name
    from inspector.operations.people import people_of, token_json

    with people_of(absolute(read_settings())) as people:
        made = people.tokens.create(TokenRequest(name, parse_roles(role), days, owner), user_name())
    if as_json:
        print_json(token_json(made.token) | {"secret": made.secret})
        return
    print_status(f"token {made.token.name}, until {made.token.expires_at:%Y-%m-%d %H:%M} UTC; it is shown only now:")
    typer.echo(made.secret)
