"""Recorded answers as votes of views that were each asked alone: the input from which a ladder is planned."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from inspector.domain.ladder import question_groups
from inspector.domain.pipeline import Pipeline, Rung
from inspector.domain.prompts import Pictures
from inspector.domain.vote import LabelledVotes, Vote
from inspector.errors import InspectorError
from inspector.lab.evaluation.batch_time import BatchTimeModel
from inspector.lab.evaluation.part_recorder import LabelledPart, RecordedPart
from inspector.lab.evaluation.question_set import recorded_views
from inspector.lab.evaluation.recording import Recording
from inspector.lab.evaluation.recording_replay import RecordingReplay
from inspector.tuning.recommendation import rung_asking


def separate_votes(parts: Sequence[RecordedPart]) -> list[LabelledVotes]:
    """The votes of every view about every part, with the time of each view's own questions and pictures.

    The time of encoding the frame is left out, because every ladder pays it.
    """
    batch_times = BatchTimeModel(part.recording for part in parts)
    return [LabelledVotes(tuple(chain.from_iterable(_views(part, batch_times))), part.is_ng) for part in parts]


def recorded_parts(parts: Iterator[LabelledPart], recordings: Mapping[str, Recording], line: str) -> list[RecordedPart]:
    """The parts of this line with their recordings, matched by picture. Raises InspectorError if none is recorded."""
    hashed = ((part, hashlib.sha256(part.picture).hexdigest()) for part in parts if part.pipeline.line == line)
    recorded = [
        RecordedPart(part.pipeline, part.is_ng, part.visibility, recordings[sha256])
        for part, sha256 in hashed
        if sha256 in recordings
    ]
    if not recorded:
        raise InspectorError(
            f"no answers about these parts of {line} are recorded; run inspector eval on the same parts first, with "
            "the same --votes"
        )
    return recorded


def _views(part: RecordedPart, batch_times: BatchTimeModel) -> Iterator[list[Vote]]:
    opinion = part.pipeline.second_opinion
    replay = RecordingReplay(part.recording, batch_times, points=opinion is not None and opinion.points)
    replay.open(Pictures.FRAME)
    for number, rung in enumerate(_rungs_of_one_view(part.pipeline)):
        spent_ms = replay.cost.ms
        groups = question_groups(part.pipeline, rung, part.recording.seed)
        votes = [vote for group in groups for vote in replay.votes(group, number)]
        yield [replace(vote, ms=vote.ms - spent_ms) for vote in votes]


def _rungs_of_one_view(pipeline: Pipeline) -> list[Rung]:
    """A rung for every view that this line can ask, with the settings of its first declaration."""
    views = recorded_views(pipeline)
    return [rung_asking(view, pipeline).model_copy(update={"views": (view,)}) for view in views]
