"""Recorded answers as votes of views that were each asked by themselves: what a ladder can be planned from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from inspector.domain.declared import ViewName
from inspector.domain.ladder import rounds
from inspector.domain.pipeline import Pipeline, Rung
from inspector.domain.prompts import Pictures
from inspector.domain.vote import Labelled, Vote
from inspector.errors import InspectorError
from inspector.lab.evaluation.asking import Case, LabelledPart
from inspector.lab.evaluation.playback import Playback
from inspector.lab.evaluation.prices import Prices
from inspector.lab.evaluation.tape import Tape
from inspector.tuning.recommendation import asked_as


def heard(cases: Sequence[Case]) -> list[Labelled]:
    """Every view of every case, with the time of each view's own questions and pictures. Encoding the frame is left
    out: whatever the ladder, it is paid."""
    prices = Prices(case.tape for case in cases)
    return [Labelled(tuple(chain.from_iterable(_views(case, prices))), case.is_ng) for case in cases]


def matched(parts: Iterator[LabelledPart], tapes: Mapping[str, Tape], line: str) -> list[Case]:
    """The parts of this line with what was said about them, found by their pictures. Raises InspectorError where
    nothing was said about any."""
    hashed = ((part, hashlib.sha256(part.picture).hexdigest()) for part in parts if part.pipeline.line == line)
    cases = [Case(part.pipeline, part.is_ng, part.plainness, tapes[key]) for part, key in hashed if key in tapes]
    if not cases:
        raise InspectorError(
            f"no answers about these parts of {line} are recorded; run inspector eval on the same parts first, with "
            "the same --votes"
        )
    return cases


def _views(case: Case, prices: Prices) -> Iterator[list[Vote]]:
    opinion = case.pipeline.second_opinion
    playback = Playback(case.tape, prices, points=opinion is not None and opinion.points)
    playback.open(Pictures.FRAME)
    for number, rung in enumerate(_apart(case.pipeline)):
        spent_ms = playback.cost.ms
        asked = rounds(case.pipeline, rung, case.tape.seed)
        votes = [vote for each in asked for vote in playback.votes(each, number)]
        yield [replace(vote, ms=vote.ms - spent_ms) for vote in votes]


def _apart(pipeline: Pipeline) -> list[Rung]:
    """Every view that can be asked on this line, each as it was declared first."""
    views = [view for view in ViewName if view is not ViewName.COMPARE or pipeline.golden_samples]
    return [asked_as(view, pipeline).model_copy(update={"views": (view,)}) for view in views]
