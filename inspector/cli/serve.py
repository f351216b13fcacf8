"""`inspector serve`."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import typer

from inspector.cli.options import PIPELINES, AsJson, ModelCardPath, PipelinesFolder, read_settings
from inspector.cli.output import print_json, print_status


def serve(
    pipelines: PipelinesFolder = PIPELINES,
    model: ModelCardPath = None,
    ray_address: Annotated[
        str | None, typer.Option(help="Address of a Ray cluster to join, or 'auto'. Default: start a private one.")
    ] = None,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            help="Port of an extra /metrics endpoint for Prometheus; the console serves one, too.", min=1, max=65535
        ),
    ] = None,
    log: Annotated[Literal["text", "json"] | None, typer.Option(help="Log format. Default: INSPECTOR_LOG.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run the service until Ctrl-C or SIGTERM.

    INSPECTOR_BROKER_HOST and INSPECTOR_BROKER_PORT name the broker. The first start applies the pipelines
    folder; later changes go live with [bold]inspector apply[/]. Exit codes: 0 stopped, 1 not started, 2 bad option or
    setting, 75 Ray ended under the running service: start it again.
    """
    from inspector.adapters.telemetry.logs import log_to_stderr
    from inspector.bootstrap.console import metrics_server, require_metrics_token
    from inspector.operations.demo import wait_for_interrupt
    from inspector.operations.service import service
    from inspector.operations.start_phases import StartPhases

    settings = read_settings(model=model, metrics_port=metrics_port, log=log)
    log_to_stderr(settings.log, settings.log_level)
    require_metrics_token(settings)
    phases, stdout = StartPhases(), sys.stdout  # Ray's output takes its place while Ray runs
    with service(settings, pipelines, ray_address=ray_address, phases=phases) as running, metrics_server(running):
        if as_json:
            print_json({"console": running.console_url, "start_s": phases.seconds()}, stdout)
        print_status(f"receiving from {running.broker_host}:{running.broker_port} under {running.topic_root}/")
        print_status(f"console: {running.console_url}")
        wait_for_interrupt(print_status)
