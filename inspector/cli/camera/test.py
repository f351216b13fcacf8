"""`inspector camera test`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inspector.cli.options import (
    AsJson,
    CameraArgument,
    LineArgument,
    ModelCardPath,
    ServiceUrl,
    TokenFile,
    read_settings,
)
from inspector.cli.output import print_figures, print_status


def camera_test(
    line: LineArgument,
    camera: CameraArgument,
    picture: Annotated[Path | None, typer.Option(help="Picture to judge. Default: the camera's newest one.")] = None,
    declaration: Annotated[
        Path | None, typer.Option(help="Pipeline file to judge by, applied or not. Default: the live version.")
    ] = None,
    model: ModelCardPath = None,
    url: ServiceUrl = None,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Take a test shot: judge one picture as the line would. Nothing is recorded or published.

    The picture goes the whole way of a frame: region, quality, ladder, decision. With --url a replica of the running
    service judges the newest picture, else the model is loaded here.
    """
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.camera_shot import take_shot
    from inspector.operations.service_client import ServiceAddress
    from inspector.operations.service_requests import shoot_by_service

    if url is not None:
        if picture or declaration:
            raise typer.BadParameter("the service judges the newest picture by the live version; leave both out")
        shot = shoot_by_service(absolute(read_settings()), ServiceAddress(url, token_file), line, camera)
        print_figures(shot, as_json)
        return
    settings = absolute(read_settings(model=model))
    print_figures(take_shot(settings, line, camera, picture, declaration, print_status).as_json(), as_json)
