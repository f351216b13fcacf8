"""The ladder, asked with a scripted engine."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from support.line_fakes import GoldenShelf, KeptPrefix, ScriptedEngine, Voter, pipeline

from inspector.domain.decision import Reason, decide
from inspector.domain.declared import Disposition, ViewName
from inspector.domain.frame import FrameKey
from inspector.domain.learned import LearnedSettings
from inspector.domain.pipeline import Pipeline, line_fingerprint
from inspector.domain.prompts import Question
from inspector.domain.report import Box, Words, WordsState
from inspector.domain.vote import StoppedBy
from inspector.errors import PictureError
from inspector.judging.judge import Judge
from inspector.judging.rung_timing import RungTimes
from inspector.judging.similar_parts import RememberedSimilarParts
from inspector.ports.engine import Answer, Picture, Prefix
from inspector.ports.pool import Job, Judgement, ShadowResult
from inspector.teaching.part_memory import SimilarParts

REPORT = 'short", "severity": "minor", "bbox_2d": [100, 200, 300, 400], "description": "A bridge."}'

SHELF = GoldenShelf({"gold": b"golden picture"})


class BatchCountingEngine(ScriptedEngine):
    """Counts the questions of every batch."""

    def __init__(self, voter: Voter) -> None:
        super().__init__(voter)
        self.batches: list[int] = []

    def ask(self, prefix: Prefix, questions: Sequence[Question]) -> AsyncGenerator[Answer, None]:
        self.batches.append(len(questions))
        return super().ask(prefix, questions)


class DoubtingEngine(ScriptedEngine):
    """Holds each verdict that it is asked about to be right by 0.3."""

    async def ask(self, prefix: Prefix, questions: Sequence[Question]) -> AsyncGenerator[Answer, None]:
        async for answer in super().ask(prefix, questions):
            yield replace(answer, p_true=0.3 if questions[answer.index].asks_p_true else None)


def job(declared: Pipeline, remaining_ms: float = 5000.0, golden: tuple[str, ...] = ()) -> Job:
    return Job(FrameKey("pcb", "cam1", "t-1"), b"picture", declared, golden, remaining_ms)


class UnreadableEngine(ScriptedEngine):
    """Refuses every picture, or only those that are compared."""

    def __init__(self, most: int) -> None:
        super().__init__(lambda _: 0.5)
        self.most = most

    async def open(self, pictures: Sequence[Picture], preamble: str) -> KeptPrefix:
        if len(pictures) > self.most:
            raise PictureError("the JPEG is damaged or cut off; check the transfer")
        return await super().open(pictures, preamble)


async def judged(engine: ScriptedEngine, a_job: Job, pace: RungTimes | None = None) -> tuple[Judgement, Words | None]:
    outcomes = [outcome async for outcome in Judge(engine, SHELF, pace).judge(a_job)]
    assert isinstance(outcomes[0], Judgement)
    words = outcomes[1] if len(outcomes) > 1 else None
    assert words is None or isinstance(words, Words)
    return outcomes[0], words


async def test_the_frames_template_is_the_golden_sample_that_is_shown() -> None:
    shelf = GoldenShelf({"gold": b"golden picture", "other": b"template"})
    engine = ScriptedEngine(lambda _: 0.5)
    compared = job(pipeline(references=1, golden_samples=["a", "b"]), golden=("gold", "other"))
    async for _ in Judge(engine, shelf).judge(replace(compared, template="other")):
        pass
    assert [picture.data for picture in engine.opened[0].pictures] == [b"template", b"picture"]


def zooming(engine: ScriptedEngine) -> list[KeptPrefix]:
    """The prefixes of details that were opened."""
    return [prefix for prefix in engine.opened if prefix.pictures[-1].crop]


ZOOMS = pipeline(ladder=[{"views": ["direct"]}, {"views": ["zoom"]}], golden_samples=["a"])
BOX = "100, 200, 300, 400]}"


async def test_a_zoom_shows_the_same_detail_of_a_golden_sample_first() -> None:
    engine = ScriptedEngine(lambda _: 0.5, text=BOX)
    found, _ = await judged(engine, job(ZOOMS, golden=("gold",)))
    assert [vote.view for vote in found.votes] == [ViewName.DIRECT, ViewName.ZOOM]
    golden, frame = zooming(engine)[0].pictures
    assert (golden.data, frame.data) == (b"golden picture", b"picture")
    assert golden.crop == frame.crop == Box(0.1, 0.2, 0.3, 0.4)


async def test_a_zoom_that_would_show_what_was_seen_is_not_asked_and_gives_no_vote() -> None:
    engine = ScriptedEngine(lambda _: 0.5, text=BOX)
    engine.detail_scale = 1.1
    found, _ = await judged(engine, job(ZOOMS, golden=("gold",)))
    assert [vote.view for vote in found.votes] == [ViewName.DIRECT]
    assert len(engine.closed) == len(engine.opened)


SEPARATES = pipeline(
    ladder=[{"views": ["direct", "inverted"]}, {"views": ["separate"]}],
    golden_samples=["a"],
    settle={"confidence": 0.999, "shadow": 0.0},
)
DEFECT = next(iter(SEPARATES.defects))
CLAIM = f'{DEFECT}", "severity": "major", "bbox_2d": [100, 200, 300, 400]}}'


def separating(split: bool, claim: str = CLAIM, p_ng: Callable[[str], float] = lambda _: 0.9) -> ScriptedEngine:
    """An engine whose two first votes differ if `split`, and which answers `p_ng` to a question about its claim."""

    def voter(question: Question) -> float:
        if question.view is ViewName.SEPARATE:
            return p_ng(question.text)
        return 0.7 if question.view is ViewName.DIRECT or not split else 0.3

    engine = ScriptedEngine(voter)
    engine.writer = lambda _, start: start + claim
    return engine


async def test_a_disagreement_is_decided_by_the_claimed_detail_next_to_a_golden_samples_in_both_orders() -> None:
    engine = separating(split=True)
    found, _ = await judged(engine, job(SEPARATES, golden=("gold",)))
    *_, vote = found.votes
    assert (vote.view, vote.rung, vote.text) == (ViewName.SEPARATE, 1, f"{DEFECT} in [100, 200, 300, 400]")
    assert vote.p_ng == pytest.approx(0.9)
    details = zooming(engine)[:2]
    shown = [[picture.data for picture in prefix.pictures] for prefix in details]
    assert shown == [[b"golden picture", b"picture"], [b"picture", b"golden picture"]]
    assert {picture.crop for prefix in details for picture in prefix.pictures} == {Box(0.1, 0.2, 0.3, 0.4)}
    assert len({question.text for question in engine.asked if question.view is ViewName.SEPARATE}) == 4
    assert len(engine.closed) == len(engine.opened)


async def test_votes_that_agree_are_not_separated() -> None:
    engine = separating(split=False)
    found, _ = await judged(engine, job(SEPARATES, golden=("gold",)))
    assert [vote.view for vote in found.votes] == [ViewName.DIRECT, ViewName.INVERTED]
    assert (found.rungs, found.stopped_by) == (2, StoppedBy.LADDER_END)
    assert all(question.view is not ViewName.SEPARATE for question in engine.asked)


@pytest.mark.parametrize("claim", ["none", f'{DEFECT}", "severity": "major", "bbox_2d": [5, 5, 5, 5]}}', "\u0000"])
async def test_a_claim_without_a_region_gives_no_vote(claim: str) -> None:
    found, _ = await judged(separating(split=True, claim=claim), job(SEPARATES, golden=("gold",)))
    assert [vote.view for vote in found.votes] == [ViewName.DIRECT, ViewName.INVERTED]


async def test_a_preference_for_a_place_cancels_out() -> None:
    engine = separating(split=True, p_ng=lambda text: 0.9 if "the first detail" in text else 0.1)
    found, _ = await judged(engine, job(SEPARATES, golden=("gold",)))
    assert found.votes[-1].p_ng == pytest.approx(0.5)


async def test_an_order_that_cannot_be_read_leaves_the_outcome_unread() -> None:
    engine = separating(split=True)
    engine.readable = lambda question: 0.1 if "the first detail" in question.text else 1.0
    found, _ = await judged(engine, job(SEPARATES, golden=("gold",)))
    assert found.votes[-1].view is ViewName.SEPARATE
    assert found.votes[-1].p_ng is None


async def test_separate_is_asked_after_the_views_of_its_own_rung_and_in_a_shadow() -> None:
    whole = SEPARATES.model_copy(
        update={
            "ladder": pipeline(ladder=[{"views": ["separate", "direct", "inverted"]}]).ladder,
            "settle": SEPARATES.settle.model_copy(update={"shadow": 1.0}),
        }
    )
    outcomes = [each async for each in Judge(separating(split=True), SHELF).judge(job(whole, golden=("gold",)))]
    judgement, shadow = outcomes[0], outcomes[-1]
    assert isinstance(judgement, Judgement)
    assert isinstance(shadow, ShadowResult)
    views = [ViewName.DIRECT, ViewName.INVERTED, ViewName.SEPARATE]
    assert [vote.view for vote in judgement.votes] == [vote.view for vote in shadow.votes] == views


async def test_a_disagreement_that_was_not_asked_about_says_nothing_about_the_time_of_its_rung() -> None:
    times = RungTimes()
    agreeing, disagreeing = (job(SEPARATES, golden=("gold",)) for _ in range(2))
    await judged(separating(split=False), agreeing, times)
    key = (SEPARATES.line, SEPARATES.ladder[1])
    assert times.p95_ms(key) == 0.0
    await judged(separating(split=True), disagreeing, times)
    assert times.p95_ms(key) > 0.0


SIMILAR = pipeline(ladder=[{"views": ["direct"]}, {"views": ["similar"], "samples": 2}])


@pytest.mark.parametrize("found", [SimilarParts("ok", "ng"), None])
async def test_the_view_similar_shows_a_reviewed_part_of_each_label_or_is_not_asked(found: SimilarParts | None) -> None:
    shelf = GoldenShelf({"ok": b"good part", "ng": b"bad part"})
    engine = ScriptedEngine(lambda _: 0.5)
    judge = Judge(engine, shelf, find_similar=lambda _frame, _job: found)
    judgement, *_ = [outcome async for outcome in judge.judge(job(SIMILAR))]
    assert isinstance(judgement, Judgement)
    shown = [[picture.data for picture in prefix.pictures] for prefix in engine.opened]
    votes = [vote.view for vote in judgement.tally.votes]
    if found:
        assert shown == [[b"picture"], [b"good part", b"bad part", b"picture"]]
        assert votes == [ViewName.DIRECT, ViewName.SIMILAR, ViewName.SIMILAR]
    else:
        assert (shown, votes) == ([[b"picture"]], [ViewName.DIRECT])
    assert len(engine.closed) == len(engine.opened)


async def test_votes_that_similar_parts_would_have_given_go_to_the_views_after_them() -> None:
    drafted = {"samples": 12, "reasoning": "draft", "temperature": 0.8}
    given = list[list[ViewName]]()
    for views in (["direct"], ["similar", "direct"]):
        judge = Judge(ScriptedEngine(lambda _: 0.5), GoldenShelf({}), find_similar=lambda _frame, _job: None)
        judgement, *_ = [each async for each in judge.judge(job(pipeline(ladder=[{"views": views, **drafted}])))]
        assert isinstance(judgement, Judgement)
        given.append([vote.view for vote in judgement.tally.votes])
    assert given[0] == given[1] == [ViewName.DIRECT] * len(given[0])
    assert len(given[0]) > 10


async def test_a_memory_that_is_missing_is_an_error_that_names_the_remedy() -> None:
    similar = RememberedSimilarParts(GoldenShelf({}), lambda _: np.zeros((8, 8)))
    declared = SIMILAR.model_copy(update={"similar_parts": "a" * 64})
    judge = Judge(ScriptedEngine(lambda _: 0.5), SHELF, find_similar=similar)
    judgement, *_ = [outcome async for outcome in judge.judge(job(declared))]
    assert isinstance(judgement, Judgement)
    assert judgement.stopped_by is StoppedBy.ERROR
    assert "run: inspector remember" in judgement.detail
    assert decide(declared, judgement.tally, judgement.stopped_by).disposition is Disposition.REVIEW


async def test_clear_part_is_settled_by_the_first_vote_and_needs_no_words() -> None:
    engine = ScriptedEngine(lambda _: 0.01)
    found, words = await judged(engine, job(pipeline()))
    assert (len(found.votes), found.rungs, found.stopped_by) == (1, 1, StoppedBy.SETTLED)
    assert words is None


async def test_doubtful_part_is_asked_again_in_other_ways() -> None:
    engine = ScriptedEngine(lambda question: 0.5 if question.view is ViewName.DIRECT else 0.999)
    found, _ = await judged(engine, job(pipeline()))
    assert found.rungs == 2
    assert {vote.view for vote in found.votes[1:]} <= {ViewName.PARAPHRASE, ViewName.INVERTED}


async def test_asking_stops_as_soon_as_votes_settle_and_the_rest_is_cancelled() -> None:
    engine = ScriptedEngine(lambda question: 0.6 if question.view is ViewName.DIRECT else 0.9999)
    found, _ = await judged(engine, job(pipeline()))
    assert found.stopped_by is StoppedBy.SETTLED
    assert len(found.votes) < 5
    assert engine.cancelled > 0


async def test_max_votes_ends_the_climb() -> None:
    engine = ScriptedEngine(lambda _: 0.5)
    found, _ = await judged(engine, job(pipeline(settle={"max_votes": 3})))
    assert (len(found.votes), found.stopped_by) == (3, StoppedBy.LADDER_END)


async def test_no_more_is_asked_than_max_votes_lets_count() -> None:
    engine = ScriptedEngine(lambda _: 0.5)
    await judged(engine, job(pipeline(settle={"max_votes": 3})))
    assert len(engine.asked) == 3


async def test_rungs_that_could_not_decide_alone_are_asked_in_one_batch() -> None:
    engine = BatchCountingEngine(lambda _: 0.9)
    found, _ = await judged(engine, job(pipeline(count="majority")))
    assert [vote.rung for vote in found.votes] == [0, 1, 1, 1, 1]
    assert engine.batches == [5]
    assert found.rungs == 2


async def test_rung_that_could_settle_is_asked_alone() -> None:
    engine = BatchCountingEngine(lambda _: 0.5)
    await judged(engine, job(pipeline()))
    assert engine.batches == [1, 4]


async def test_rungs_that_do_not_fit_together_are_asked_one_by_one() -> None:
    engine, declared, pace = BatchCountingEngine(lambda _: 0.9), pipeline(count="majority"), RungTimes()
    pace.add(("pcb", *declared.ladder), 10_000.0)
    await judged(engine, job(declared), pace)
    assert engine.batches == [1, 4]


async def test_votes_say_how_right_they_are_held_to_be_where_the_line_weighs_by_that() -> None:
    weighing = {"count": "weighted", "ladder": [{"views": ["direct", "checklist"]}]}
    plain, _ = await judged(DoubtingEngine(lambda _: 0.9), job(pipeline(**weighing)))
    asked, _ = await judged(DoubtingEngine(lambda _: 0.9), job(pipeline(**weighing, settle={"weight_by": "p_true"})))
    assert {vote.view: vote.p_true for vote in plain.votes} == {ViewName.DIRECT: None, ViewName.CHECKLIST: None}
    assert {vote.view: vote.p_true for vote in asked.votes} == {ViewName.DIRECT: 0.3, ViewName.CHECKLIST: None}


async def test_unreadable_answers_are_stored_and_count_for_neither_side() -> None:
    engine = ScriptedEngine(lambda _: None)
    found, _ = await judged(engine, job(pipeline()))
    assert [vote.p_ng for vote in found.votes] == [None] * 5
    assert found.stopped_by is StoppedBy.LADDER_END


async def test_deadline_keeps_the_votes_given_so_far() -> None:
    engine = ScriptedEngine(lambda _: 0.5, delay_s=0.1)
    found, _ = await judged(engine, job(pipeline(), remaining_ms=250.0))
    assert found.stopped_by is StoppedBy.DEADLINE
    assert 1 <= len(found.votes) <= 2


async def test_rung_that_would_not_fit_is_not_started() -> None:
    engine = ScriptedEngine(lambda _: 0.5, delay_s=0.05)
    judge = Judge(engine, SHELF)
    async for _ in judge.judge(job(pipeline())):
        pass
    asked = len(engine.asked)
    outcomes = [outcome async for outcome in judge.judge(job(pipeline(), remaining_ms=120.0))]
    assert isinstance(outcomes[0], Judgement)
    assert outcomes[0].stopped_by is StoppedBy.DEADLINE
    assert len(engine.asked) == asked + 1  # the first rung fitted, the second was known to take longer


async def test_new_versions_rung_is_not_held_to_the_pace_of_the_old_one() -> None:
    engine, pace, declared = ScriptedEngine(lambda _: 0.5), RungTimes(), pipeline()
    pace.add(("pcb", declared.ladder[1]), 10_000.0)
    changed = pipeline(ladder=[{"views": ["direct"]}, {"views": ["inverted"]}])
    old, _ = await judged(engine, job(declared), pace)
    new, _ = await judged(engine, job(changed), pace)
    assert (old.stopped_by, len(old.votes)) == (StoppedBy.DEADLINE, 1)
    assert len(new.votes) == 2


async def test_part_that_was_let_in_is_asked_its_first_rung_however_long_that_took_before() -> None:
    engine, pace = ScriptedEngine(lambda _: 0.02), RungTimes()
    pace.add(("pcb", pipeline().ladder[0]), 10_000.0)
    found, _ = await judged(engine, job(pipeline(ladder=[{"views": ["direct"]}])), pace)
    assert len(found.votes) == 1


@pytest.mark.parametrize(("stamped", "asked"), [(True, 3), (False, 5)])
async def test_learned_correlation_settles_sooner_under_its_own_fingerprint_only(stamped: bool, asked: int) -> None:
    declared = pipeline()
    fingerprint = line_fingerprint(declared.settings_fingerprint(), ScriptedEngine.fingerprint) if stamped else "f" * 16
    views = (ViewName.DIRECT, ViewName.PARAPHRASE, ViewName.INVERTED)
    unlike = [{"one": one, "other": other, "rho": 0.0} for one in views for other in views if one <= other]
    learned = LearnedSettings.model_validate({"fingerprint": fingerprint, "correlations": unlike})
    engine = ScriptedEngine(lambda _: 0.25)
    bounds = {"pass_below": 0.3, "reject_above": 0.7}
    found, _ = await judged(engine, job(pipeline(learned=learned, thresholds=bounds)))
    assert len(found.votes) == asked


async def test_broken_engine_is_an_error_with_its_reason_not_an_exception() -> None:
    engine = ScriptedEngine()
    engine.broken = True
    found, words = await judged(engine, job(pipeline()))
    assert (found.stopped_by, found.detail) == (StoppedBy.ERROR, "the engine is broken")
    assert words is None


async def test_no_defect_is_told_of_a_part_without_a_readable_vote() -> None:
    """The model would name one: it names one for nearly every good part, too."""
    engine = ScriptedEngine(lambda _: None, text=REPORT)
    found, words = await judged(engine, job(pipeline()))
    assert (found.tally.score, words) == (None, None)


async def test_rejected_part_is_explained_after_the_verdict() -> None:
    engine = ScriptedEngine(lambda _: 0.999, text=REPORT)
    found, words = await judged(engine, job(pipeline()))
    assert found.stopped_by is StoppedBy.SETTLED
    assert words is not None
    assert words.main is not None
    assert (words.main.defect, words.main.severity, words.main.bbox_norm) == (
        "short", "critical", Box(0.1, 0.2, 0.3, 0.4),
    )  # fmt: skip


async def test_unparsable_report_is_stored_as_text() -> None:
    _, words = await judged(ScriptedEngine(lambda _: 0.999, text="oh no"), job(pipeline()))
    assert words is not None
    assert (words.state, words.raw) == (WordsState.UNPARSABLE, '{"defect": "oh no')


async def test_views_of_the_frame_share_one_prefix_and_nothing_stays_open() -> None:
    engine = ScriptedEngine(lambda _: 0.5)
    await judged(engine, job(pipeline()))
    assert len(engine.opened) == 1
    assert engine.closed == engine.opened


async def test_compare_shows_the_golden_sample_before_the_frame() -> None:
    engine = ScriptedEngine(lambda _: 0.5)
    declared = pipeline(ladder=[{"views": ["compare"]}], golden_samples=["gold.png"])
    await judged(engine, job(declared, golden=("gold",)))
    assert [picture.data for picture in engine.opened[0].pictures] == [b"golden picture", b"picture"]


async def test_missing_golden_sample_is_an_error_that_names_the_remedy() -> None:
    declared = pipeline(ladder=[{"views": ["compare"]}], golden_samples=["gold.png"])
    found, _ = await judged(ScriptedEngine(), job(declared, golden=("lost",)))
    assert found.stopped_by is StoppedBy.ERROR
    assert "apply the line again" in found.detail


async def test_zoom_looks_where_the_model_points() -> None:
    engine = ScriptedEngine(lambda _: 0.5, text="100, 200, 300, 400]}")
    await judged(engine, job(pipeline(ladder=[{"views": ["zoom"]}])))
    assert engine.opened[1].pictures[0].crop == Box(0.1, 0.2, 0.3, 0.4)


async def test_zoom_is_left_out_when_the_model_points_nowhere() -> None:
    engine = ScriptedEngine(lambda _: 0.5, text="nowhere")
    found, _ = await judged(engine, job(pipeline(ladder=[{"views": ["zoom"]}])))
    assert (found.votes, found.stopped_by) == ((), StoppedBy.LADDER_END)


async def test_an_answer_that_is_mostly_something_else_is_stored_as_it_was_and_proves_nothing() -> None:
    """The model says another word with 92 %, No with 7 %."""
    engine = ScriptedEngine(lambda _: 0.01)
    engine.readable = lambda _: 0.07
    declared = pipeline()
    found, _ = await judged(engine, job(declared))
    decision = decide(declared, found.tally, found.stopped_by)
    assert {(vote.p_ng, vote.readable) for vote in found.votes} == {(0.01, 0.07)}
    assert (decision.disposition, decision.reason) == (Disposition.REVIEW, Reason.MODEL_ERROR)
    assert decision.detail == "no readable answer: OK and NG had at most 7% of the probability"


@pytest.mark.parametrize(
    ("items", "counts", "why"),
    [
        ({"short": (0.1, 0.9), "open": (0.2, 0.8)}, 0.2, "all items are read"),
        ({"short": (0.1, 0.9), "open": (0.2, 0.3)}, None, "an item in doubt leaves the list incomplete"),
        ({"short": (0.1, 0.9), "open": (0.9, 0.3)}, None, "an alarm that is hardly said is doubt too"),
        ({"short": (0.8, 0.9), "open": (0.9, 0.3)}, 0.8, "an alarm that is read counts beside doubt"),
    ],
)
async def test_a_checklist_is_as_readable_as_its_least_readable_item(
    items: dict[str, tuple[float, float]], counts: float | None, why: str
) -> None:
    def item(question: Question) -> tuple[float, float]:
        return items["short" if "short" in question.text else "open"]

    engine = ScriptedEngine(lambda question: item(question)[0])
    engine.readable = lambda question: item(question)[1]
    found, _ = await judged(engine, job(pipeline(ladder=[{"views": ["checklist"]}], settle={"max_votes": 1})))
    assert [vote.as_read(0.5).p_ng for vote in found.votes] == [counts], why


@pytest.mark.parametrize(
    ("answers", "p_ng", "why"),
    [
        ({"short": 0.1, "open": 0.2}, 0.2, "as bad as its worst item"),
        ({"short": 0.1, "open": 0.9}, 0.9, "one bad item is enough"),
        ({"short": None, "open": 0.9}, 0.9, "a hole does not hide a bad item"),
        ({"short": None, "open": 0.1}, None, "a list with a hole proves nothing good"),
        ({"short": None, "open": None}, None, "nothing readable"),
    ],
)
async def test_checklist_counts_as_one_vote(answers: dict[str, float | None], p_ng: float | None, why: str) -> None:
    def voter(question: Question) -> float | None:
        return answers["short" if "short" in question.text else "open"]

    declared = pipeline(ladder=[{"views": ["checklist"]}], settle={"max_votes": 1})
    found, _ = await judged(ScriptedEngine(voter), job(declared))
    assert [vote.p_ng for vote in found.votes] == [p_ng], why


async def test_a_shadow_is_asked_its_whole_ladder_after_the_verdict_which_stays_what_it_was() -> None:
    engine = ScriptedEngine(lambda _: 0.01)
    plain, _ = await judged(engine, job(pipeline(settle={"shadow": 0.0})))
    outcomes = [each async for each in Judge(engine, SHELF).judge(job(pipeline(settle={"shadow": 1.0})))]
    assert [type(each) for each in outcomes] == [Judgement, ShadowResult]
    verdict, shadow = outcomes
    assert isinstance(verdict, Judgement)
    assert isinstance(shadow, ShadowResult)
    assert len(verdict.votes) == len(plain.votes) == 1
    assert [vote.rung for vote in shadow.votes] == [0, 1, 1, 1, 1]


async def test_a_shadow_comes_behind_the_words() -> None:
    declared = pipeline(settle={"shadow": 1.0})
    outcomes = [each async for each in Judge(ScriptedEngine(lambda _: 0.99, REPORT), SHELF).judge(job(declared))]
    assert [type(each) for each in outcomes] == [Judgement, Words, ShadowResult]


async def test_a_ladder_that_could_not_be_asked_whole_is_no_shadow() -> None:
    ladder = [{"views": ["direct"]}, {"views": ["compare"]}]
    declared = pipeline(settle={"shadow": 1.0}, golden_samples=["a.png"], ladder=ladder)
    told = Judge(ScriptedEngine(lambda _: 0.01), SHELF).judge(job(declared, golden=("gone",)))
    outcomes = [each async for each in told]
    assert outcomes[-1] == ShadowResult()


async def test_a_capped_rung_is_not_asked_except_of_shadows() -> None:
    engine, declared = ScriptedEngine(lambda _: 0.5), pipeline(settle={"shadow": 1.0})
    fingerprint = line_fingerprint(declared.settings_fingerprint(), engine.fingerprint)
    capped = declared.model_copy(update={"learned": LearnedSettings(fingerprint=fingerprint, capped=(1,))})
    outcomes = [each async for each in Judge(engine, SHELF).judge(job(capped))]
    verdict, shadow = outcomes[0], outcomes[-1]
    assert isinstance(verdict, Judgement)
    assert isinstance(shadow, ShadowResult)
    assert {vote.rung for vote in verdict.votes} == {0}
    assert {vote.rung for vote in shadow.votes} == {0, 1}


async def test_a_rung_capped_under_other_scores_is_asked() -> None:
    capped = pipeline().model_copy(update={"learned": LearnedSettings(fingerprint="f" * 16, capped=(1,))})
    found, _ = await judged(ScriptedEngine(lambda _: 0.5), job(capped))
    assert {vote.rung for vote in found.votes} == {0, 1}


async def test_job_that_may_not_go_further_is_asked_its_first_rung_and_left_open() -> None:
    engine = ScriptedEngine(lambda _: 0.1)
    found, _ = await judged(engine, replace(job(pipeline()), max_rungs=1))
    assert ({vote.rung for vote in found.votes}, found.stopped_by) == ({0}, StoppedBy.DEADLINE)


async def test_first_rung_alone_settles_what_it_would_have_settled_in_the_whole_ladder() -> None:
    for p_ng in (0.0001, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99):
        whole, _ = await judged(ScriptedEngine(lambda _, p_ng=p_ng: p_ng), job(pipeline()))  # type: ignore[misc]
        short, _ = await judged(ScriptedEngine(lambda _, p_ng=p_ng: p_ng), replace(job(pipeline()), max_rungs=1))  # type: ignore[misc]
        assert (short.stopped_by is StoppedBy.SETTLED) == (whole.rungs == 1)


async def test_a_picture_that_the_engine_cannot_read_is_a_bad_image_not_a_fault_of_the_model() -> None:
    judgement, words = await judged(UnreadableEngine(0), job(pipeline()))
    assert judgement.is_bad_image
    assert "damaged or cut off" in judgement.detail
    assert words is None


async def test_votes_stay_when_a_later_picture_cannot_be_read() -> None:
    declared = pipeline(ladder=[{"views": ["direct"]}, {"views": ["compare", "inverted"]}], golden_samples=["gold"])
    judgement, _ = await judged(UnreadableEngine(1), job(declared, golden=("gold",)))
    assert not judgement.is_bad_image
    assert judgement.stopped_by is StoppedBy.ERROR
    assert len(judgement.votes) == 1
