"""Settings of a pipeline that could never have an effect. Pure.

A setting that does nothing deceives its author: they turn it, and wonder why nothing changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from inspector.domain.declared import Reasoning, ViewName
from inspector.domain.pipeline import CountMethod, Pipeline, Retention, Rung, SettlePolicy, WeightSource
from inspector.domain.prompts import questions


class UnusedSetting(NamedTuple):
    """One setting without effect: where it stands, why nothing comes of it, and what to do instead."""

    path: tuple[str | int, ...]
    problem: str
    remedy: str


def unused_settings(pipeline: Pipeline) -> list[UnusedSetting]:
    """All settings that no frame could ever feel."""
    return [
        *_unasked_words(pipeline),
        *_idle_rungs(pipeline),
        *_idle_reasoning(pipeline),
        *_idle_weights(pipeline),
        *_unreached(pipeline),
        *_idle_opinion(pipeline),
        *_idle_retention(pipeline),
    ]


def _unasked_words(pipeline: Pipeline) -> Iterator[UnusedSetting]:
    for setting, view in (("paraphrases", ViewName.PARAPHRASE), ("checklist", ViewName.CHECKLIST)):
        if getattr(pipeline, setting) and not _asks(pipeline, view):
            yield UnusedSetting((setting,), "is never asked", f"add the view {view} to a rung, or remove it")


def _idle_rungs(pipeline: Pipeline) -> Iterator[UnusedSetting]:
    for number, rung in enumerate(pipeline.ladder):
        if rung.reasoning is Reasoning.NONE and rung.temperature != Rung.model_fields["temperature"].default:
            yield UnusedSetting(
                ("ladder", number, "temperature"),
                "changes nothing without reasoning: the verdict is read, not sampled",
                "remove it, or set reasoning: draft",
            )
        one_less = rung.model_copy(update={"samples": rung.samples - 1})
        if rung.samples > 1 and _votes(pipeline, rung) == _votes(pipeline, one_less):
            yield UnusedSetting(
                ("ladder", number, "samples"),
                f"{rung.samples} asks nothing more than {rung.samples - 1}: without reasoning a wording is asked once",
                "lower it, add views, or set reasoning: draft",
            )


def _idle_reasoning(pipeline: Pipeline) -> Iterator[UnusedSetting]:
    for number, rung in enumerate(pipeline.ladder):
        if rung.reasoning is not Reasoning.NONE and rung.views == (ViewName.CHECKLIST,):
            problem = "changes nothing of a checklist, whose answers are read at once"
            yield UnusedSetting(("ladder", number, "reasoning"), problem, "remove it, or add another view to the rung")
        if rung.max_tokens is not None and rung.reasoning is Reasoning.NONE:
            problem = "changes nothing without reasoning: nothing is written before the verdict"
            yield UnusedSetting(("ladder", number, "max_tokens"), problem, "remove it, or set reasoning: cot")
        if rung.min_tokens is not None and rung.reasoning is not Reasoning.BUDGET:
            problem = f"changes nothing under reasoning: {rung.reasoning}, which ends where the model ends it"
            yield UnusedSetting(("ladder", number, "min_tokens"), problem, "remove it, or set reasoning: budget")


def _idle_weights(pipeline: Pipeline) -> Iterator[UnusedSetting]:
    default = SettlePolicy.model_fields["weight_temperature"].default
    if pipeline.count is not CountMethod.WEIGHTED and pipeline.settle.weight_temperature != default:
        problem = f"changes nothing under count: {pipeline.count}, which weighs all votes alike"
        yield UnusedSetting(("settle", "weight_temperature"), problem, "remove it, or set count: weighted")
    if pipeline.settle.weight_by is not WeightSource.P_TRUE:
        return
    if pipeline.count is not CountMethod.WEIGHTED:
        problem = f"asks nothing under count: {pipeline.count}, which weighs all votes alike"
        yield UnusedSetting(("settle", "weight_by"), problem, "remove it, or set count: weighted")
    elif all(rung.views == (ViewName.CHECKLIST,) for rung in pipeline.ladder):
        problem = "asks nothing of a checklist, which is many answers and one vote"
        yield UnusedSetting(("settle", "weight_by"), problem, "remove it, or add another view to a rung")


def _unreached(pipeline: Pipeline) -> Iterator[UnusedSetting]:
    votes, most = 0, pipeline.settle.max_votes
    for number, rung in enumerate(pipeline.ladder):
        if votes >= most:
            problem = f"is never reached: the rungs before it give {votes} votes, settle.max_votes is {most}"
            yield UnusedSetting(("ladder", number), problem, "raise max_votes, or remove the rung")
        # where the model finds nothing suspect, zoom gives no vote
        sure = tuple(view for view in rung.views if view is not ViewName.ZOOM)
        votes += _votes(pipeline, rung.model_copy(update={"views": sure}))


def _idle_opinion(pipeline: Pipeline) -> Iterator[UnusedSetting]:
    opinion = pipeline.second_opinion
    if opinion is None:
        return
    if opinion.points and not _asks(pipeline, ViewName.ZOOM):
        problem = "points where nobody looks: no rung zooms"
        yield UnusedSetting(("second_opinion", "points"), problem, "add the view zoom to a rung, or remove it")
    fused = pipeline.learned is not None and pipeline.learned.fusion is not None
    if opinion.doubt_above == 1.0 and not opinion.points and not fused:
        problem = "never doubts, and nothing else listens to it"
        yield UnusedSetting(
            ("second_opinion", "doubt_above"), problem, "lower it, set points: true, or remove second_opinion"
        )


def _idle_retention(pipeline: Pipeline) -> Iterator[UnusedSetting]:
    retention = pipeline.retention
    if retention.pass_pictures == 1.0 and retention.after_hours != Retention.model_fields["after_hours"].default:
        problem = "changes nothing where the pictures of all passes are kept"
        yield UnusedSetting(("retention", "after_hours"), problem, "remove it, or lower pass_pictures")


def _asks(pipeline: Pipeline, view: ViewName) -> bool:
    return any(view in rung.views for rung in pipeline.ladder)


def _votes(pipeline: Pipeline, rung: Rung) -> int:
    """How many votes a rung gives when all its answers come; a checklist is one."""
    asked = (
        questions(pipeline, view, samples=rung.samples, reasoning=rung.reasoning, temperature=rung.temperature, seed=0)
        for view in rung.views
        if view is not ViewName.CHECKLIST
    )
    return sum(len(each) for each in asked) + (ViewName.CHECKLIST in rung.views)
