"""Detection of settings that can never have an effect. Pure.

A setting without effect misleads its author, who changes it and sees no difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from inspector.domain.declared import JOINT_VIEWS, Reasoning, ViewName
from inspector.domain.pipeline import CountMethod, Pipeline, Retention, Rung, SettlePolicy, WeightSource
from inspector.domain.prompts import questions

# zoom gives no vote where the model names no suspicious region, similar none where no part can be shown, separate none
# where votes agree
CONDITIONAL_VIEWS: Final = frozenset({ViewName.ZOOM, ViewName.SIMILAR, ViewName.SEPARATE})


class UnusedSetting(NamedTuple):
    """One setting without effect: its path, the reason, and the remedy."""

    path: tuple[str | int, ...]
    problem: str
    remedy: str


def unused_settings(pipeline: Pipeline) -> list[UnusedSetting]:
    """List all settings that can't affect any frame."""
    return [
        *_unused_words(pipeline),
        *_unused_rungs(pipeline),
        *_unused_reasoning(pipeline),
        *_unused_weights(pipeline),
        *_unreachable_rungs(pipeline),
        *_unused_opinion(pipeline),
        *_unused_retention(pipeline),
    ]


def _unused_words(pipeline: Pipeline) -> Iterator[UnusedSetting]:
    for setting, view in (("paraphrases", ViewName.PARAPHRASE), ("checklist", ViewName.CHECKLIST)):
        if getattr(pipeline, setting) and not _asks(pipeline, view):
            yield UnusedSetting((setting,), "is never asked", f"add the view {view} to a rung, or remove it")


def _unused_rungs(pipeline: Pipeline) -> Iterator[UnusedSetting]:
    for number, rung in enumerate(pipeline.ladder):
        if rung.reasoning is Reasoning.NONE and rung.temperature != Rung.model_fields["temperature"].default:
            yield UnusedSetting(
                ("ladder", number, "temperature"),
                "has no effect without reasoning: the verdict is read from logits, not sampled",
                "remove it, or set reasoning: draft",
            )
        one_less = rung.model_copy(update={"samples": rung.samples - 1})
        if rung.samples > 1 and _votes(pipeline, rung) == _votes(pipeline, one_less):
            yield UnusedSetting(
                ("ladder", number, "samples"),
                f"{rung.samples} asks no more than {rung.samples - 1}: without reasoning each wording is asked once",
                "lower it, add views, or set reasoning: draft",
            )


def _unused_reasoning(pipeline: Pipeline) -> Iterator[UnusedSetting]:
    for number, rung in enumerate(pipeline.ladder):
        if rung.reasoning is not Reasoning.NONE and JOINT_VIEWS.issuperset(rung.views):
            problem = f"has no effect on {' and '.join(rung.views)}, whose answers are read without reasoning"
            yield UnusedSetting(("ladder", number, "reasoning"), problem, "remove it, or add another view to the rung")
        if rung.max_tokens is not None and rung.reasoning is Reasoning.NONE:
            problem = "has no effect without reasoning: no text is written before the verdict"
            yield UnusedSetting(("ladder", number, "max_tokens"), problem, "remove it, or set reasoning: cot")
        if rung.min_tokens is not None and rung.reasoning is not Reasoning.BUDGET:
            problem = f"has no effect under reasoning: {rung.reasoning}, whose text ends where the model ends it"
            yield UnusedSetting(("ladder", number, "min_tokens"), problem, "remove it, or set reasoning: budget")


def _unused_weights(pipeline: Pipeline) -> Iterator[UnusedSetting]:
    default = SettlePolicy.model_fields["weight_temperature"].default
    if pipeline.count is not CountMethod.WEIGHTED and pipeline.settle.weight_temperature != default:
        problem = f"has no effect under count: {pipeline.count}, which gives all votes the same weight"
        yield UnusedSetting(("settle", "weight_temperature"), problem, "remove it, or set count: weighted")
    if pipeline.settle.weight_by is not WeightSource.P_TRUE:
        return
    if pipeline.count is not CountMethod.WEIGHTED:
        problem = f"has no effect under count: {pipeline.count}, which gives all votes the same weight"
        yield UnusedSetting(("settle", "weight_by"), problem, "remove it, or set count: weighted")
    elif all(JOINT_VIEWS.issuperset(rung.views) for rung in pipeline.ladder):
        problem = "has no effect on a checklist, which combines many answers into one vote"
        yield UnusedSetting(("settle", "weight_by"), problem, "remove it, or add another view to a rung")


def _unreachable_rungs(pipeline: Pipeline) -> Iterator[UnusedSetting]:
    votes, most = 0, pipeline.settle.max_votes
    for number, rung in enumerate(pipeline.ladder):
        if votes >= most:
            problem = f"is never reached: the rungs before it give {votes} votes, settle.max_votes is {most}"
            yield UnusedSetting(("ladder", number), problem, "raise max_votes, or remove the rung")
        certain = tuple(view for view in rung.views if view not in CONDITIONAL_VIEWS)
        votes += _votes(pipeline, rung.model_copy(update={"views": certain}))


def _unused_opinion(pipeline: Pipeline) -> Iterator[UnusedSetting]:
    opinion = pipeline.second_opinion
    if opinion is None:
        return
    if opinion.points and not _asks(pipeline, ViewName.ZOOM):
        problem = "has no effect: no rung asks the view zoom"
        yield UnusedSetting(("second_opinion", "points"), problem, "add the view zoom to a rung, or remove it")
    fused = pipeline.learned is not None and pipeline.learned.fusion is not None
    if opinion.doubt_above == 1.0 and not opinion.points and not fused:
        problem = "has no effect: a second opinion that never doubts changes no disposition"
        yield UnusedSetting(
            ("second_opinion", "doubt_above"), problem, "lower it, set points: true, or remove second_opinion"
        )


def _unused_retention(pipeline: Pipeline) -> Iterator[UnusedSetting]:
    retention = pipeline.retention
    if retention.pass_pictures == 1.0 and retention.after_hours != Retention.model_fields["after_hours"].default:
        problem = "has no effect where the pictures of all passed parts are kept"
        yield UnusedSetting(("retention", "after_hours"), problem, "remove it, or lower pass_pictures")


def _asks(pipeline: Pipeline, view: ViewName) -> bool:
    return any(view in rung.views for rung in pipeline.ladder)


def _votes(pipeline: Pipeline, rung: Rung) -> int:
    """Return how many votes a rung gives if every question is answered; a joint view gives one."""
    per_view = (
        questions(pipeline, view, samples=rung.samples, reasoning=rung.reasoning, temperature=rung.temperature, seed=0)
        for view in rung.views
        if view not in JOINT_VIEWS
    )
    return sum(len(each) for each in per_view) + len(JOINT_VIEWS.intersection(rung.views))
