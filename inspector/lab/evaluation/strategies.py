"""The strategies that are compared, by the names they are asked for, played on recorded answers.

| strategy | asks |
|---|---|
| default | the declared ladder: the service's own judge, with all the time it wants |
| ladder | the whole declared ladder |
| direct | the direct question, its verdict read at once |
| greedy | the direct question after one greedy draft |
| majority-3, fixed-9 | 3 or 9 drafted answers at once |
| adaptive-consistency, esc, sprt | drafted answers until the published rule stops, 9 at most |

And where parts have golden samples and the engine shows their patches:

| strategy | asks |
|---|---|
| patches | nothing: the second opinion alone |
| direct-fused, ladder-fused | as direct and ladder; both opinions weighed as the parts of the other folds teach |
| zoom, zoom-pointed | the zoom view alone, where the model or the heat map points |
| ladder-pointed | the whole declared ladder, its zoom view where the heat map points |
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from types import MappingProxyType
from typing import Final, NamedTuple

from inspector.domain.declared import ViewName
from inspector.domain.frame import FrameKey
from inspector.domain.ladder import question_groups
from inspector.domain.learned import Fusion
from inspector.domain.pipeline import Rung
from inspector.domain.prompts import Pictures
from inspector.domain.stopping import AdaptiveConsistency, Esc, FixedRule, Sprt, StoppingRule
from inspector.domain.vote import Counting, Opinion, StoppedBy, Tally, Vote, counting
from inspector.errors import InspectorError, ModelError
from inspector.judging.judge import Judge
from inspector.lab.evaluation.batch_time import BatchTimeModel
from inspector.lab.evaluation.part_recorder import RecordedPart
from inspector.lab.evaluation.question_set import DIRECT, GREEDY, SAMPLES, sampled_rung
from inspector.lab.evaluation.recording_replay import AskingCost, RecordingReplay, ReplayEngine, ReplayOpinions
from inspector.lab.training.bench import Album
from inspector.ports.pool import Job, Judgement

UNLIMITED_MS: Final = 3_600_000.0
ZOOM: Final = Rung(views=(ViewName.ZOOM,))
NO_ANSWER: Final = Vote(ViewName.DIRECT, 0, 0.5)
PATCHES_ALONE: Final = Fusion(votes=0.0, patches=1.0, intercept=0.0, frames=1, ng_share=0.5)


class StrategyOutcome(NamedTuple):
    """What a strategy came to on one part. `rungs`: how many it asked; of sampled answers, how many batches."""

    tally: Tally
    stopped_by: StoppedBy
    rungs: int
    cost: AskingCost


Strategy = Callable[[RecordedPart, BatchTimeModel], Awaitable[StrategyOutcome]]


async def _default(case: RecordedPart, batch_times: BatchTimeModel) -> StrategyOutcome:
    recording, replay = case.recording, RecordingReplay(case.recording, batch_times, points=_points(case))
    key = FrameKey(case.pipeline.line, "eval", recording.sha256)
    job = Job(key, b"", case.pipeline, recording.golden, UNLIMITED_MS, recording.seed)
    engine, golden = ReplayEngine(replay, case.pipeline), Album(dict.fromkeys(recording.golden, b""))
    async with aclosing(Judge(engine, golden, opinions=ReplayOpinions(replay)).judge(job)) as told:
        judgement = await anext(told)
    if not isinstance(judgement, Judgement):
        raise TypeError("a judge tells its judgement before its words")
    if judgement.stopped_by is StoppedBy.ERROR:
        raise ModelError(judgement.detail)
    counts = _counting(case, judgement.opinion)
    return StrategyOutcome(Tally(judgement.votes, counts), judgement.stopped_by, judgement.rungs, replay.cost)


async def _ladder(case: RecordedPart, batch_times: BatchTimeModel, *, points: bool | None = None) -> StrategyOutcome:
    return _all_of(case, batch_times, case.pipeline.ladder, points=_points(case) if points is None else points)


async def _one_rung(
    case: RecordedPart, batch_times: BatchTimeModel, rung: Rung, *, points: bool = False
) -> StrategyOutcome:
    return _all_of(case, batch_times, (rung,), points=points)


async def _patches(case: RecordedPart, batch_times: BatchTimeModel) -> StrategyOutcome:
    replay = RecordingReplay(case.recording, batch_times)
    replay.open(Pictures.FRAME)
    counts = Counting(fusion=PATCHES_ALONE, opinion=replay.notice().opinion)
    return StrategyOutcome(Tally((NO_ANSWER,), counts), StoppedBy.LADDER_END, 1, replay.cost)


def _all_of(
    case: RecordedPart, batch_times: BatchTimeModel, ladder: Sequence[Rung], *, points: bool
) -> StrategyOutcome:
    replay = RecordingReplay(case.recording, batch_times, points=points)
    opinion = replay.notice().opinion if case.pipeline.second_opinion else None
    votes = [
        vote
        for number, rung in enumerate(ladder)
        for each in question_groups(case.pipeline, rung, case.recording.seed)
        for vote in replay.votes(each, number)
    ]
    return StrategyOutcome(
        Tally(tuple(votes), _counting(case, opinion)), StoppedBy.LADDER_END, len(ladder), replay.cost
    )


async def _under(case: RecordedPart, batch_times: BatchTimeModel, rule: StoppingRule) -> StrategyOutcome:
    """Drafted answers in as large batches as the rule wants, until it stops."""
    replay, votes, batches = RecordingReplay(case.recording, batch_times), list[Vote](), 0
    (drafts,) = question_groups(case.pipeline, sampled_rung(case.pipeline), case.recording.seed)
    while count := rule.next_votes(votes):
        batch = drafts._replace(questions=drafts.questions[len(votes) : len(votes) + count])
        votes, batches = votes + replay.votes(batch, batches), batches + 1
    return StrategyOutcome(rule.tally(votes), rule.stop(votes) or StoppedBy.LADDER_END, batches, replay.cost)


def _counting(case: RecordedPart, opinion: Opinion | None) -> Counting:
    return counting(case.pipeline, case.recording.fingerprint, opinion)


def _points(case: RecordedPart) -> bool:
    return case.pipeline.second_opinion is not None and case.pipeline.second_opinion.points


STRATEGIES: Final[Mapping[str, Strategy]] = MappingProxyType(
    {
        "default": _default,
        "ladder": _ladder,
        "direct": partial(_one_rung, rung=DIRECT),
        "greedy": partial(_one_rung, rung=GREEDY),
        "majority-3": partial(_under, rule=FixedRule(3)),
        "fixed-9": partial(_under, rule=FixedRule(SAMPLES)),
        "adaptive-consistency": partial(_under, rule=AdaptiveConsistency(max_votes=SAMPLES)),
        "esc": partial(_under, rule=Esc(max_votes=SAMPLES)),
        "sprt": partial(_under, rule=Sprt(max_votes=SAMPLES)),
    }
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
FUSED: Final = frozenset({"direct-fused", "ladder-fused"})  # both opinions are weighed once all parts were played
REFERENCE: Final = "default"  # always played: the others are compared with it


def choose_strategies(names: Sequence[str]) -> dict[str, Strategy]:
    """The strategies of these names in the tables' order; where none is named, all that need no patches. Raises
    InspectorError."""
    every = {**STRATEGIES, **WITH_PATCHES}
    unknown = sorted(set(names) - set(every))
    if unknown:
        raise InspectorError(f"there is no strategy {', '.join(unknown)}; there are {', '.join(every)}")
    wanted = {REFERENCE, *names} if names else set(STRATEGIES)
    return {name: strategy for name, strategy in every.items() if name in wanted}
