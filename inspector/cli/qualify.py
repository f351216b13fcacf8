"""`inspector qualify`, with its table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from inspector.cli.options import (
    AsJson,
    ChangeReason,
    LineArgument,
    ModelCardPath,
    ServiceUrl,
    TokenFile,
    read_settings,
)
from inspector.cli.output import print_json, print_status, print_table, stderr_console
from inspector.cli.progress import progress_bars

if TYPE_CHECKING:
    from inspector.domain.challenge import ChallengePart
    from inspector.domain.pipeline import QualificationLimits
    from inspector.lines.qualification import LineQualification, RegionQualification
    from inspector.lines.qualification_figures import BoundedShare
    from inspector.operations.qualification import QualificationRequest
    from inspector.operations.service_client import ServiceAddress

MAX_LISTED_PARTS = 20


def qualify(
    line: LineArgument,
    camera: Annotated[str | None, typer.Option(help="Qualify only the region of this camera.")] = None,
    model: ModelCardPath = None,
    reason: ChangeReason = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the result and record nothing.")] = False,
    url: ServiceUrl = None,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Replay a line's challenge set through its live version, and grant the right to pass if that proves it.

    Each region of the line's cameras is qualified by itself, on the pictures of its cameras. With --url a job of the
    running service asks its replicas between live frames. Without it the model of the card is loaded here, at the
    lowest priority, unless stored votes suffice. Exits 1 if the line is refused.
    """
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.qualification import QualificationRequest
    from inspector.operations.service_client import ServiceAddress

    if url is not None:
        _by_service(ServiceAddress(url, token_file), QualificationRequest(line, reason, camera, dry_run), as_json)
        return
    from inspector.operations.qualification import qualify as qualify_line
    from inspector.operations.qualification import yield_to_live_frames

    yield_to_live_frames()
    settings = absolute(read_settings(model=model))
    with progress_bars(stderr_console) as progress:
        request = QualificationRequest(line, reason, camera, is_trial=dry_run)
        result = qualify_line(settings, request, print_status, progress)
    if as_json:
        print_json(result.as_json() | {"recorded": not dry_run})
    else:
        _print(result, recorded=not dry_run)
    if not result.passed:
        raise typer.Exit(1)


def _by_service(address: ServiceAddress, request: QualificationRequest, as_json: bool) -> None:
    """Start a job in the running service, and print its result. The service records it."""
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.service_requests import qualify_by_service

    if request.is_trial:
        raise typer.BadParameter(
            "the service records what it finds; leave --url out to try it here", param_hint="--dry-run"
        )
    with progress_bars(stderr_console) as progress:
        result = qualify_by_service(absolute(read_settings()), address, request, progress)
    if as_json:
        print_json(result | {"recorded": True})
    else:
        _print_job(result)
    if not result["passed"]:
        raise typer.Exit(1)


def _print_job(result: dict[str, Any]) -> None:
    for region in result["regions"]:
        table = Table("challenge set", "found", "of", "at most")
        for name in ("escape", "overkill", "review_ok", "review"):
            share = region["figures"][name]
            table.add_row(name, str(share["found"]), str(share["parts"]), f"{100 * share['upper']:.2f} %")
        print_status(", ".join(region["cameras"]))
        print_table(table)
    subject = f"{result['line']} version {result['version']}"
    if result["passed"]:
        print_status(f"{subject} is qualified; where it is not live yet, run: inspector line live {result['line']}")
    else:
        print_status(f"{subject} is refused: {'; '.join(result['missing'])}")


def _print(result: LineQualification, *, recorded: bool) -> None:
    line = result.version.pipeline.line
    for each in result.regions:
        if len(result.version.pipeline.camera_groups) > 1:
            shown = " ".join(f"{side:g}" for side in each.region) if each.region else "whole picture"
            print_status(f"{', '.join(each.cameras)} (region: {shown})")
        _print_region(each, result.version.pipeline.qualification)
        _print_verdict(result, each, recorded=recorded)
    if result.left_out:
        print_status(
            f"{result.left_out} challenge part(s) are of cameras that {line} does not declare, and do not count; see: "
            f"inspector challenge list {line}"
        )


def _print_region(result: RegionQualification, limits: QualificationLimits) -> None:
    figures = result.figures
    bound = f"at most ({100 * limits.confidence:g} %)"
    table = Table("challenge set", "parts", "of", "share", bound, "limit")
    _add_share(table, "escape: NG parts that pass", figures.escape, limits.escape)
    _add_share(table, "overkill: OK parts rejected", figures.overkill, limits.overkill)
    _add_share(table, "OK parts to review", figures.review_ok, None)
    _add_share(table, "all parts to review", figures.review, None)
    print_table(table)
    if figures.latency_p50_ms is not None and figures.latency_p95_ms is not None:
        print_status(
            f"{figures.votes_mean:.1f} votes a part; latency {figures.latency_p50_ms:.0f} ms, 95 % within "
            f"{figures.latency_p95_ms:.0f} ms, {figures.slow} part(s) over the deadline at lowest priority"
        )
    _print_parts("NG parts that pass", result.escaped)
    _print_parts("OK parts that are rejected", result.overkilled)
    if figures.ng_groups < figures.escape.parts:
        print_status(
            f"the NG pictures are of {figures.ng_groups} groups: bounds take pictures as independent, and pictures of "
            "one group are not"
        )


def _print_verdict(line: LineQualification, result: RegionQualification, *, recorded: bool) -> None:
    several = len(line.version.pipeline.camera_groups) > 1
    name, of_cameras = line.version.pipeline.line, f" for {', '.join(result.cameras)}" if several else ""
    subject = f"{name} version {line.version.version}"
    if not result.passed:
        print_status(f"{subject} is refused{of_cameras}: {'; '.join(result.missing)}")
    elif recorded:
        print_status(f"{subject} is qualified{of_cameras}; where it is not live yet, run: inspector line live {name}")
    else:
        print_status(f"{subject} would be qualified{of_cameras}; nothing is recorded")


def _add_share(table: Table, name: str, share: BoundedShare, limit: float | None) -> None:
    found = "-" if share.share is None else f"{100 * share.share:.2f} %"
    wanted = "" if limit is None else f"{100 * limit:g} %"
    table.add_row(name, str(share.found), str(share.parts), found, f"{100 * share.upper:.2f} %", wanted)


def _print_parts(what: str, parts: list[ChallengePart]) -> None:
    if parts:
        shown = ", ".join(f"{part.number} ({part.note})" for part in parts[:MAX_LISTED_PARTS])
        more = len(parts) - MAX_LISTED_PARTS
        print_status(f"{what}: {shown}" + (f" and {more} more" if more > 0 else ""))
