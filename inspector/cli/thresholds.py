"""`inspector thresholds`, with its table of shares."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from inspector.cli.options import AsJson, LineArgument, WritePath, read_settings
from inspector.cli.output import print_json, print_status, print_table

if TYPE_CHECKING:
    from inspector.lines.threshold_advice import ThresholdAdvice
    from inspector.tuning.threshold_choice import ProvedShare, ThresholdPoint


def thresholds(
    line: LineArgument,
    escape: Annotated[float, typer.Option(help="Promised share of NG parts that pass, at most.")] = 0.01,
    overkill: Annotated[
        float | None,
        typer.Option(help="Promised share of OK parts that are rejected. Default: reject_above stays as it is."),
    ] = None,
    confidence: Annotated[float, typer.Option(help="Confidence of the promise.")] = 0.95,
    whole_ladder: Annotated[
        bool, typer.Option("--whole-ladder", help="Use only parts whose whole ladder was asked (settle.shadow).")
    ] = False,
    write: WritePath = None,
    review_next: Annotated[
        Path | None, typer.Option("--review-next", help="CSV file for the parts to review next.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for thresholds.json and thresholds.png.")] = None,
    as_json: AsJson = False,
) -> None:
    """Choose both limits of a line with a proved escape share, from its stored votes and reviews.

    Prints the widest limits whose promise is proved, or how many labels are missing, and exits with code 1. The line
    itself does not change.
    """
    from inspector.bootstrap.from_settings import absolute
    from inspector.lab.evaluation.threshold_report import threshold_report
    from inspector.lab.report_files import write_report
    from inspector.operations.thresholds import advise_thresholds, write_review_list, write_thresholds
    from inspector.tuning.threshold_choice import ThresholdPromise

    promise = ThresholdPromise(escape, overkill, confidence)
    advice = advise_thresholds(absolute(read_settings()).database, line, promise, whole_ladder=whole_ladder)
    for path in write_report(threshold_report(line, advice.choice, advice.as_json()), out) if out else []:
        print_status(str(path))
    if as_json:
        print_json(advice.as_json())
    else:
        print_table(thresholds_table(advice))
    if review_next:
        write_review_list(advice.next_parts, review_next)
        print_status(f"{review_next}: {len(advice.next_parts)} parts; fill in verdict, then: inspector review")
    if write:
        write_thresholds(advice, write)
        print_status(f"{write}: review this file, then run: inspector apply {write}")
    if advice.choice.chosen is None:
        raise typer.Exit(1)


def thresholds_table(advice: ThresholdAdvice) -> Group:
    """The result in sentences, and the shares at the chosen and at the live limits."""
    from inspector.operations.thresholds import promised

    choice = advice.choice
    line, version = advice.live.pipeline.line, advice.live.version
    points = (
        ("proved", choice.chosen),
        ("live", choice.current),
        ("nearest", None if choice.chosen else choice.nearest),
    )
    return Group(
        Text(f"{line}, version {version}: {promised(choice.promise)}", style="bold"),
        *(_point(name, point) for name, point in points if point),
        _reviewed(advice),
        *map(Text, _sentences(advice)),
    )


def _point(name: str, point: ThresholdPoint) -> Group:
    limits = point.thresholds
    table = Table("share", "reviewed", "counted", "estimate", "at most", "confidence", box=None, padding=(0, 2, 0, 0))
    for share in ("escape", "overkill", "review"):
        table.add_row(share, *_cells(getattr(point, share)))
    title = f"{name}: pass_below {limits.pass_below:g}, reject_above {limits.reject_above:g}"
    return Group(Text(title, style="bold"), table)


def _cells(share: ProvedShare) -> tuple[str, ...]:
    """The cells of a share. No share is called 0 %: where no part was wrong, only the bound is known."""
    estimate = f"{share.estimate:.2%}" if share.estimate > 0.0 else f"< {share.bound:.2%}"
    estimate = estimate if share.parts else "-"
    unknown = f" ({share.unknown} unknown)" if share.unknown else ""
    known, counted = f"{share.known} of {share.known_of}", f"{share.wrong} of {share.parts}{unknown}"
    return known, counted, estimate, f"{share.bound:.2%}", f"{share.confidence:.2%}"


def _reviewed(advice: ThresholdAdvice) -> Table:
    table = Table("disposition", "parts", "reviewed", box=None, padding=(0, 1, 0, 0), header_style="bold")
    for each in advice.choice.samples:
        table.add_row(each.disposition, str(each.parts), f"{each.reviewed} ({each.reviewed_share:.1%})")
    return table


def _sentences(advice: ThresholdAdvice) -> Iterator[str]:
    choice, plan = advice.choice, advice.plan
    shown = choice.chosen or choice.nearest or choice.current
    if shown.unknown:
        yield (
            f"{shown.unknown} parts have too few stored votes to know their outcome at these limits. They count as "
            "wrong. Raise settle.shadow, and use --whole-ladder."
        )
    unreviewed = [each.disposition for each in choice.samples if each.parts and not each.reviewed]
    if unreviewed:
        yield (
            f"No reviewed part counts for escapes and overkill: none of {', '.join(unreviewed)} is reviewed, so the "
            "reviewed parts say nothing about all."
        )
    if choice.left_out or advice.reviewed_elsewhere:
        yield (
            f"Left out: {choice.left_out} parts that a deadline or a fault decided, and {advice.reviewed_elsewhere} "
            "reviewed parts of other fingerprints."
        )
    if plan is not None:
        found = "No limits as wide as the live ones are proved" if choice.chosen else "No limits are proved"
        yield f"{found}: the nearest need {plan.ng_missing} more NG parts, none of them passed there."
        counts = ", ".join(f"{count} {kind}" for kind, count in plan.more.items()) or "no stored part"
        yield f"Review next, at random: {counts}. inspector thresholds … --review-next FILE lists them."
        if not plan.is_sufficient:
            yield "The stored parts hold too few NG parts for that: let the line run on, or replay labelled pictures."
