"""A line with many stored, partly reviewed parts, of the kinds that limits are tuned on."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from support.fakes import NOON, PASSED, REJECTED, a_part, a_pipeline

from inspector.domain.decision import Decision, Reason, Verdict
from inspector.domain.declared import Disposition, ViewName
from inspector.domain.part import PartRecord, PipelineRef
from inspector.domain.pipeline import Pipeline
from inspector.domain.vote import Opinion, StoppedBy, Vote

FINGERPRINT: Final = "0123456789abcdef"
DOUBT: Final = Decision(Verdict.INCONCLUSIVE, Disposition.REVIEW, Reason.DISAGREEMENT)
LADDER: Final = [{"views": ["direct"]}, {"views": ["paraphrase", "inverted"]}, {"views": ["zoom"], "samples": 2}]
RUNGS: Final = (
    (ViewName.DIRECT, 0),
    (ViewName.PARAPHRASE, 1),
    (ViewName.INVERTED, 1),
    (ViewName.ZOOM, 2),
    (ViewName.ZOOM, 2),
)


def voted_pipeline(**settings: Any) -> Pipeline:
    declared: dict[str, Any] = {"ladder": LADDER, "paraphrases": ["Is it bad?"], "settle": {"shadow": 0.0}}
    return a_pipeline(**declared | settings)


def voted_parts(count: int, seed: int = 1, version: int = 1, **changes: Any) -> Iterator[tuple[PartRecord, bool]]:
    """Yield parts and whether they are NG. Most settle at once; some end by a deadline, some have unreadable votes."""
    dice = random.Random(seed)
    for number in range(count):
        is_ng = dice.random() < 0.3
        votes = tuple(_votes(dice, is_ng))
        score = votes[0].p_ng if votes[0].p_ng is not None else 0.5
        stop = dice.choices([StoppedBy.SETTLED, StoppedBy.LADDER_END, StoppedBy.DEADLINE], [6, 3, 1])[0]
        part = a_part(
            f"t{number}",
            decision=PASSED if score < 0.2 else REJECTED if score > 0.8 else DOUBT,
            p_ng=score,
            votes=votes,
            stopped_by=stop,
            pipeline=PipelineRef("pcb", version, FINGERPRINT),
        )
        yield replace(part, decided_at=NOON + timedelta(seconds=number), **_opinion(dice, changes)), is_ng


def _opinion(dice: random.Random, changes: dict[str, Any]) -> dict[str, Any]:
    return {"opinion": Opinion(dice.random())} if changes.get("opinions") and dice.random() < 0.8 else {}


def _votes(dice: random.Random, is_ng: bool) -> Iterator[Vote]:
    for view, rung in RUNGS[: dice.choice([1, 1, 1, 3, 5])]:
        readable = dice.random() > 0.05
        p_ng = dice.betavariate(4, 2) if is_ng else dice.betavariate(1, 6)
        yield Vote(view, rung, p_ng if readable else None, ms=20.0 * (rung + 1), readable=0.9 if readable else 0.1)
