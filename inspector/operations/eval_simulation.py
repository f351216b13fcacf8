"""Simulated voters: the error rate that every stopping rule promises, beside the one it keeps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from inspector.errors import InspectorError
from inspector.lab.evaluation.stopping_simulation import CONFIDENCE, RuleResult, plot, simulate


def eval_simulation(parts: int, seed: int, out: Path | None) -> list[RuleResult]:
    """Plots into the folder too. Raises InspectorError where that can't be written."""
    found = simulate(parts=parts, seed=seed)
    if out:
        try:
            out.mkdir(parents=True, exist_ok=True)
            plot(found, out / "simulation.png")
        except OSError as error:
            raise InspectorError(f"{out} can't be written: {error}; name another folder with --out") from error
    return found


def as_json(found: Sequence[RuleResult]) -> list[dict[str, Any]]:
    """An error rate that too few settled parts show is null."""
    return [kept._asdict() | {"error": None if math.isnan(kept.error) else kept.error} for kept in found]


def simulation_table(found: Sequence[RuleResult]) -> Table:
    """The largest error of each rule over all base accuracies, by correlation."""
    rhos = sorted({kept.rho for kept in found})
    promised = f"wrong among settled, in %; promised {100 * (1 - CONFIDENCE):.0f}; correlation"
    table = Table(promised, *(f"{rho:g}" for rho in rhos), box=None, padding=(0, 1, 0, 0), header_style="bold")
    for rule in dict.fromkeys(kept.rule for kept in found):
        table.add_row(rule, *(_worst(found, rule, rho) for rho in rhos))
    return table


def _worst(found: Sequence[RuleResult], rule: str, rho: float) -> str:
    errors = [kept.error for kept in found if (kept.rule, kept.rho) == (rule, rho) and not math.isnan(kept.error)]
    return f"{100 * max(errors):.0f}" if errors else "–"
