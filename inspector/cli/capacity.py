"""`inspector capacity`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from inspector.cli.options import AsJson, read_database_url
from inspector.cli.output import print_error, print_figures

if TYPE_CHECKING:
    from inspector.tuning.capacity import ServiceTimes


def capacity(
    line: Annotated[str | None, typer.Argument(help="Line whose measured times are used.")] = None,
    lines: Annotated[int, typer.Option(help="Number of such lines.", min=1, max=10_000)] = 1,
    rate: Annotated[float, typer.Option(help="Frames a second of each line.", min=0.001, max=10_000)] = 1.0,
    deadline_ms: Annotated[
        float | None, typer.Option("--deadline-ms", help="Time of a part. Default: the line's.", min=1.0)
    ] = None,
    late: Annotated[
        float, typer.Option(help="Share of parts whose ladder may not end in time.", min=0.000001, max=0.5)
    ] = 0.001,
    at_once: Annotated[
        int, typer.Option("--at-once", help="Parts that one GPU judges at once in these times.", min=1, max=1024)
    ] = 1,
    mean_ms: Annotated[
        float | None, typer.Option("--mean-ms", help="Mean time of a part, in place of a line's.", min=0.1)
    ] = None,
    p95_ms: Annotated[float | None, typer.Option("--p95-ms", help="95th percentile, with --mean-ms.", min=0.1)] = None,
    as_json: AsJson = False,
) -> None:
    """Say how many GPUs a number of lines needs, by queueing theory from measured times.

    The times are those of the line's newest parts, or --mean-ms and --p95-ms. Exits 1 where no number suffices.
    """
    from inspector.operations.capacity import CapacityQuestion, answer_capacity

    times, declared_ms = _times(line, mean_ms, p95_ms)
    if (deadline := deadline_ms or declared_ms) is None:
        raise typer.BadParameter("--deadline-ms is missing; it is known for a line only")
    answer = answer_capacity(CapacityQuestion(lines, rate, deadline, late, at_once), times)
    print_figures(answer, as_json)
    if answer["gpus"] is None:
        share = answer["too_long_share"]
        print_error(
            f"{share:.2%} of parts take longer than {deadline:g} ms alone; shorten the ladder, or allow more time"
        )
        raise typer.Exit(1)


def _times(line: str | None, mean_ms: float | None, p95_ms: float | None) -> tuple[ServiceTimes, float | None]:
    """Return how long parts take, and the deadline that is declared for them, if there is one."""
    from inspector.operations.capacity import measured_times
    from inspector.tuning.capacity import ServiceTimes

    if line is not None and mean_ms is not None:
        raise typer.BadParameter("--mean-ms stands in place of a line's times; leave out one of them")
    if mean_ms is None and p95_ms is not None:
        raise typer.BadParameter("--p95-ms needs --mean-ms; a line's times are all known")
    if mean_ms is not None:
        try:
            return ServiceTimes.of_mean_and_p95(mean_ms, p95_ms or mean_ms), None
        except ValueError as error:
            raise typer.BadParameter(f"{error}; correct --mean-ms or --p95-ms") from error
    if line is None:
        raise typer.BadParameter("name a line, or give --mean-ms and --p95-ms")
    return measured_times(read_database_url(), line)
