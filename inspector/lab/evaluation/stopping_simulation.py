"""Correlated voters, simulated: which stopping rules keep the error rate they promise.

The model: a part is NG or OK with even odds. Vote i says x_i = truth + noise_i in log-odds, where the noise of any two
votes is normal and correlates by rho; a single vote is right with the base accuracy, and its log-odds are calibrated.
That is the model in which discounting by n_eff is exact. What it leaves out: votes that are badly calibrated, errors
with heavy tails, and views that correlate unevenly. By symmetry every simulated part is NG.

A rule promises that of the parts it settles at most 1 - confidence are wrong. Parts it never settles count as none.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc
from scipy.stats import norm

from inspector.domain.declared import ViewName
from inspector.domain.effective_votes import effective_votes
from inspector.domain.log_odds import expit
from inspector.domain.vote import LabelledVotes, Vote
from inspector.tuning.correlation import estimate

CONFIDENCE: Final = 0.95
RHOS: Final = tuple(step / 10 for step in range(10))
ACCURACIES: Final = (0.6, 0.7, 0.8, 0.9)
VOTES: Final = 40  # Adaptive-Consistency's published budget
PARTS: Final = 20_000
STORED: Final = (400, 6)  # parts and votes that a correlation is learned from
MIN_SETTLED_PARTS: Final = 50  # fewer settled parts show no error rate
Array = NDArray[Any]
Posterior = Callable[[Array, float], Array]  # log-odds (parts x votes) and rho: P(NG) after each vote


class RuleResult(NamedTuple):
    """What a rule did among voters of one correlation and accuracy. `error`: wrong ones among the settled, NaN where
    too few settled; `votes`: the mean, with all VOTES where it never settled."""

    rule: str
    rho: float
    accuracy: float
    settled: float
    error: float
    votes: float


def voters(rho: float, accuracy: float, shape: tuple[int, int], rng: np.random.Generator) -> Array:
    """Calibrated log-odds of NG, about NG parts: rows are parts, columns votes."""
    strength = norm.ppf(accuracy)
    common, own = rng.standard_normal((shape[0], 1)), rng.standard_normal(shape)
    said: Array = 2.0 * strength * (strength + np.sqrt(rho) * common + np.sqrt(1.0 - rho) * own)
    return said


def soft(log_odds: Array, rho: float) -> Array:
    """count: soft, with votes discounted by rho; with rho 0 the votes are taken as independent."""
    asked = np.arange(1, log_odds.shape[1] + 1)
    worth = np.array([effective_votes(int(n), rho) for n in asked])
    evidence: Array = np.cumsum(log_odds, axis=1) / asked * worth
    return 1.0 / (1.0 + np.exp(-evidence))


def beta(log_odds: Array, rho: float) -> Array:
    """Adaptive-Consistency's posterior on hard votes, discounted by rho; with rho 0 as published."""
    asked = np.arange(1, log_odds.shape[1] + 1)
    worth = np.array([effective_votes(int(n), rho) for n in asked])
    ng = np.cumsum(log_odds > 0.0, axis=1) / asked * worth
    leads: Array = betainc(worth - ng + 1.0, ng + 1.0, 0.5)
    return leads


def learned(rho: float, accuracy: float, rng: np.random.Generator) -> float:
    """The correlation that a line with such voters would learn from STORED labelled votes."""
    stored = [voters(rho, accuracy, (STORED[0] // 2, STORED[1]), rng) * side for side in (1.0, -1.0)]
    parts = [_labelled(row, ng) for rows, ng in zip(stored, (True, False), strict=True) for row in rows]
    return estimate(parts)[0].rho


def stop_parts(name: str, posterior: Array, rho: float, accuracy: float) -> RuleResult:
    """Stops each part where the posterior of either side first reaches CONFIDENCE."""
    sure = np.maximum(posterior, 1.0 - posterior) >= CONFIDENCE
    settled, ends = sure.any(axis=1), sure.argmax(axis=1)
    wrong = np.take_along_axis(posterior, ends[:, None], axis=1)[:, 0] < 0.5
    error = float(wrong[settled].mean()) if settled.sum() >= MIN_SETTLED_PARTS else float("nan")
    votes = np.where(settled, ends + 1, posterior.shape[1])
    return RuleResult(name, rho, accuracy, float(settled.mean()), error, float(votes.mean()))


def simulate(
    rhos: Sequence[float] = RHOS, accuracies: Sequence[float] = ACCURACIES, parts: int = PARTS, seed: int = 0
) -> list[RuleResult]:
    """All rules on the same voters, for every correlation and base accuracy."""
    rng = np.random.default_rng(seed)
    return [kept for accuracy in accuracies for rho in rhos for kept in _cell(rho, accuracy, parts, rng)]


def _cell(rho: float, accuracy: float, parts: int, rng: np.random.Generator) -> list[RuleResult]:
    log_odds = voters(rho, accuracy, (parts, VOTES), rng)
    rules: Mapping[str, tuple[Posterior, float]] = {
        "discounted": (soft, rho),
        "discounted, rho learned": (soft, learned(rho, accuracy, rng)),
        "soft, taken as independent": (soft, 0.0),
        "Beta (Adaptive-Consistency)": (beta, 0.0),
        "Beta, discounted": (beta, rho),
    }
    return [stop_parts(name, rule(log_odds, used), rho, accuracy) for name, (rule, used) in rules.items()]


def _labelled(log_odds: Array, ng: bool) -> LabelledVotes:
    return LabelledVotes(tuple(Vote(ViewName.PARAPHRASE, 0, expit(float(each))) for each in log_odds), ng)


def plot(found: Sequence[RuleResult], path: Path) -> None:
    """Error among the settled, and the share settled, over rho: one column for each base accuracy."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    accuracies = sorted({kept.accuracy for kept in found})
    figure = Figure(figsize=(3.2 * len(accuracies), 6), layout="constrained")
    grid = figure.subplots(2, len(accuracies), sharex=True, sharey="row", squeeze=False)
    for column, accuracy in enumerate(accuracies):
        _draw(grid[:, column], [kept for kept in found if kept.accuracy == accuracy])
        grid[0, column].set_title(f"one vote is right: {accuracy:.0%}")
    grid[0, 0].set_ylabel("wrong among settled parts")
    grid[1, 0].set_ylabel("share of parts settled")
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    fresh = path.with_name(f".{path.name}.new.png")
    FigureCanvasAgg(figure).print_png(fresh)
    os.replace(fresh, path)


def _draw(axes: Any, found: Sequence[RuleResult]) -> None:
    for rule in dict.fromkeys(kept.rule for kept in found):
        line = [kept for kept in found if kept.rule == rule]
        axes[0].plot([kept.rho for kept in line], [kept.error for kept in line], marker=".", label=rule)
        axes[1].plot([kept.rho for kept in line], [kept.settled for kept in line], marker=".")
    axes[0].axhline(1.0 - CONFIDENCE, color="black", linestyle=":", label="promised")
    axes[1].set_xlabel("correlation of two votes")
    for each in axes:
        each.grid(alpha=0.3)
