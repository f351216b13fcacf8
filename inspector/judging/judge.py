"""The judge: asks one part's ladder inside a model replica, then writes the report.

The verdict never waits for the report: the judgement is yielded first. The report follows only for parts that do not
pass. Last, for a small share of parts, come the votes of the whole ladder.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Hashable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Final

from inspector.domain.decision import decide, effective_thresholds
from inspector.domain.declared import Disposition, ViewName
from inspector.domain.ladder import QuestionBatch, Step, question_batches, steps
from inspector.domain.part_history import is_shadow
from inspector.domain.pipeline import Pipeline, line_fingerprint
from inspector.domain.prompts import Pictures, Question
from inspector.domain.quality import product_mismatch
from inspector.domain.report import Words
from inspector.domain.stopping import SequentialRule
from inspector.domain.vote import Opinion, StoppedBy, Tally, Vote, counting, first_rung_log_odds
from inspector.errors import InspectorError, OpinionError, PictureError, ServerBusy, ServerError
from inspector.judging.nearest_golden import NearestGolden, declared_order
from inspector.judging.part_pictures import PartPictures
from inspector.judging.report_writer import write_report
from inspector.judging.rung_timing import RungTimes
from inspector.judging.second_opinion import FrameOpinion, OpinionSource
from inspector.judging.separation import Separation
from inspector.judging.similar_parts import FindSimilar, no_similar_parts
from inspector.judging.taught_opinion import LineOpinionSource
from inspector.ports.engine import Answer, Engine
from inspector.ports.evidence import EvidenceStore
from inspector.ports.pool import Job, Judgement, ServerFault, ShadowResult
from inspector.runtime.log_context import answer_due

UNREAD_VOTES: Final = "the taught model weighs the first rung's votes, and none could be read"


class Judge:
    """Judges parts with one engine.

    It keeps no state per part; it keeps the durations of rungs and the patches of golden samples.
    """

    def __init__(
        self,
        engine: Engine,
        evidence: EvidenceStore,
        rung_times: RungTimes | None = None,
        opinions: OpinionSource | None = None,
        nearest: NearestGolden = declared_order,
        find_similar: FindSimilar = no_similar_parts,
    ) -> None:
        self._engine = engine
        self._evidence = evidence
        self._rung_times = rung_times or RungTimes()
        self._opinions = opinions or LineOpinionSource(engine, evidence)
        self._nearest = nearest
        self._find_similar = find_similar

    async def judge(self, job: Job) -> AsyncGenerator[Judgement | Words | ShadowResult, None]:
        """Yield one Judgement, then Words unless the part passes, then the ShadowResult of a shadow part.

        Never raises for a failing model: the judgement then holds the votes so far, with ERROR.
        """
        sources = self._opinions, self._nearest, self._find_similar
        pictures = PartPictures(self._engine, self._evidence, job, *sources)
        try:
            try:
                run = LadderRun(self._engine, pictures, job, self._rung_times)
            except ServerError as error:  # a server that has never described itself
                yield not_judged(job, error)
                return
            judgement = await run.run()
            yield judgement
            if judgement.is_bad_image:
                return
            if needs_words(job.pipeline, run.tally, judgement.stopped_by):
                yield await write_report(self._engine, pictures, job.pipeline)
            if job.max_rungs is None and is_shadow(job.key, job.pipeline.settle.shadow):
                yield await run.shadow()
        finally:
            await pictures.close()


def not_judged(job: Job, error: ServerError) -> Judgement:
    """Build the judgement of a part about which the model's server can't be asked."""
    tally = Tally((), counting(job.pipeline))
    return Judgement(tally, 0, StoppedBy.ERROR, str(error), server_fault=server_fault(error))


def server_fault(error: InspectorError) -> ServerFault | None:
    if isinstance(error, ServerBusy):
        return ServerFault.BUSY
    return ServerFault.AWAY if isinstance(error, ServerError) else None


def needs_words(pipeline: Pipeline, tally: Tally, stopped_by: StoppedBy) -> bool:
    """Return whether a report must explain this outcome to a person.

    Where no vote can be read there is nothing to explain: a defect that the model names then is no finding.
    """
    return tally.score is not None and decide(pipeline, tally, stopped_by).disposition is not Disposition.PASS


@dataclass(slots=True)
class LadderRun:
    """The run of one part through the ladder.

    `tally` holds every vote as soon as it arrives, so that a deadline loses none. `mismatch` is the reason why the
    picture can't show this product: votes may then reject the part, but not pass it. `missing` is the reason why a
    taught model gave no opinion, and `with_votes` completes the opinion of one that also weighs the first rung's votes.
    """

    engine: Engine
    pictures: PartPictures
    job: Job
    rung_times: RungTimes
    tally: Tally = field(init=False)
    fingerprint: str = field(init=False)
    capped: tuple[int, ...] = field(init=False)
    rungs: int = 0
    mismatch: str | None = None
    missing: str = ""
    with_votes: Callable[[float], Opinion] | None = None
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        pipeline = self.job.pipeline
        settings = pipeline.settings_fingerprint(self.job.key.camera)
        self.fingerprint = line_fingerprint(settings, self.engine.fingerprint, self.job.golden)
        self.tally = Tally((), counting(pipeline, self.fingerprint))
        learned = pipeline.learned_under(self.fingerprint)
        self.capped = learned.capped if learned else ()

    @property
    def remaining_ms(self) -> float:
        return self.job.remaining_ms - _ms_since(self.started)

    async def run(self) -> Judgement:
        """Ask the ladder until it ends or the time is over, and return the judgement.

        A picture that the engine can't read before the first vote is a bad image, not a fault of the model.
        """
        detail, unreadable, fault = "", False, None
        remaining_s = max(self.remaining_ms, 0.0) / 1000.0
        try:
            async with asyncio.timeout(remaining_s) as limit:
                with answer_due(limit.when() or 0.0):
                    stopped_by = await self._ask_rungs()
        except TimeoutError:
            stopped_by = StoppedBy.DEADLINE
        except PictureError as error:
            stopped_by, detail = StoppedBy.ERROR, str(error)
            unreadable = not self.tally.votes
        except InspectorError as error:
            stopped_by, detail, fault = StoppedBy.ERROR, str(error), server_fault(error)
        judged_by = (self.fingerprint, self.engine.fingerprint)
        if unreadable:
            return Judgement(self.tally, 0, stopped_by, detail, *judged_by, is_bad_image=True)
        if self.mismatch and decide(self.job.pipeline, self.tally, stopped_by).disposition is Disposition.PASS:
            unvoted = replace(self.tally, votes=())
            return Judgement(unvoted, 0, StoppedBy.ERROR, self.mismatch, *judged_by, is_bad_image=True)
        return Judgement(self.tally, self.rungs, stopped_by, detail or self.missing, *judged_by, server_fault=fault)

    async def shadow(self) -> ShadowResult:
        """Ask the whole ladder from its start, including capped rungs.

        The votes behind the verdict are not reused: which votes of a rung were asked depended on their answers.
        """
        votes: list[Vote] = []
        try:
            for step in steps(self.job.pipeline, self.job.seed):
                for batch in question_batches([step], step.votes):
                    votes += [vote async for vote in self._votes(batch, replace(self.tally, votes=tuple(votes)))]
        except InspectorError:
            return ShadowResult()
        return ShadowResult(tuple(votes))

    async def _ask_rungs(self) -> StoppedBy:
        ahead = [step for step in steps(self.job.pipeline, self.job.seed) if step.number not in self.capped]
        if self.job.pipeline.looks_at_patches:
            await self._look(ahead[0].groups[0].pictures)
        while ahead:
            chosen = self._next(ahead)
            if not chosen:
                return StoppedBy.DEADLINE
            ahead = ahead[len(chosen) :]
            self.rungs, began, is_due = chosen[-1].number + 1, time.monotonic(), self._is_due(chosen)
            try:
                stopped_by = await self._ask(chosen, later=_votes_in(ahead))
            finally:  # a rung that was cut off took at least this long
                if is_due:
                    self.rung_times.add(self._key(chosen), _ms_since(began))
            if stopped_by is not None:
                return stopped_by
        return StoppedBy.LADDER_END

    async def _look(self, shown: Pictures) -> None:
        """Get the second opinion. Without a taught model's the part is REVIEW, and votes are given all the same."""
        try:
            self._accept(await self.pictures.second_opinion(shown))
        except OpinionError as error:
            self.missing = f"no second opinion: {error}"

    def _accept(self, opinion: FrameOpinion) -> None:
        self.mismatch = product_mismatch(opinion.unlike, self.job.pipeline.quality)
        self.with_votes = opinion.with_votes
        if self.job.pipeline.second_opinion is not None:
            self._count(opinion.opinion)

    def _complete_opinion(self) -> None:
        """Weigh the first rung's votes in the opinion of a taught model that reads them; without any it is missing."""
        if self.with_votes is not None:
            first = first_rung_log_odds(self.tally.votes, self.tally.counting.min_readable)
            self.missing = "" if first is not None else f"no second opinion: {UNREAD_VOTES}"
            self._count(None if first is None else self.with_votes(first))

    def _count(self, opinion: Opinion | None) -> None:
        self.tally = replace(self.tally, counting=replace(self.tally.counting, opinion=opinion))

    def _next(self, ahead: list[Step]) -> list[Step]:
        """Choose the rungs to ask at once: the next one, and those after it that are needed whatever it answers.

        Fewer are chosen where time is short or the job has a rung limit, and none where not even one fits. The first
        rung is always asked: admission has already checked its time.
        """
        wanted = self._rule(_votes_in(ahead)).next_votes(self.tally.votes)
        needed = next((n for n in range(1, len(ahead)) if _votes_in(ahead[:n]) >= wanted), len(ahead))
        most = needed if self.job.max_rungs is None else min(needed, self.job.max_rungs - self.rungs)
        fitting = (
            ahead[:n] for n in range(most, 0, -1) if self.rung_times.admits(self._key(ahead[:n]), self.remaining_ms)
        )
        return next(fitting, [] if self.rungs else ahead[:1])

    def _is_due(self, chosen: list[Step]) -> bool:
        """Return whether these rungs ask anything: separate alone does so only where votes disagree."""
        return self.tally.is_split or any(step.rung.views != (ViewName.SEPARATE,) for step in chosen)

    def _key(self, chosen: list[Step]) -> Hashable:
        """Return the key for durations: the rungs themselves, since a rung of another version may differ."""
        return (self.job.key.line, *(step.rung for step in chosen))

    def _rule(self, pending: int) -> SequentialRule:
        pipeline, asked = self.job.pipeline, len(self.tally.votes)
        limits = effective_thresholds(pipeline, self.tally.counting)
        return SequentialRule(pipeline.settle, limits, self.tally.counting, asked + pending)

    async def _ask(self, chosen: list[Step], later: int) -> StoppedBy | None:
        """Ask these rungs until the rule stops. Where a view has no pictures, the views after it get its votes."""
        most, asked, due = self.job.pipeline.settle.max_votes, 0, _votes_in(chosen)
        while planned := question_batches(chosen, most - len(self.tally.votes), asked=asked):
            for batch in planned:
                stopped_by = await self._ask_batch(batch, later + due - asked)
                if stopped_by is not None:
                    return stopped_by
                asked += batch.votes
        return None

    async def _ask_batch(self, batch: QuestionBatch, pending: int) -> StoppedBy | None:
        """Count the votes of one batch. `pending`: the votes that it and all after it may give."""
        async with aclosing(self._votes(batch, self.tally)) as votes:
            async for vote in votes:
                self.tally = self.tally.add(vote)
                self._complete_opinion()
                pending -= 1
                if (stopped_by := self._rule(pending).stop(self.tally.votes)) is not None:
                    return stopped_by
        return None

    async def _votes(self, batch: QuestionBatch, so_far: Tally) -> AsyncGenerator[Vote, None]:
        """Yield the votes of one batch as they finish; none where its pictures would show nothing new."""
        if batch.pictures is Pictures.CLAIM:
            for vote in await self._separating_votes(batch, so_far):
                yield vote
            return
        if not await self._shows_something(batch.pictures):
            return
        prefix, questions = await self.pictures.prefix(batch.pictures), tuple(each.question for each in batch.questions)
        began, items = time.monotonic(), defaultdict[int, list[Answer]](list)
        async with aclosing(self.engine.ask(prefix, questions)) as answers:
            async for answer in answers:
                rung, question = batch.questions[answer.index]
                if question.view is ViewName.CHECKLIST:
                    items[rung].append(answer)
                else:
                    values = answer.p_ng, answer.tokens, _ms_since(began), answer.text, answer.p_true, answer.readable
                    yield Vote(question.view, rung, *values)
        for rung, given in items.items():
            yield checklist_vote(given, questions, rung, _ms_since(began), self.tally.counting.min_readable)

    async def _separating_votes(self, batch: QuestionBatch, so_far: Tally) -> list[Vote]:
        """Return a vote about what separates the claim of an NG vote from a good part; none where votes agree."""
        if not so_far.is_split:
            return []
        began, separation = time.monotonic(), Separation(self.engine, self.pictures, self.job.pipeline)
        vote = await separation.vote(batch.questions[0].rung, so_far.counting.min_readable)
        return [] if vote is None else [replace(vote, ms=_ms_since(began))]

    async def _shows_something(self, pictures: Pictures) -> bool:
        """Return whether a zoom has a region and magnifies it, and whether there are similar parts to show."""
        if pictures is Pictures.ZOOM:
            return await self.pictures.zoom_to_suspect()
        return pictures is not Pictures.SIMILAR or await self.pictures.has_similar()


