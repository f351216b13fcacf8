"""Whether proved limits keep their promise: limits are chosen on some stored parts, and judged on all others.

Each resplit draws parts, reviews a share of each disposition, chooses limits, and counts the escapes and overkill of
those limits among the parts that it did not draw. A promise at 95 % may fail in 5 of 100 resplits. The same is done
with limits chosen by their estimate alone.

`drawn_population` is a model of votes: the log-odds of three views share a part of their noise, and asking stops by the
default rule under the live limits. The stored votes are what such a line keeps; the outcomes under other limits are
those of the whole ladder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspector.domain.decision import decide
from inspector.domain.declared import Disposition, ViewName
from inspector.domain.log_odds import expit
from inspector.domain.pipeline import Pipeline, Thresholds
from inspector.domain.stopping import SequentialRule
from inspector.domain.vote import Tally, Vote, counting
from inspector.lab.report_files import ReportFiles, json_text
from inspector.ports.tuning import UNREVIEWED
from inspector.tuning.counterfactual import StoredVotes
from inspector.tuning.threshold_choice import ThresholdPromise, best_pair, limit_grid, run_tests
from inspector.tuning.threshold_evidence import DISPOSITIONS, NG, OK, DispositionSample, VoteEvidence
from inspector.tuning.threshold_replay import ThresholdReplay
from inspector.tuning.vote_table import ReplayedOutcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[Any]
VIEWS: Final = (ViewName.DIRECT, ViewName.PARAPHRASE, ViewName.INVERTED)
NG_SHARE: Final = 0.25
MEAN_LOG_ODDS: Final = {True: 2.4, False: -2.4}  # of NG and of OK parts
COMMON_NOISE: Final = 1.3  # standard deviation that the votes of one part share, in log-odds
OWN_NOISE: Final = 0.7  # standard deviation of each vote
UNEVEN_REVIEWS: Final[Mapping[Disposition, float]] = {
    Disposition.PASS: 0.4,
    Disposition.REVIEW: 1.0,
    Disposition.REJECT: 0.7,
}
SIZE_INCHES: Final = (9, 3.6)


class StoredPopulation(NamedTuple):
    """Parts with their truth. `outcomes` are those of the whole ladder; unknown ones count as wrong."""

    evidence: VoteEvidence
    outcomes: Array
    live: Thresholds


class ResplitSetup(NamedTuple):
    """How often parts are drawn, how many at a time, and which share of each disposition is reviewed."""

    promise: ThresholdPromise
    resplits: int = 1000
    parts: int = 1000
    reviewed: Mapping[Disposition, float] = UNEVEN_REVIEWS


class JudgedLimits(NamedTuple):
    """Chosen limits, and their shares among the parts that were not drawn."""

    pass_below: float
    reject_above: float
    escape: float
    overkill: float


class ResplitResult(NamedTuple):
    """The limits of each resplit: proved ones (None where nothing was proved), and those with the best estimate."""

    promise: ThresholdPromise
    proved: tuple[JudgedLimits | None, ...]
    estimated: tuple[JudgedLimits | None, ...]

    def kept_share(self, limits: Sequence[JudgedLimits | None]) -> float:
        """Return the share of resplits that kept the promise; promising nothing keeps it."""
        return float(np.mean([each is None or self._keeps(each) for each in limits]))

    def _keeps(self, limits: JudgedLimits) -> bool:
        overkill = self.promise.overkill
        return limits.escape <= self.promise.escape and (overkill is None or limits.overkill <= overkill)

    def as_json(self) -> dict[str, Any]:
        return {
            "promise": self.promise._asdict(),
            "resplits": len(self.proved),
            "kept": {"proved": self.kept_share(self.proved), "estimated": self.kept_share(self.estimated)},
            "answered": float(np.mean([each is not None for each in self.proved])),
        }


def drawn_population(pipeline: Pipeline, promise: ThresholdPromise, *, parts: int, seed: int) -> StoredPopulation:
    """Draw parts from the model of votes, as a line with this pipeline stores them."""
    dice, grid = np.random.default_rng(seed), limit_grid(pipeline, promise)
    ng = dice.random(parts) < NG_SHARE
    whole = [_drawn_votes(pipeline, bool(each), dice) for each in ng]
    kept, kinds = zip(*(_as_stored(pipeline, votes) for votes in whole), strict=True)
    replay = ThresholdReplay(pipeline, "", grid)
    evidence = VoteEvidence(
        grid,
        replay.outcomes_of(kept),
        np.where(ng, NG, OK),
        np.array([DISPOSITIONS.index(kind) for kind in kinds]),
        dice.random(parts),
        (),
    )
    return StoredPopulation(evidence, replay.outcomes_of(whole), pipeline.thresholds)


def stored_population(evidence: VoteEvidence, live: Thresholds) -> StoredPopulation:
    """Take a line's reviewed parts as the population. Unknown outcomes count as wrong on both sides."""
    known = np.flatnonzero(evidence.truth != UNREVIEWED)
    reviewed = replace(
        evidence,
        outcomes=evidence.outcomes[known],
        truth=evidence.truth[known],
        disposition=evidence.disposition[known],
        draw=evidence.draw[known],
    )
    return StoredPopulation(reviewed, reviewed.outcomes, live)


