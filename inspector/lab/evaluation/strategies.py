"""The strategies of asking that are compared, by name, replayed on recorded answers.

| strategy | asks |
|---|---|
| default | the declared ladder, through the service's own judge without a deadline |
| ladder | the whole declared ladder |
| direct | the direct question, its verdict read at once |
| draft | the direct question after one draft at temperature 0 |
| majority-3, fixed-9 | 3 or 9 drafted answers at once |
| weighted-9 | 9 drafted answers, weighted by certainty (CISC) at a temperature learned from the other folds |
| best-of-9-margin, best-of-9-short | 9 drafted answers, of which the surest or the shortest alone counts |
| adaptive-consistency, esc, sprt, cges | drafted answers until the published rule stops, 9 at most |

With `direct`, which says how difficult a part is:

| strategy | asks |
|---|---|
| compute-optimal | as the strategy of this comparison that is best for the part's difficulty in the other folds |

Longer thoughts at temperature 0, which are recorded only where one of these is named:

| strategy | asks |
|---|---|
| cot | the direct question after a chain of thought of up to 256 tokens |
| budget-64, -128, -256 | the same, cut at and kept going until this many tokens by further "Wait" (s1) |
| budget-by-margin | the direct question, then a budget that grows with its doubt: more "Wait" for harder parts |
| revise | the direct question: an answer, what speaks against it in one sentence, then the verdict |
| cot-tip | as cot, but words that begin another thought are made less likely for a while (TIP) |
| beam | a search among thoughts, sentence by sentence, judged by the model's own trust in their verdicts |
| cot-gated | a chain of thought whose verdict is read every 32 tokens, until it is sure or the thought ends |

Three drafts and, only where they disagree, a view that decides between them:

| strategy | asks where they disagree |
|---|---|
| majority-3-zoom | the zoom view |
| separate | what separates the NG answer's claim from a good part, in both orders (S*); recorded only where named |

Where the line asks for P(True):

| strategy | asks |
|---|---|
| best-of-9-p-true | 9 drafted answers, of which the one that the model holds to be right counts |

With golden samples, and an engine that provides patches:

| strategy | asks |
|---|---|
| patches | nothing: the second opinion alone |
| direct-fused, ladder-fused | as direct and ladder; both opinions weighed as learned from the other folds |
| zoom, zoom-pointed | the zoom view alone, at the region that the model or the heat map names |
| ladder-pointed | the whole declared ladder, its zoom view at the region that the heat map names |
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final, NamedTuple

from inspector.domain.declared import ViewName
from inspector.domain.frame import FrameKey
from inspector.domain.ladder import question_groups
from inspector.domain.learned import Fusion
from inspector.domain.log_odds import logit
from inspector.domain.pipeline import MIN_READABLE, CountMethod, Rung
from inspector.domain.prompts import Pictures
from inspector.domain.stopping import AdaptiveConsistency, Cges, Esc, FixedRule, Sprt, StoppingRule
from inspector.domain.vote import Counting, Opinion, StoppedBy, Tally, Vote, counting
from inspector.errors import InspectorError, ModelError
from inspector.judging.judge import Judge
from inspector.lab.evaluation.batch_time import BatchTimeModel
from inspector.lab.evaluation.best_of import BestOf, by_brevity, by_margin, by_p_true
from inspector.lab.evaluation.part_recorder import RecordedPart
from inspector.lab.evaluation.question_set import (
    COT,
    CUT_THOUGHTS,
    DIRECT,
    DRAFT,
    REVISED,
    SAMPLES,
    STEADY,
    FurtherBatch,
    budget_rung,
    further_group,
    sampled_rung,
)
from inspector.lab.evaluation.recording_replay import AskingCost, RecordingReplay, ReplayEngine, ReplayOpinions
from inspector.lab.training.checkpoint_evaluator import GoldenSampleStore
from inspector.ports.pool import Job, Judgement

UNLIMITED_MS: Final = 3_600_000.0
ZOOM: Final = Rung(views=(ViewName.ZOOM,))
NO_ANSWER: Final = Vote(ViewName.DIRECT, 0, 0.5)
BY_CERTAINTY: Final = Counting(CountMethod.WEIGHTED)
MAJORITY: Final = "majority-3"
MAJORITY_ZOOM: Final = "majority-3-zoom"
SEPARATE: Final = "separate"
BEAM: Final = "beam"
COMPUTE_OPTIMAL: Final = "compute-optimal"  # chosen once all strategies are replayed
DECIDERS: Final = (MAJORITY, MAJORITY_ZOOM, SEPARATE)  # of the disagreements of three drafts
BUDGETS: Final = (64, 128, 256)  # tokens
BUDGETS_BY_CERTAINTY: Final = (  # a direct verdict of less log-odds than the first gets the second, in tokens
    (logit(0.73), 256),
    (logit(0.88), 128),
    (logit(0.95), 64),
)
SURE_LOG_ODDS: Final = logit(0.95)  # as the published stopping rules demand
PATCHES_ALONE: Final = Fusion(votes=0.0, patches=1.0, intercept=0.0, frames=1, ng_share=0.5)


@dataclass(frozen=True)
class Weighted(FixedRule):
    """Always n votes, weighted by their certainty."""

    counting: Counting = BY_CERTAINTY


class StrategyOutcome(NamedTuple):
    """The result of a strategy on one part. `rungs`: how many it asked; for sampled answers, how many batches."""

    tally: Tally
    stopped_by: StoppedBy
    rungs: int
    cost: AskingCost


Strategy = Callable[[RecordedPart, BatchTimeModel], Awaitable[StrategyOutcome]]


async def _service_judge(part: RecordedPart, batch_times: BatchTimeModel) -> StrategyOutcome:
    recording, replay = part.recording, RecordingReplay(part.recording, batch_times, points=_points(part))
    key = FrameKey(part.pipeline.line, "eval", recording.sha256)
    job = Job(key, b"", part.pipeline, recording.golden, UNLIMITED_MS, recording.seed)
    engine, golden = ReplayEngine(replay, part.pipeline), GoldenSampleStore(dict.fromkeys(recording.golden, b""))
    async with aclosing(Judge(engine, golden, opinions=ReplayOpinions(replay)).judge(job)) as results:
        judgement = await anext(results)
    if not isinstance(judgement, Judgement):
        raise TypeError("a judge yields its judgement first")
    if judgement.stopped_by is StoppedBy.ERROR:
        raise ModelError(judgement.detail)
    tally = Tally(judgement.votes, _counting(part, judgement.opinion))
    return StrategyOutcome(tally, judgement.stopped_by, judgement.rungs, replay.cost)


async def _ladder(part: RecordedPart, batch_times: BatchTimeModel, *, points: bool | None = None) -> StrategyOutcome:
    return _all_of(part, batch_times, part.pipeline.ladder, points=_points(part) if points is None else points)


async def _one_rung(
    part: RecordedPart, batch_times: BatchTimeModel, rung: Rung, *, points: bool = False
) -> StrategyOutcome:
    return _all_of(part, batch_times, (rung,), points=points)


async def _patches(part: RecordedPart, batch_times: BatchTimeModel) -> StrategyOutcome:
    replay = RecordingReplay(part.recording, batch_times)
    replay.open(Pictures.FRAME)
    tally = Tally((NO_ANSWER,), Counting(fusion=PATCHES_ALONE, opinion=replay.notice().opinion))
    return StrategyOutcome(tally, StoppedBy.LADDER_END, 1, replay.cost)


def _all_of(
    part: RecordedPart, batch_times: BatchTimeModel, ladder: Sequence[Rung], *, points: bool
) -> StrategyOutcome:
    replay = RecordingReplay(part.recording, batch_times, points=points)
    opinion = replay.notice().opinion if part.pipeline.second_opinion else None
    votes = list[Vote]()
    for number, rung in enumerate(ladder):
        for group in question_groups(part.pipeline, rung, part.recording.seed):
            votes += replay.votes(group, number, votes)
    tally = Tally(tuple(votes), _counting(part, opinion))
    return StrategyOutcome(tally, StoppedBy.LADDER_END, len(ladder), replay.cost)


async def _sampled(part: RecordedPart, batch_times: BatchTimeModel, rule: StoppingRule) -> StrategyOutcome:
    """Drafted answers in batches of the size that the rule asks for, until it stops."""
    replay, votes, batches = RecordingReplay(part.recording, batch_times), list[Vote](), 0
    (drafts,) = question_groups(part.pipeline, sampled_rung(part.pipeline), part.recording.seed)
    while count := rule.next_votes(votes):
        batch = drafts._replace(questions=drafts.questions[len(votes) : len(votes) + count])
        votes, batches = votes + replay.votes(batch, batches), batches + 1
    return StrategyOutcome(rule.tally(votes), rule.stop(votes) or StoppedBy.LADDER_END, batches, replay.cost)


async def _budget_by_margin(part: RecordedPart, batch_times: BatchTimeModel) -> StrategyOutcome:
    """Ask directly; think only where that verdict is in doubt, and the longer the greater the doubt."""
    replay = RecordingReplay(part.recording, batch_times)
    (direct,) = _asked(part, replay, DIRECT)
    certainty = 0.0 if direct.p_ng is None else direct.certainty
    tokens = next((tokens for below, tokens in BUDGETS_BY_CERTAINTY if certainty < below), None)
    votes = [direct] if tokens is None else _asked(part, replay, budget_rung(tokens), number=1)
    return StrategyOutcome(Tally(tuple(votes)), StoppedBy.SETTLED, 1 if tokens is None else 2, replay.cost)


async def _gated(part: RecordedPart, batch_times: BatchTimeModel) -> StrategyOutcome:
    replay = RecordingReplay(part.recording, batch_times)
    cuts = further_group(part.pipeline, part.recording.seed, CUT_THOUGHTS).questions
    votes = replay.read_thought(cuts, _is_sure)
    stopped_by = StoppedBy.SETTLED if _is_sure(votes[-1]) else StoppedBy.LADDER_END
    return StrategyOutcome(Tally(tuple(votes[-1:])), stopped_by, len(votes), replay.cost)


def _is_sure(vote: Vote) -> bool:
    return vote.is_read(MIN_READABLE) and vote.certainty >= SURE_LOG_ODDS


async def _separate(part: RecordedPart, batch_times: BatchTimeModel) -> StrategyOutcome:
    return _decided(part, batch_times, lambda replay: replay.separate(1))


async def _zoom_on_disagreement(part: RecordedPart, batch_times: BatchTimeModel) -> StrategyOutcome:
    return _decided(part, batch_times, lambda replay: _asked(part, replay, ZOOM, number=1))


def _decided(
    part: RecordedPart, batch_times: BatchTimeModel, ask: Callable[[RecordingReplay], list[Vote]]
) -> StrategyOutcome:
    """Three drafts; where they disagree, the votes that `ask` adds decide alone, if any can be read."""
    replay = RecordingReplay(part.recording, batch_times)
    (drafts,) = question_groups(part.pipeline, sampled_rung(part.pipeline), part.recording.seed)
    votes = replay.votes(drafts._replace(questions=drafts.questions[:3]), 0)
    majority = FixedRule(3).tally(votes)
    if not majority.is_split:
        return StrategyOutcome(majority, StoppedBy.SETTLED, 1, replay.cost)
    deciding = Tally(tuple(ask(replay)))
    return StrategyOutcome(deciding if deciding.readable else majority, StoppedBy.LADDER_END, 2, replay.cost)


async def _further(part: RecordedPart, batch_times: BatchTimeModel, batch: FurtherBatch) -> StrategyOutcome:
    replay = RecordingReplay(part.recording, batch_times)
    votes = replay.votes(further_group(part.pipeline, part.recording.seed, batch), 0)
    return StrategyOutcome(Tally(tuple(votes)), StoppedBy.LADDER_END, 1, replay.cost)


async def _beam(part: RecordedPart, batch_times: BatchTimeModel) -> StrategyOutcome:
    replay = RecordingReplay(part.recording, batch_times)
    votes = replay.search()
    return StrategyOutcome(Tally(tuple(votes[-1:])), StoppedBy.LADDER_END, len(votes), replay.cost)


def _asked(part: RecordedPart, replay: RecordingReplay, rung: Rung, *, number: int = 0) -> list[Vote]:
    (group,) = question_groups(part.pipeline, rung, part.recording.seed)
    return replay.votes(group, number)


def _counting(part: RecordedPart, opinion: Opinion | None) -> Counting:
    return counting(part.pipeline, part.recording.fingerprint, opinion)


def _points(part: RecordedPart) -> bool:
    return part.pipeline.second_opinion is not None and part.pipeline.second_opinion.points


STRATEGIES: Final[Mapping[str, Strategy]] = MappingProxyType(
    {
        "default": _service_judge,
        "ladder": _ladder,
        "direct": partial(_one_rung, rung=DIRECT),
        "draft": partial(_one_rung, rung=DRAFT),
        MAJORITY: partial(_sampled, rule=FixedRule(3)),
        "fixed-9": partial(_sampled, rule=FixedRule(SAMPLES)),
        "weighted-9": partial(_sampled, rule=Weighted(SAMPLES)),
        "best-of-9-margin": partial(_sampled, rule=BestOf(SAMPLES, by_margin)),
        "best-of-9-short": partial(_sampled, rule=BestOf(SAMPLES, by_brevity)),
        "adaptive-consistency": partial(_sampled, rule=AdaptiveConsistency(max_votes=SAMPLES)),
        "esc": partial(_sampled, rule=Esc(max_votes=SAMPLES)),
        "sprt": partial(_sampled, rule=Sprt(max_votes=SAMPLES)),
        "cges": partial(_sampled, rule=Cges(max_votes=SAMPLES)),
        MAJORITY_ZOOM: _zoom_on_disagreement,
        COMPUTE_OPTIMAL: partial(_one_rung, rung=DIRECT),
    }
)
WITH_THOUGHTS: Final[Mapping[str, Strategy]] = MappingProxyType(
    {
        "cot": partial(_one_rung, rung=COT),
        **{f"budget-{tokens}": partial(_one_rung, rung=budget_rung(tokens)) for tokens in BUDGETS},
        "budget-by-margin": _budget_by_margin,
        "cot-gated": _gated,
        "revise": partial(_further, batch=REVISED),
        "cot-tip": partial(_further, batch=STEADY),
        BEAM: _beam,
    }
)
THOUGHTS_OF: Final[Mapping[str, tuple[FurtherBatch, ...]]] = MappingProxyType(
    {
        "cot": (CUT_THOUGHTS,),
        **{f"budget-{tokens}": (FurtherBatch((budget_rung(tokens),)),) for tokens in BUDGETS},
        "budget-by-margin": tuple(FurtherBatch((budget_rung(tokens),)) for tokens in BUDGETS),
        "cot-gated": (CUT_THOUGHTS,),
        "revise": (REVISED,),
        "cot-tip": (STEADY,),
    }
)
WITH_CLAIMS: Final[Mapping[str, Strategy]] = MappingProxyType({SEPARATE: _separate})
WITH_P_TRUE: Final[Mapping[str, Strategy]] = MappingProxyType(
    {"best-of-9-p-true": partial(_sampled, rule=BestOf(SAMPLES, by_p_true))}
)
WITH_PATCHES: Final[Mapping[str, Strategy]] = MappingProxyType(
    {
        "patches": _patches,
        "direct-fused": partial(_one_rung, rung=DIRECT),
        "ladder-fused": _ladder,
        "zoom": partial(_one_rung, rung=ZOOM),
        "zoom-pointed": partial(_one_rung, rung=ZOOM, points=True),
        "ladder-pointed": partial(_ladder, points=True),
    }
)
TEMPERED: Final = frozenset({"weighted-9"})  # their temperature is learned once all parts are replayed
FUSED: Final = frozenset({"direct-fused", "ladder-fused"})  # the opinions are fused once all parts are replayed
REFERENCE: Final = "default"  # always included: the others are compared with it


def choose_strategies(names: Sequence[str]) -> dict[str, Strategy]:
    """The named strategies and REFERENCE, in the order of the tables; without names, all of STRATEGIES.

    Raises InspectorError for an unknown name.
    """
    every = {**STRATEGIES, **WITH_THOUGHTS, **WITH_CLAIMS, **WITH_P_TRUE, **WITH_PATCHES}
    unknown = sorted(set(names) - set(every))
    if unknown:
        raise InspectorError(f"there is no strategy {', '.join(unknown)}; there are {', '.join(every)}")
    wanted = {REFERENCE, *names} if names else set(STRATEGIES)
    wanted |= {"direct"} if COMPUTE_OPTIMAL in wanted else set()
    return {name: strategy for name, strategy in every.items() if name in wanted}


def thoughts_of(names: Iterable[str]) -> list[FurtherBatch]:
    """List the batches that these strategies need beyond the question set, each once."""
    return list(dict.fromkeys(batch for name in names for batch in THOUGHTS_OF.get(name, ())))
