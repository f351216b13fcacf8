"""`inspector export acl`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inspector.cli.options import read_settings
from inspector.cli.output import print_status


def export_acl(
    to: Annotated[Path, typer.Argument(help="File to write, or - for standard output.")],
    pipelines: Annotated[
        Path | None, typer.Option(help="Folder with the lines' files. Default: the live lines of the ledger.")
    ] = None,
    station_user: Annotated[
        str | None, typer.Option(help="The stations' user. Default: INSPECTOR_BROKER_USERNAME, or station.")
    ] = None,
) -> None:
    """Export an ACL file for mosquitto: who may publish and read what, from the declared lines.

    Users: the station, person, camera/LINE/CAMERA and gate/LINE. Only the station may publish verdicts.
    """
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.export import broker_acl

    acl = broker_acl(absolute(read_settings()), pipelines, station_user)
    if str(to) == "-":
        typer.echo(acl, nl=False)
    else:
        to.write_text(acl, encoding="utf-8")
        print_status(str(to))
