"""`inspector audit verify`."""

from __future__ import annotations

from typing import Annotated

import typer

from inspector.cli.options import AsJson, read_settings
from inspector.cli.output import print_error, print_json, print_status


def audit_verify(
    seal: Annotated[
        str | None,
        typer.Option(help="A seal noted earlier, POSITION:SEAL: finds an audit that was cut or written anew."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compute the chain of seals again and name the first entry that was altered. Exits 1 if there is one.

    Note the newest seal outside the database, such as in a shift book: the service also logs it.
    """
    from inspector.access.audit import parse_seal
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.people import audit_of, check_json

    noted = parse_seal(seal) if seal else None
    with audit_of(absolute(read_settings())) as audit:
        check = audit.verify(noted)
    if as_json:
        print_json(check_json(check))
    else:
        print_status(f"{check.sealed} entries are sealed and unaltered, {check.unsealed} wait for their seal")
        if check.newest:
            typer.echo(f"{check.newest.position}:{check.newest.seal}")
        if check.fault:
            print_error(check.fault)
    if check.fault:
        raise typer.Exit(1)