def resplit(population: StoredPopulation, setup: ResplitSetup, seed: int = 0) -> ResplitResult:
    """Choose limits on drawn parts, many times, and judge them on the others."""
    dice, proved, estimated = np.random.default_rng(seed), [], []
    for _ in range(setup.resplits):
        order = dice.permutation(len(population.evidence.truth))
        drawn, others = order[: setup.parts], order[setup.parts :]
        tested = run_tests(_reviewed(population.evidence, drawn, setup, dice), setup.promise, population.live)
        by_estimate = tested.evidence.grid.is_pair & (tested.escapes.estimate <= setup.promise.escape)
        if setup.promise.overkill is not None:
            by_estimate &= tested.overkill.estimate <= setup.promise.overkill
        proved.append(_judged(population, others, best_pair(tested)))
        estimated.append(_judged(population, others, best_pair(tested._replace(proved=by_estimate))))
    return ResplitResult(setup.promise, tuple(proved), tuple(estimated))


def _drawn_votes(pipeline: Pipeline, ng: bool, dice: np.random.Generator) -> StoredVotes:
    middle = MEAN_LOG_ODDS[ng] + dice.normal(0.0, COMMON_NOISE)
    scores = [expit(middle + dice.normal(0.0, OWN_NOISE)) for _ in VIEWS]
    votes = tuple(Vote(view, rung, score) for rung, (view, score) in enumerate(zip(VIEWS, scores, strict=True)))
    return StoredVotes(votes, counting(pipeline), len(votes))


def _as_stored(pipeline: Pipeline, whole: StoredVotes) -> tuple[StoredVotes, Disposition]:
    """Return the votes that the live line asked, and its disposition."""
    rule = SequentialRule(pipeline.settle, pipeline.thresholds, whole.counting, whole.most)
    prefixes = (whole.votes[:count] for count in range(1, len(whole.votes) + 1))
    votes, stopped_by = next((votes, stop) for votes in prefixes if (stop := rule.stop(votes)))
    return whole._replace(votes=votes), decide(pipeline, Tally(votes, whole.counting), stopped_by).disposition


def _reviewed(evidence: VoteEvidence, drawn: Array, setup: ResplitSetup, dice: np.random.Generator) -> VoteEvidence:
    """Return the drawn parts, with the answers about a random share of each disposition."""
    kinds, truth = evidence.disposition[drawn], np.full(len(drawn), UNREVIEWED)
    samples = []
    for number, disposition in enumerate(DISPOSITIONS):
        here = np.flatnonzero(kinds == number)
        asked = dice.permutation(here)[: round(setup.reviewed[disposition] * len(here))]
        truth[asked] = evidence.truth[drawn[asked]]
        samples.append(DispositionSample(disposition, len(here), len(here), len(asked)))
    draw = dice.random(len(drawn))
    return VoteEvidence(evidence.grid, evidence.outcomes[drawn], truth, kinds, draw, tuple(samples))


def _judged(population: StoredPopulation, others: Array, at: tuple[int, int] | None) -> JudgedLimits | None:
    if at is None:
        return None
    outcomes, truth = population.outcomes[others, at[0], at[1]], population.evidence.truth[others]
    passed = np.isin(outcomes, (ReplayedOutcome.PASS, ReplayedOutcome.UNKNOWN))
    rejected = np.isin(outcomes, (ReplayedOutcome.REJECT, ReplayedOutcome.UNKNOWN))
    return JudgedLimits(
        population.evidence.grid.pass_below[at[1]],
        population.evidence.grid.reject_above[at[0]],
        float(passed[truth == NG].mean()),
        float(rejected[truth == OK].mean()),
    )


def resplit_report(result: ResplitResult) -> ReportFiles:
    return {"resplits.json": json_text(result.as_json()), "resplits.png": partial(_chart, result)}


def _chart(result: ResplitResult, figure: Figure) -> None:
    """Draw how the escape share of chosen limits spreads, for proved limits and for estimated ones."""
    figure.set_size_inches(*SIZE_INCHES)
    figure.suptitle(f"{len(result.proved)} resplits, promised escape share {result.promise.escape:.1%}")
    titles = ("chosen on the bound", "chosen on the estimate")
    for axes, title, limits in zip(
        figure.subplots(1, 2, sharex=True, sharey=True), titles, (result.proved, result.estimated), strict=True
    ):
        escapes = [100.0 * each.escape for each in limits if each is not None]
        axes.hist(escapes, bins=40)
        axes.axvline(100.0 * result.promise.escape, color="black", linestyle="--")
        axes.set_title(f"{title}: kept in {result.kept_share(limits):.1%}")
        axes.set_xlabel("escape share of the other parts, in %")
    figure.axes[0].set_ylabel("resplits")
