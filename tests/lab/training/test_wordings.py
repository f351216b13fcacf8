"""The wordings of training questions."""

from __future__ import annotations

from inspector.domain import prompts as view
from inspector.lab.training.checkpoint_evaluator import HELD_OUT_WORDINGS
from inspector.lab.training.wordings import NG_QUESTIONS, OK_QUESTIONS


def test_held_out_wordings_are_not_in_the_training_wordings() -> None:
    unfreeze_language_model = {text.lower() for text in (*NG_QUESTIONS, *OK_QUESTIONS, *view.PARAPHRASES)}
    assert not unfreeze_language_model & {text.lower() for text in HELD_OUT_WORDINGS}