def checklist_vote(items: list[Answer], asked: tuple[Question, ...], rung: int, ms: float, min_readable: float) -> Vote:
    """Combine a checklist's answers into one vote: the part is as bad as its worst item.

    The vote is as readable as its least readable item, unless a readable item says NG: an incomplete list proves
    nothing good.
    """
    tokens = sum(item.tokens for item in items)
    read = [item for item in items if item.readable >= min_readable]
    alarm = _worst(read)
    hole = any(item.p_ng is None for item in items)
    if alarm is not None and _badness(alarm) > 0.5:
        worst, p_ng, readable = alarm, alarm.p_ng, alarm.readable
    else:
        worst = _worst(items) or items[0]
        p_ng, readable = None if hole else worst.p_ng, min(item.readable for item in items)
    text = asked[worst.index].text.split("?")[0]
    return Vote(ViewName.CHECKLIST, rung, p_ng, tokens, ms, text, readable=readable)


def _worst(items: list[Answer]) -> Answer | None:
    return max(items, key=_badness, default=None)


def _badness(item: Answer) -> float:
    return -1.0 if item.p_ng is None else item.p_ng


def _ms_since(started: float) -> float:
    return (time.monotonic() - started) * 1000.0


def _votes_in(ladder: list[Step]) -> int:
    return sum(step.votes for step in ladder)
