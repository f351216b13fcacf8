"""The stored votes of a line in columns: a browser replays any limits on them by itself."""

from __future__ import annotations

import base64
from typing import Annotated, Any, Final

import numpy as np
from fastapi import APIRouter, Query, Response
from pydantic import Field

from inspector.adapters.console.api.models import ApiModel, LineName
from inspector.adapters.console.api.problems import READ_RESPONSES, ProblemType, problem_responses
from inspector.adapters.console.services import Services
from inspector.domain.declared import Disposition, Severity
from inspector.domain.pipeline import Thresholds
from inspector.lines.replay_columns import ReplayColumns

MAX_RUNGS: Final = 64
TABLE_RESPONSES: Final = READ_RESPONSES | problem_responses(ProblemType.REFUSED)

router = APIRouter(prefix="/lines/{line}", tags=["tuning"])

Floats = Annotated[str, Field(description="little-endian float64 in base64")]
Integers = Annotated[str, Field(description="little-endian int32 in base64")]
Bytes = Annotated[str, Field(description="one byte each, in base64")]


class PartColumnsAnswer(ApiModel):
    """One entry for each part, oldest first under each fingerprint. So many `votes` of it are in the columns of votes.

    `truth`: 1 NG, 0 OK, 255 none. `counts`: its votes decided it. `camera` is an index of `cameras`.
    """

    number: Floats
    votes: Integers
    truth: Bytes
    counts: Bytes
    has_votes: Bytes
    may_pass: Bytes
    may_reject: Bytes
    camera: Integers
    decided_at: Annotated[str, Field(description="seconds since 1970: little-endian float64 in base64")]


class VoteColumnsAnswer(ApiModel):
    """One entry for each vote: the score after it, the scores left in reach, NaN where there is none, and its end."""

    score: Floats
    lowest: Floats
    highest: Floats
    elapsed_ms: Floats
    is_sure: Bytes
    is_last: Bytes


class ReplayTableAnswer(ApiModel):
    """The votes of a line's newest parts, and of all its reviewed ones, as the ladder's first `rungs` count them.

    `unread`: disposition of a part without a readable answer. `ng_defects`: classes of each NG part, in order.
    """

    line: str
    version: int
    thresholds: Thresholds
    rungs: int
    ladder: int
    fingerprints: tuple[str, ...]
    cameras: tuple[str, ...]
    unread: Disposition
    severities: dict[str, Severity]
    result_ids: tuple[str, ...]
    trigger_ids: tuple[str, ...]
    ng_defects: tuple[tuple[str, ...], ...]
    parts: PartColumnsAnswer
    votes: VoteColumnsAnswer
    parts_per_hour: float

    @classmethod
    def of(cls, found: ReplayColumns) -> ReplayTableAnswer:
        """Build the answer without a check of each entry: they come from arrays."""
        same = ("line", "version", "rungs", "fingerprints", "cameras", "unread", "severities", "result_ids")
        lists = ("trigger_ids", "ng_defects", "parts_per_hour")
        return cls.model_construct(
            thresholds=found.pipeline.thresholds,
            ladder=len(found.pipeline.ladder),
            parts=PartColumnsAnswer(**_encoded(found.parts)),
            votes=VoteColumnsAnswer(**_encoded(found.votes)),
            **{name: getattr(found, name) for name in (*same, *lists)},
        )


@router.get(
    "/replay-table", response_model=ReplayTableAnswer, responses=READ_RESPONSES | problem_responses(ProblemType.REFUSED)
)
def read_replay_table(
    services: Services,
    line: LineName,
    rungs: Annotated[int | None, Query(ge=1, le=MAX_RUNGS, description="only the ladder's first rungs")] = None,
) -> Response:
    """Return the stored votes of a line's parts in columns. A replay of them gives the figures of `what-if`."""
    answer = ReplayTableAnswer.of(services.changes.replay_tables.columns(line, rungs))
    return Response(answer.model_dump_json(), media_type="application/json")


def _encoded(columns: Any) -> dict[str, str]:
    return {name: _base64(column) for name, column in columns._asdict().items()}


def _base64(column: Any) -> str:
    kinds = {"f": "<f8", "i": "<i4", "b": "u1"}
    kind = "i1" if column.dtype == np.int8 else kinds[column.dtype.kind]
    return base64.b64encode(column.astype(kind).tobytes()).decode()
