"""Recorded answers as votes of views that were each asked by themselves: what a ladder can be planned from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from inspector.domain.declared import ViewName
from inspector.domain.ladder import question_groups
from inspector.domain.pipeline import Pipeline, Rung
from inspector.domain.prompts import Pictures
from inspector.domain.vote import LabelledVotes, Vote
from inspector.errors import InspectorError
from inspector.lab.evaluation.batch_time import BatchTimeModel
from inspector.lab.evaluation.part_recorder import LabelledPart, RecordedPart
from inspector.lab.evaluation.recording import Recording
from inspector.lab.evaluation.recording_replay import RecordingReplay
from inspector.tuning.recommendation import rung_asking


def separate_votes(cases: Sequence[RecordedPart]) -> list[LabelledVotes]:
    """Every view of every case, with the time of each view's own questions and pictures. Encoding the frame is left
    out: whatever the ladder, it is paid."""
    batch_times = BatchTimeModel(case.recording for case in cases)
    return [LabelledVotes(tuple(chain.from_iterable(_views(case, batch_times))), case.is_ng) for case in cases]


def recorded_parts(parts: Iterator[LabelledPart], recordings: Mapping[str, Recording], line: str) -> list[RecordedPart]:
    """The parts of this line with what was said about them, found by their pictures. Raises InspectorError where
    nothing was said about any."""
    hashed = ((part, hashlib.sha256(part.picture).hexdigest()) for part in parts if part.pipeline.line == line)
    cases = [
        RecordedPart(part.pipeline, part.is_ng, part.visibility, recordings[key])
        for part, key in hashed
        if key in recordings
    ]
    if not cases:
        raise InspectorError(
            f"no answers about these parts of {line} are recorded; run inspector eval on the same parts first, with "
            "the same --votes"
        )
    return cases


def _views(case: RecordedPart, batch_times: BatchTimeModel) -> Iterator[list[Vote]]:
    opinion = case.pipeline.second_opinion
    replay = RecordingReplay(case.recording, batch_times, points=opinion is not None and opinion.points)
    replay.open(Pictures.FRAME)
    for number, rung in enumerate(_apart(case.pipeline)):
        spent_ms = replay.cost.ms
        asked = question_groups(case.pipeline, rung, case.recording.seed)
        votes = [vote for each in asked for vote in replay.votes(each, number)]
        yield [replace(vote, ms=vote.ms - spent_ms) for vote in votes]


def _apart(pipeline: Pipeline) -> list[Rung]:
    """Every view that can be asked on this line, each as it was declared first."""
    views = [view for view in ViewName if view is not ViewName.COMPARE or pipeline.golden_samples]
    return [rung_asking(view, pipeline).model_copy(update={"views": (view,)}) for view in views]
