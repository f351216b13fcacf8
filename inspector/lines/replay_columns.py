"""The stored votes of a line in columns, from which a browser replays any limits by itself at every step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspector.domain.declared import Disposition, Severity
from inspector.domain.pipeline import Pipeline
from inspector.errors import InspectorError, NotFoundError
from inspector.lines.part_columns import camera_names
from inspector.lines.pricing import Pricing
from inspector.lines.states import unknown_line
from inspector.lines.tuning import parts_per_hour
from inspector.lines.versions import readable
from inspector.lines.vote_tables import LineVotes
from inspector.tuning.vote_table import VoteTable

Array = NDArray[Any]


class ReplayedVotes(NamedTuple):
    """One entry for each vote, part after part, in the order in which they were given. As `VoteTable` tallies them."""

    score: Array
    lowest: Array
    highest: Array
    elapsed_ms: Array
    is_sure: Array
    is_last: Array


class ReplayedParts(NamedTuple):
    """One entry for each part. `votes` of them are in the columns of votes. `camera` is an index of the cameras.

    `counts` says whether the part's votes can say something; `has_votes` whether any was stored.
    """

    number: Array
    votes: Array
    truth: Array
    counts: Array
    has_votes: Array
    may_pass: Array
    may_reject: Array
    camera: Array
    decided_at: Array


class ReplayColumns(NamedTuple):
    """The votes of a line's newest parts, and of all its reviewed ones, as the ladder's first `rungs` count them.

    `ng_defects` names the classes of each part that people called NG, in order. `unread` is the disposition of a part
    without a readable answer.
    """

    line: str
    version: int
    pipeline: Pipeline
    rungs: int
    fingerprints: tuple[str, ...]
    cameras: tuple[str, ...]
    result_ids: tuple[str, ...]
    trigger_ids: tuple[str, ...]
    ng_defects: tuple[tuple[str, ...], ...]
    parts: ReplayedParts
    votes: ReplayedVotes
    parts_per_hour: float

    @property
    def unread(self) -> Disposition:
        return self.pipeline.fail_safe

    @property
    def severities(self) -> dict[str, Severity]:
        return dict(self.pipeline.defects)


@dataclass(frozen=True, slots=True)
class ReplayTables:
    """Reads the columns. Raises LedgerError, and NotFoundError for an unknown line or one without judged parts."""

    pricing: Pricing

    def columns(self, line: str, rungs: int | None = None) -> ReplayColumns:
        """Return the votes of a line's parts under its live version, or under a shorter ladder of it."""
        versions = self.pricing.archive.versions(line)
        if not versions:
            raise unknown_line(line)
        live = readable(versions[-1])
        most = len(live.pipeline.ladder)
        if rungs is not None and rungs > most:
            raise InspectorError(f"rungs: {rungs} is more than the ladder of {line} has; use 1 to {most}")
        fingerprints = self.pricing.fingerprints(line, live)
        if not fingerprints:
            raise NotFoundError(f"no part of {line} was judged as version {versions[-1].version} declares; let it run")
        found = [self._votes(line, each, live.pipeline, rungs) for each in fingerprints]
        cameras = camera_names(votes.parts for votes in found)
        return ReplayColumns(
            line,
            versions[-1].version,
            live.pipeline,
            most if rungs is None else rungs,
            fingerprints,
            tuple(cameras),
            tuple(name for votes in found for name in votes.parts.result_id.tolist()),
            tuple(name for votes in found for name in votes.parts.trigger_id.tolist()),
            tuple(classes for votes in found for classes in votes.ng_classes),
            ReplayedParts(*map(np.concatenate, zip(*(_part_columns(each, cameras) for each in found), strict=True))),
            ReplayedVotes(*map(np.concatenate, zip(*(_vote_columns(each.table) for each in found), strict=True))),
            parts_per_hour(found),
        )

    def _votes(self, line: str, fingerprint: str, pipeline: Pipeline, rungs: int | None) -> LineVotes:
        tables = self.pricing.tables
        return tables.votes(tables.recent_parts(line, fingerprint), pipeline, rungs)


def _part_columns(votes: LineVotes, cameras: Sequence[str]) -> ReplayedParts:
    parts, table = votes.parts, votes.table
    return ReplayedParts(
        parts.number.astype(float),
        table.count.astype(np.int32),
        votes.truth,
        parts.by_votes,
        parts.has_votes,
        table.may_pass,
        table.may_reject,
        parts.camera_places(cameras).astype(np.int32),
        parts.decided_us / 1e6,
    )


def _vote_columns(table: VoteTable) -> ReplayedVotes:
    """Drop what pads the table: a row holds as many votes as the part got."""
    held = np.arange(table.score.shape[1])[None, :] < table.count[:, None]
    columns = (table.score, table.lowest, table.highest, table.elapsed_ms, table.is_sure, table.is_last)
    return ReplayedVotes(*(each[held] for each in columns))
