"""Measure a checkpoint on synthetic frames that training did not use."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from inspector.domain.pipeline import Pipeline
from inspector.errors import DeclarationError, Fault
from inspector.lab.report_files import ReportFiles, write_report
from inspector.lab.synthetic import PRODUCTS
from inspector.operations.apply import read_pipelines
from inspector.operations.progress import ReportProgress


def evaluate_synthetic(
    card: Path, pipelines: Path, *, frames: int, seed: int, threads: int, out: Path | None, progress: ReportProgress
) -> dict[str, Any]:
    """Measure a card's checkpoint with the service's engine and judge, and the questions of the pipelines.

    Writes the figures into `out` too, as Markdown tables and as a chart.
    """
    from inspector.adapters import vlm
    from inspector.bootstrap.from_settings import card_at
    from inspector.lab.training.checkpoint_evaluator import CheckpointEvaluator
    from inspector.lab.training.checkpoint_figures import measure

    evaluator = CheckpointEvaluator(vlm.load(card_at(card), card.parent, threads), _synthetic_pipelines(pipelines))
    figures = asyncio.run(measure(evaluator, frames=frames, seed=seed, progress=progress))
    if out is not None:
        from inspector.lab.training.limits_chart import limits_chart
        from inspector.lab.training.model_page import as_markdown

        report: ReportFiles = {"limits.png": partial(limits_chart, figures), "figures.md": as_markdown(figures) + "\n"}
        write_report(report, out)
    return asdict(figures)


def _synthetic_pipelines(folder: Path) -> dict[str, Pipeline]:
    """The pipeline of each synthetic product."""
    declared = {each.pipeline.line: each.pipeline for each in read_pipelines(folder)}
    if missing := [name for name in PRODUCTS if name not in declared]:
        problem = f"no pipeline for {', '.join(missing)}"
        remedy = "name the folder that declares the synthetic products"
        raise DeclarationError([Fault(str(folder), "line", problem, remedy)])
    return {name: declared[name] for name in PRODUCTS}
