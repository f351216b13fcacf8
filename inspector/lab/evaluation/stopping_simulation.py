"""Simulate correlated votes to see which stopping rules keep the error rate they promise.

Model: a part is NG or OK with even odds. Vote i is x_i = truth + noise_i in log-odds, where the noise of any two votes
is normal with correlation rho. A single vote is right with the base accuracy, and its log-odds are calibrated. In this
model, discounting votes by n_eff is exact. It leaves out badly calibrated votes, errors with heavy tails, and views
with uneven correlations. By symmetry, every simulated part is NG.

A rule promises that at most 1 - confidence of the parts it settles are wrong. Parts that it never settles do not count.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc
from scipy.stats import norm

from inspector.domain.declared import ViewName
from inspector.domain.effective_votes import effective_votes
from inspector.domain.log_odds import expit
from inspector.domain.vote import LabelledVotes, Vote
from inspector.lab.report_files import ReportFiles
from inspector.tuning.correlation import estimate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CONFIDENCE: Final = 0.95
RHOS: Final = tuple(step / 10 for step in range(10))
ACCURACIES: Final = (0.6, 0.7, 0.8, 0.9)
VOTES: Final = 40  # per part: Adaptive-Consistency's published budget
PARTS: Final = 20_000
STORED: Final = (400, 6)  # parts and votes per part from which a correlation is learned
MIN_SETTLED_PARTS: Final = 50  # for an error rate
Array = NDArray[Any]
Posterior = Callable[[Array, float], Array]  # log-odds [parts, votes] and rho → P(NG) after each vote


class RuleResult(NamedTuple):
    """The result of one rule for one correlation and accuracy. `error`: share of wrong parts among the settled, NaN if
    fewer than MIN_SETTLED_PARTS are. `votes`: mean per part; an unsettled part counts with all VOTES."""

    rule: str
    rho: float
    accuracy: float
    settled: float
    error: float
    votes: float

    def as_json(self) -> dict[str, Any]:
        """The fields; an unknown error rate is null."""
        return self._asdict() | {"error": None if math.isnan(self.error) else self.error}


def voters(rho: float, accuracy: float, shape: tuple[int, int], rng: np.random.Generator) -> Array:
    """Calibrated log-odds of NG about NG parts, [parts, votes]."""
    strength = norm.ppf(accuracy)
    common, own = rng.standard_normal((shape[0], 1)), rng.standard_normal(shape)
    log_odds: Array = 2.0 * strength * (strength + np.sqrt(rho) * common + np.sqrt(1.0 - rho) * own)
    return log_odds


def soft(log_odds: Array, rho: float) -> Array:
    """The posterior of `count: soft` with votes discounted by rho; rho 0 takes the votes as independent."""
    asked = np.arange(1, log_odds.shape[1] + 1)
    worth = np.array([effective_votes(int(n), rho) for n in asked])
    evidence: Array = np.cumsum(log_odds, axis=1) / asked * worth
    return 1.0 / (1.0 + np.exp(-evidence))


def beta(log_odds: Array, rho: float) -> Array:
    """Adaptive-Consistency's posterior on hard votes, discounted by rho; rho 0 is the published one."""
    asked = np.arange(1, log_odds.shape[1] + 1)
    worth = np.array([effective_votes(int(n), rho) for n in asked])
    ng = np.cumsum(log_odds > 0.0, axis=1) / asked * worth
    leads: Array = betainc(worth - ng + 1.0, ng + 1.0, 0.5)
    return leads


def learned(rho: float, accuracy: float, rng: np.random.Generator) -> float:
    """The correlation that a line with such votes would learn from STORED labelled votes."""
    stored = [voters(rho, accuracy, (STORED[0] // 2, STORED[1]), rng) * side for side in (1.0, -1.0)]
    parts = [_labelled(row, ng) for rows, ng in zip(stored, (True, False), strict=True) for row in rows]
    return estimate(parts)[0].rho


def stop_parts(name: str, posterior: Array, rho: float, accuracy: float) -> RuleResult:
    """Stop each part where the posterior of either side first reaches CONFIDENCE."""
    is_sure = np.maximum(posterior, 1.0 - posterior) >= CONFIDENCE
    settled, ends = is_sure.any(axis=1), is_sure.argmax(axis=1)
    wrong = np.take_along_axis(posterior, ends[:, None], axis=1)[:, 0] < 0.5
    error = float(wrong[settled].mean()) if settled.sum() >= MIN_SETTLED_PARTS else float("nan")
    votes = np.where(settled, ends + 1, posterior.shape[1])
    return RuleResult(name, rho, accuracy, float(settled.mean()), error, float(votes.mean()))


def simulate(
    rhos: Sequence[float] = RHOS, accuracies: Sequence[float] = ACCURACIES, parts: int = PARTS, seed: int = 0
) -> list[RuleResult]:
    """Run all rules on the same votes, for every correlation and base accuracy."""
    rng = np.random.default_rng(seed)
    return [result for accuracy in accuracies for rho in rhos for result in _all_rules(rho, accuracy, parts, rng)]


def _all_rules(rho: float, accuracy: float, parts: int, rng: np.random.Generator) -> list[RuleResult]:
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


def simulation_report(results: Sequence[RuleResult]) -> ReportFiles:
    return {"simulation.png": partial(_chart, results)}


def _chart(results: Sequence[RuleResult], figure: Figure) -> None:
    """Error among settled parts, and the share settled, over rho: one column for each base accuracy."""
    accuracies = sorted({result.accuracy for result in results})
    figure.set_size_inches(3.2 * len(accuracies), 6)
    grid = figure.subplots(2, len(accuracies), sharex=True, sharey="row", squeeze=False)
    for column, accuracy in enumerate(accuracies):
        _draw_rules(grid[:, column], [result for result in results if result.accuracy == accuracy])
        grid[0, column].set_title(f"one vote is right: {accuracy:.0%}")
    grid[0, 0].set_ylabel("wrong among settled parts")
    grid[1, 0].set_ylabel("share of parts settled")
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)


def _draw_rules(axes: Any, results: Sequence[RuleResult]) -> None:
    for rule in dict.fromkeys(result.rule for result in results):
        line = [result for result in results if result.rule == rule]
        axes[0].plot([result.rho for result in line], [result.error for result in line], marker=".", label=rule)
        axes[1].plot([result.rho for result in line], [result.settled for result in line], marker=".")
    axes[0].axhline(1.0 - CONFIDENCE, color="black", linestyle=":", label="promised")
    axes[1].set_xlabel("correlation of two votes")
    for each in axes:
        each.grid(alpha=0.3)
