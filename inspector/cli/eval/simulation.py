"""`inspector eval simulation`, with its table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from inspector.cli.options import AsJson, Seed
from inspector.cli.output import print_json, print_status, print_table

if TYPE_CHECKING:
    from inspector.lab.evaluation.stopping_simulation import RuleResult


def eval_simulation(
    parts: Annotated[int, typer.Option(help="Simulated parts for each correlation and accuracy.", min=1000)] = 20_000,
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option(help="Folder for simulation.png.")] = None,
    as_json: AsJson = False,
) -> None:
    """Simulate correlated votes: which stopping rules keep the error rate they promise. Takes about a minute."""
    from inspector.lab.evaluation.stopping_simulation import simulate, simulation_report
    from inspector.lab.report_files import write_report

    results = simulate(parts=parts, seed=seed)
    for path in write_report(simulation_report(results), out) if out else []:
        print_status(str(path))
    if as_json:
        print_json({"cells": [result.as_json() for result in results]})
    else:
        print_table(simulation_table(results))


def simulation_table(results: Sequence[RuleResult]) -> Table:
    """The highest error rate of each rule over all base accuracies, by correlation."""
    from inspector.lab.evaluation.stopping_simulation import CONFIDENCE

    rhos = sorted({result.rho for result in results})
    title = f"wrong among settled, in %; promised {100 * (1 - CONFIDENCE):.0f}; correlation"
    table = Table(title, *(f"{rho:g}" for rho in rhos), box=None, padding=(0, 1, 0, 0), header_style="bold")
    for rule in dict.fromkeys(result.rule for result in results):
        table.add_row(rule, *(_highest_error(results, rule, rho) for rho in rhos))
    return table


def _highest_error(results: Sequence[RuleResult], rule: str, rho: float) -> str:
    errors = [each.error for each in results if (each.rule, each.rho) == (rule, rho) and not math.isnan(each.error)]
    return f"{100 * max(errors):.0f}" if errors else "–"
