"""`inspector eval resplits`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inspector.cli.options import AsJson, Seed, read_settings
from inspector.cli.output import print_figures, print_status


def eval_resplits(
    line: Annotated[str | None, typer.Argument(help="Line with reviewed parts. Default: a model of votes.")] = None,
    escape: Annotated[float, typer.Option(help="Promised share of NG parts that pass, at most.")] = 0.05,
    resplits: Annotated[int, typer.Option(help="Number of resplits.", min=10, max=100_000)] = 1000,
    parts: Annotated[int, typer.Option(help="Parts from which limits are chosen, each time.", min=50)] = 1000,
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option(help="Folder for resplits.json and resplits.png.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure how often limits keep their promise: chosen on some parts, judged on all others, many times."""
    from inspector.bootstrap.from_settings import absolute
    from inspector.lab.evaluation.threshold_resplits import ResplitSetup, resplit_report
    from inspector.lab.report_files import write_report
    from inspector.operations.eval_resplits import resplit_drawn, resplit_line
    from inspector.tuning.threshold_choice import ThresholdPromise

    setup = ResplitSetup(ThresholdPromise(escape), resplits, parts)
    if line is None:
        result = resplit_drawn(setup, seed)
    else:
        result = resplit_line(absolute(read_settings()).database, line, setup, seed)
    for path in write_report(resplit_report(result), out) if out else []:
        print_status(str(path))
    print_figures(result.as_json(), as_json)
