"""Accuracy against the length of a thought: whether thinking longer helps or harms, line by line. Pure numbers.

The verdict is read inside one thought at several cuts, so that the curve compares a thought with its own beginning
(inverse scaling in test-time compute, Gema 2025). A thought that ended before a cut keeps its verdict.
The slope is that of the line's learning from shadow parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspector.domain.pipeline import MIN_READABLE
from inspector.domain.vote import Vote
from inspector.lab.evaluation.batch_time import BatchTimeModel
from inspector.lab.evaluation.part_recorder import RecordedPart
from inspector.lab.evaluation.question_set import CUT_RUNGS, CUT_THOUGHTS, further_group
from inspector.lab.evaluation.recording_replay import RecordingReplay
from inspector.lab.evaluation.strategy_figures import UNREADABLE_SCORE
from inspector.numerics.classification_metrics import auroc, balanced_accuracy
from inspector.tuning.rung_effects import RungOutcome, TokenSlope, token_slope

Array = NDArray[Any]
MIN_PARTS: Final = 30  # the slope's normal interval needs some dozens
CUTS_TOKENS: Final = tuple(rung.limits.most for rung in CUT_RUNGS)


class CutFigures(NamedTuple):
    """The verdicts read at one cut.

    `p_ng_ok`, `p_ng_ng`: mean p(NG) of the OK and of the NG parts. `accuracy`: balanced, at one half; doubt counts as
    OK, as a tally's does. `ended`: share of the thoughts that ended before.
    """

    tokens: int
    p_ng_ok: float
    p_ng_ng: float
    accuracy: float
    auroc: float
    ended: float


@dataclass(frozen=True, slots=True)
class ThoughtCurve:
    """The curve of one line. `slope`: None where all verdicts are right, or all wrong."""

    line: str
    parts: int
    cuts: tuple[CutFigures, ...]
    slope: TokenSlope | None

    @property
    def harms(self) -> bool:
        """Whether longer thoughts are less often right, beyond chance."""
        return self.slope is not None and self.slope.is_inverse and self.parts >= MIN_PARTS

    def as_json(self) -> dict[str, Any]:
        slope = self.slope._asdict() if self.slope else None
        cuts = [cut._asdict() for cut in self.cuts]
        return {"line": self.line, "parts": self.parts, "cuts": cuts, "slope": slope, "harms": self.harms}


def thought_curves(parts: Sequence[RecordedPart]) -> list[ThoughtCurve]:
    """The curve of every line whose thoughts were recorded with their cuts, and which has both OK and NG parts."""
    lines = dict.fromkeys(part.pipeline.line for part in parts)
    thoughts = {line: list(_thoughts(part for part in parts if part.pipeline.line == line)) for line in lines}
    both = {line: read for line, read in thoughts.items() if len({thought.is_ng for thought in read}) == 2}
    return [_curve(line, read) for line, read in both.items()]


class _Thought(NamedTuple):
    """The verdicts at the cuts of one part's thought, up to the cut that it did not reach."""

    is_ng: bool
    votes: list[Vote]


def _thoughts(parts: Iterable[RecordedPart]) -> Iterable[_Thought]:
    for part in parts:
        cuts = further_group(part.pipeline, part.recording.seed, CUT_THOUGHTS).questions
        if part.recording.holds(cuts):
            replay = RecordingReplay(part.recording, BatchTimeModel([part.recording]))
            yield _Thought(part.is_ng, replay.read_thought(cuts, lambda vote: False))  # noqa: ARG005


def _curve(line: str, thoughts: Sequence[_Thought]) -> ThoughtCurve:
    ng = np.array([thought.is_ng for thought in thoughts])
    p_ng = np.array([_at_every_cut(thought.votes) for thought in thoughts])
    right = (p_ng > UNREADABLE_SCORE) == ng[:, None]
    lengths = np.array([len(thought.votes) for thought in thoughts])
    cuts = tuple(
        CutFigures(
            tokens,
            float(p_ng[~ng, k].mean()),
            float(p_ng[ng, k].mean()),
            balanced_accuracy(right[:, k], ng),
            auroc(p_ng[:, k], ng),
            float((lengths <= k).mean()),
        )
        for k, tokens in enumerate(CUTS_TOKENS)
    )
    spent = [
        RungOutcome(part, tokens, bool(right[part, k]))
        for part in range(len(thoughts))
        for k, tokens in enumerate(CUTS_TOKENS)
    ]
    return ThoughtCurve(line, len(thoughts), cuts, token_slope(spent))


def _at_every_cut(votes: Sequence[Vote]) -> list[float]:
    read = [UNREADABLE_SCORE if vote.as_read(MIN_READABLE).p_ng is None else vote.p_ng or 0.0 for vote in votes]
    return read + [read[-1]] * (len(CUTS_TOKENS) - len(read))
