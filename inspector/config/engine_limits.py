"""Settings of a line that the engine of a model card can't serve. Pure.

Without this check the line's first part would be the one that finds out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from inspector.domain.declared import Reasoning
from inspector.domain.model_card import ModelCard
from inspector.domain.pipeline import Pipeline


class UnservedSetting(NamedTuple):
    """One setting that the engine can't serve: its field, the reason, and the remedy."""

    field: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.field} {self.problem}"


def unserved_settings(pipeline: Pipeline, card: ModelCard) -> list[UnservedSetting]:
    """List all settings that would make every part of the line a MODEL_ERROR with this card."""
    if card.server is None:
        return []
    return [*_patches(pipeline, card), *_thoughts(pipeline, card)]


def _patches(pipeline: Pipeline, card: ModelCard) -> Iterator[UnservedSetting]:
    problem = f"needs patches of the picture, which the server of model {card.name} does not show"
    remedy = "remove it, or use a card with engine: transformers"
    if pipeline.second_opinion is not None:
        yield UnservedSetting("second_opinion", problem, remedy)
    if pipeline.quality.max_unlike is not None:
        yield UnservedSetting("quality.max_unlike", problem, remedy)


def _thoughts(pipeline: Pipeline, card: ModelCard) -> Iterator[UnservedSetting]:
    if card.server is None or card.server.answers_begin == "prefill":
        return
    begin = card.server.answers_begin
    problem = f"needs a server that continues a thought; model {card.name} says answers_begin: {begin}"
    for number, rung in enumerate(pipeline.ladder):
        if rung.reasoning is Reasoning.BUDGET:
            remedy = "set reasoning: cot, or answers_begin: prefill in the card where the server can do that"
            yield UnservedSetting(f"ladder[{number}].reasoning", problem, remedy)
