"""Options and tables of the commands about people."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from inspector.cli.output import print_json, print_table
from inspector.errors import InspectorError
from inspector.ports.access import User

UserName = Annotated[str, typer.Argument(help="Name of the user.")]
Roles = Annotated[
    list[str],
    typer.Option("--role", help="viewer, reviewer, engineer or admin; with @LINE on that line only. Repeatable."),
]
PasswordFile = Annotated[
    Path | None,
    typer.Option("--password-file", help="File with the password in its first line; - is standard input."),
]
Generate = Annotated[bool, typer.Option("--generate", help="Make a password and print it, once.")]


def chosen_password(file: Path | None, generate: bool) -> tuple[str, bool]:
    """Return the password, and whether it was made here. Raises InspectorError where nobody can be asked for it."""
    from inspector.access.passwords import generate_password
    from inspector.bootstrap.access import read_secret

    if file is not None:
        return read_secret(file, "--password-file"), False
    if generate:
        return generate_password(), True
    if not sys.stdin.isatty():
        raise InspectorError(
            "password: no terminal to ask on; add --generate, or --password-file FILE (- is the input)"
        )
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)), False


def print_user(user: User, as_json: bool, password: str | None = None) -> None:
    """Print a user, with a password that was made here."""
    from inspector.operations.people import user_json

    if as_json:
        print_json(user_json(user) | ({} if password is None else {"password": password}))
        return
    print_users([user])
    if password is not None:
        typer.echo(f"password: {password}")


def print_users(users: Sequence[User]) -> None:
    from inspector.access.roles import role_texts

    table = Table("user", "roles", "since", "by", "disabled")
    for user in users:
        disabled = f"{user.disabled_at:%Y-%m-%d %H:%M} UTC" if user.disabled_at else ""
        words = (user.name, ", ".join(role_texts(user.roles)), f"{user.created_at:%Y-%m-%d}", user.author, disabled)
        table.add_row(*map(Text, words))
    print_table(table)
