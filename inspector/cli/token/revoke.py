"""`inspector token revoke`."""

from __future__ import annotations

from typing import Annotated

import typer

from inspector.cli.options import read_settings
from inspector.cli.output import print_status


def token_revoke(token: Annotated[str, typer.Argument(help="Id of the token, or its name.")]) -> None:
    """End a token at once."""
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.line_states import user_name
    from inspector.operations.people import people_of

    with people_of(absolute(read_settings())) as people:
        revoked = people.tokens.revoke(token, user_name())
    print_status(f"token {revoked.name} ({revoked.token_id}) is revoked")
