"""`inspector teach`, with its table."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inspector.cli.options import AsJson, Backbones, LineArgument, ServiceUrl, TokenFile, read_settings
from inspector.cli.output import print_json, print_table, stderr_console
from inspector.cli.progress import json_progress, progress_bars
from inspector.cli.tables.teaching import teaching_table

if TYPE_CHECKING:
    from inspector.operations.teach import TaughtStorage


def teach(
    line: LineArgument,
    backbone: Backbones = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the result and store nothing.")] = False,
    model_only: Annotated[
        bool, typer.Option("--model-only", help="Store the model and no version; a draft may then name it.")
    ] = False,
    with_json_progress: Annotated[
        bool, typer.Option("--json-progress", help="Write progress to standard error, a JSON document a line.")
    ] = False,
    url: ServiceUrl = None,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Teach a line with its golden samples and reviewed parts, on this machine.

    Chooses methods on held-back groups and measures on the newest fifth. Stores the model and a new version of the
    line, whose second opinion may only withhold a PASS. The new version needs a qualification. With --url a job of the
    running service teaches, on its machine, and stores the model alone: a draft may then name it.
    """
    if url is not None:
        _require_the_services_way(backbone or dry_run or model_only)
        _by_service(line, url, token_file, as_json)
        return
    from inspector.bootstrap.evidence import open_evidence
    from inspector.bootstrap.features import open_features
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.teach import teach_line

    store = _storage(dry_run=dry_run, model_only=model_only)
    settings = absolute(read_settings())
    evidence = open_evidence(settings)
    with json_progress(sys.stderr) if with_json_progress else progress_bars(stderr_console) as progress:
        features = open_features(backbone or [], settings)
        result = teach_line(settings.database, evidence, line, features, store=store, report=progress)
    _print(result.as_json(), as_json)


def _require_the_services_way(chooses: object) -> None:
    if chooses:
        raise typer.BadParameter(
            "the service teaches in its own way and stores the model alone; leave out --backbone, --dry-run and "
            "--model-only",
            param_hint="--url",
        )


def _by_service(line: str, url: str, token_file: Path | None, as_json: bool) -> None:
    """Start a job in the running service, and print its report."""
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.service_client import ServiceAddress
    from inspector.operations.service_requests import teach_by_service

    with progress_bars(stderr_console) as progress:
        report = teach_by_service(absolute(read_settings()), ServiceAddress(url, token_file), line, progress)
    _print(report, as_json, may_declare=True)


def _print(report: Mapping[str, Any], as_json: bool, *, may_declare: bool = False) -> None:
    if as_json:
        print_json(report)
    else:
        print_table(teaching_table(report, may_declare=may_declare))
    if report["refused"]:
        raise typer.Exit(1)


def _storage(*, dry_run: bool, model_only: bool) -> TaughtStorage:
    from inspector.operations.teach import TaughtStorage

    if dry_run and model_only:
        raise typer.BadParameter(
            "stores something, but --dry-run stores nothing; leave one out", param_hint="--model-only"
        )
    if dry_run:
        return TaughtStorage.NOTHING
    return TaughtStorage.MODEL if model_only else TaughtStorage.VERSION
