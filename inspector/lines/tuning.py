"""What a line's limits do to its stored parts: scores, other limits before they are live, and limits for a promise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from operator import itemgetter
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspector.domain.declared import Disposition
from inspector.domain.pipeline import Thresholds
from inspector.errors import InspectorError, NotFoundError
from inspector.lines.comparison import PairOutcomes, VoteComparison
from inspector.lines.defect_escapes import DefectEscapes, defect_escapes, severity_escapes
from inspector.lines.part_columns import MICROSECOND, camera_names
from inspector.lines.pricing import Pricing
from inspector.lines.states import unknown_line
from inspector.lines.versions import ReadableVersion, readable
from inspector.lines.vote_tables import LineVotes
from inspector.numerics.exact_bounds import MeasuredShare, measured_share
from inspector.ports.lines import LineVersion
from inspector.ports.tuning import UNREVIEWED, IdentifiedPart
from inspector.tuning.counterfactual import Impact
from inspector.tuning.threshold_evidence import DISPOSITIONS
from inspector.tuning.vote_table import DISPOSITION_OF, ReplayedOutcome

Array = NDArray[Any]
MAX_LISTED_FLIPS: Final = 500  # parts that change their disposition, in one answer
RATE_SPAN: Final = timedelta(hours=1)  # before the newest part: how many parts an hour brings
MAX_RATE_PARTS: Final = 5_000  # newest ones that the rate is taken from
SHORTEST_SPAN: Final = timedelta(minutes=1)


class ScoreColumns(NamedTuple):
    """The scores of a line's parts, oldest first, one entry per part in each column.

    `p_ng` holds one column for each rung: NaN for parts that were not asked in it. `truth` is 1 for NG, 0 for OK and -1
    for parts without a truth. `weight` is the number of parts that a reviewed part stands for, NaN for others.
    `opinion` is the score of the second opinion: of the taught model, where the line has one. `camera` and
    `disposition` are indexes of `cameras` and `dispositions`.
    """

    line: str
    version: int
    fingerprints: tuple[str, ...]
    cameras: tuple[str, ...]
    dispositions: tuple[Disposition, ...]
    number: Array
    p_ng: tuple[Array, ...]
    truth: Array
    weight: Array
    opinion: Array
    camera: Array
    disposition: Array


class OtherSettings(NamedTuple):
    """What to replay: other limits, the ladder's first `rungs` only, and the parts of one camera or of all."""

    thresholds: Thresholds
    rungs: int | None = None
    camera: str | None = None


class PartMove(NamedTuple):
    """A part that other limits would decide otherwise. `after` is None where its votes end too early to know.

    `is_escape`: people called it NG, and it would newly pass, or could. `defects` are the classes of an NG part.
    """

    part: IdentifiedPart
    is_ng: bool | None
    before: Disposition | None
    after: Disposition | None
    is_escape: bool
    defects: tuple[str, ...] = ()


class LimitShares(NamedTuple):
    """The shares under one pair of limits, with exact intervals.

    `escape` is of the parts that people called NG, `overkill` of those they called OK, `review` of all known parts.
    """

    escape: MeasuredShare
    overkill: MeasuredShare
    review: MeasuredShare


class CameraShares(NamedTuple):
    """The shares of one camera's parts before and after."""

    camera: str
    before: LimitShares
    after: LimitShares


class WhatIf(NamedTuple):
    """The effect of other limits on the stored parts. The figures of `impact` are those of the change's price.

    `moves` lists at most MAX_LISTED_FLIPS of `moved` parts: escapes first, then reviewed parts, then the newest.
    Latencies are means until the last vote that is needed, in milliseconds. Reviews per hour follow from the parts of
    the last hour in which the line ran. `severities` and `defects` split the escapes, the most serious first; a part
    counts in each of its classes, and in the most serious severity of them.
    """

    line: str
    version: int
    settings: OtherSettings
    ladder: int
    fingerprints: tuple[str, ...]
    impact: Impact
    before: LimitShares
    after: LimitShares
    cameras: tuple[CameraShares, ...]
    severities: tuple[DefectEscapes, ...]
    defects: tuple[DefectEscapes, ...]
    moves: tuple[PartMove, ...]
    moved: int
    escapes: int
    unknown_ng: int
    latency_ms: tuple[float, float]
    reviews_per_hour: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Tuning:
    """Replays stored votes. Every method raises LedgerError, and NotFoundError for an unknown line."""

    pricing: Pricing

    def scores(self, line: str) -> ScoreColumns:
        """Return the scores of the newest parts, and of all reviewed ones, as the live version counts them."""
        live = self._live(line)
        compared = self._compared(live, readable(live).pipeline.thresholds)
        names = camera_names(each.line_votes.parts for each in compared)
        columns = [_columns(each.line_votes, names, len(readable(live).pipeline.ladder)) for each in compared]
        weight = [_weights(each.line_votes, self._totals(line, each)) for each in compared]
        joined = [np.concatenate(each) for each in zip(*columns, strict=True)]
        number, truth, opinion, camera, kind, *p_ng = joined
        prints = tuple(each.fingerprint for each in compared)
        found = (number, tuple(p_ng), truth, np.concatenate(weight), opinion, camera, kind)
        return ScoreColumns(line, live.version, prints, tuple(names), DISPOSITIONS, *found)

    def what_if(self, line: str, settings: OtherSettings) -> WhatIf:
        """Say what other limits, or a shorter ladder, would do to the stored parts.

        Raises InspectorError for a ladder that is not shorter, and NotFoundError for a camera without judged parts.
        """
        live = self._live(line)
        pipeline = readable(live).pipeline
        compared = self._of_camera(live, settings)
        moves = [each.moves | each.escapes for each in compared]
        cameras = camera_names(each.line_votes.parts for each in compared)
        return WhatIf(
            line=line,
            version=live.version,
            settings=settings,
            ladder=len(pipeline.ladder),
            fingerprints=tuple(each.fingerprint for each in compared),
            impact=_sum(each.impact for each in compared),
            before=_shares(compared, _before),
            after=_shares(compared, _after),
            cameras=tuple(_camera_shares(compared, each) for each in cameras),
            severities=tuple(severity_escapes(compared, pipeline.defects)),
            defects=tuple(defect_escapes(compared, pipeline.defects)),
            moves=tuple(_listed(compared)),
            moved=sum(int(each.sum()) for each in moves),
            escapes=sum(int(each.escapes.sum()) for each in compared),
            unknown_ng=sum(each.unknown_ng for each in compared),
            latency_ms=(_latency(compared, _before), _latency(compared, _after)),
            reviews_per_hour=(_reviews_per_hour(compared, _before), _reviews_per_hour(compared, _after)),
        )

    def _live(self, line: str) -> LineVersion:
        versions = self.pricing.archive.versions(line)
        if not versions:
            raise unknown_line(line)
        return versions[-1]

    def _of_camera(self, live: LineVersion, settings: OtherSettings) -> tuple[VoteComparison, ...]:
        most = len(readable(live).pipeline.ladder)
        if settings.rungs is not None and settings.rungs > most:
            raise InspectorError(f"rungs: {settings.rungs} is more than the ladder of {live.line} has; use 1 to {most}")
        compared = self._compared(live, settings.thresholds, settings.rungs)
        if settings.camera is None:
            return compared
        found = [each.take(each.line_votes.parts.of_camera(settings.camera)) for each in compared]
        if not any(len(each.line_votes.parts) for each in found):
            raise NotFoundError(f"no part of {live.line}/{settings.camera} was judged as the line is declared now")
        return tuple(found)

    def _compared(
        self, live: LineVersion, thresholds: Thresholds, rungs: int | None = None
    ) -> tuple[VoteComparison, ...]:
        content = readable(live)
        after = content.pipeline.model_copy(update={"thresholds": thresholds})
        compared = self.pricing.compare(live.line, ReadableVersion(after, content.golden), rungs=rungs)
        if not compared:
            raise NotFoundError(
                f"no part of {live.line} was judged as the line is declared now (version {live.version}); let it run"
            )
        return compared

    def _totals(self, line: str, compared: VoteComparison) -> Mapping[Disposition, int]:
        return self.pricing.tables.disposition_counts(line, compared.fingerprint)


Side = Callable[[VoteComparison], PairOutcomes]


def _before(compared: VoteComparison) -> PairOutcomes:
    return compared.before


def _after(compared: VoteComparison) -> PairOutcomes:
    return compared.after


def _columns(votes: LineVotes, cameras: Sequence[str], rungs: int) -> list[Array]:
    parts = votes.parts
    return [
        parts.number,
        votes.truth,
        parts.opinion,
        parts.camera_places(cameras).astype(np.int16),
        parts.disposition,
        *(votes.table.rung_scores(rung) for rung in range(rungs)),
    ]


def _weights(votes: LineVotes, totals: Mapping[Disposition, int]) -> Array:
    """Return how many parts each reviewed part stands for: all of its disposition, divided among the reviewed ones."""
    is_reviewed, kinds = votes.truth != UNREVIEWED, votes.parts.disposition
    reviewed = np.bincount(kinds[is_reviewed], minlength=len(DISPOSITIONS))
    every = np.array([totals.get(kind, 0) for kind in DISPOSITIONS])
    share = np.maximum(every, reviewed) / np.maximum(reviewed, 1)
    return np.where(is_reviewed, share[kinds], np.nan)


def _shares(compared: Sequence[VoteComparison], side: Side, camera: str | None = None) -> LimitShares:
    chosen = [each.is_known if camera is None else _known_of(each, camera) for each in compared]
    outcome = np.concatenate([side(each).outcome[mask] for each, mask in zip(compared, chosen, strict=True)])
    truth = np.concatenate([each.line_votes.truth[mask] for each, mask in zip(compared, chosen, strict=True)])
    return LimitShares(
        _share(outcome[truth == 1], ReplayedOutcome.PASS),
        _share(outcome[truth == 0], ReplayedOutcome.REJECT),
        _share(outcome, ReplayedOutcome.REVIEW),
    )


def _known_of(compared: VoteComparison, camera: str) -> Array:
    known: Array = compared.is_known & compared.line_votes.parts.of_camera(camera)
    return known


def _share(outcomes: Array, counted: ReplayedOutcome) -> MeasuredShare:
    return measured_share(int((outcomes == counted).sum()), len(outcomes))


def _camera_shares(compared: Sequence[VoteComparison], camera: str) -> CameraShares:
    return CameraShares(camera, _shares(compared, _before, camera), _shares(compared, _after, camera))


def _listed(compared: Sequence[VoteComparison]) -> Iterator[PartMove]:
    """Yield escapes first, then reviewed parts, then the newest."""
    found = []
    for each in compared:
        escapes, truth, number = each.escapes, each.line_votes.truth, each.line_votes.parts.number
        places = np.flatnonzero(each.moves | escapes)
        keys = (~escapes[places], truth[places] == UNREVIEWED, -number[places], places)
        found += [(*key, each) for key in zip(*(column.tolist() for column in keys), strict=True)]
    found.sort(key=itemgetter(0, 1, 2))
    yield from (_move(each, at, is_escape=not stays) for stays, _, _, at, each in found[:MAX_LISTED_FLIPS])


def _move(compared: VoteComparison, at: int, *, is_escape: bool) -> PartMove:
    part, truth = compared.line_votes.parts.named(at), int(compared.line_votes.truth[at])
    return PartMove(
        part,
        None if truth == UNREVIEWED else bool(truth),
        DISPOSITION_OF.get(ReplayedOutcome(compared.before.outcome[at])),
        DISPOSITION_OF.get(ReplayedOutcome(compared.after.outcome[at])),
        is_escape,
        compared.line_votes.defects.get(part.number, ()) if truth == 1 else (),
    )


def _latency(compared: Sequence[VoteComparison], side: Side) -> float:
    elapsed = [
        each.line_votes.table.elapsed_ms[np.flatnonzero(each.is_known), side(each).votes[each.is_known] - 1]
        for each in compared
    ]
    joined = np.concatenate(elapsed)
    return float(joined.mean()) if len(joined) else 0.0


def _reviews_per_hour(compared: Sequence[VoteComparison], side: Side) -> float:
    share = _shares(compared, side).review.value or 0.0
    return share * parts_per_hour([each.line_votes for each in compared])


def parts_per_hour(found: Sequence[LineVotes]) -> float:
    """Return how many parts an hour brings, by the last hour in which the line ran."""
    newest = [votes.parts.decided_us[-MAX_RATE_PARTS:] for votes in found if len(votes.parts)]
    if not newest:
        return 0.0
    times = np.concatenate(newest)
    recent = times[times > times.max() - RATE_SPAN // MICROSECOND]
    span = max(int(recent.max() - recent.min()) * MICROSECOND, SHORTEST_SPAN)
    return len(recent) / (span / RATE_SPAN)


def _sum(impacts: Iterator[Impact]) -> Impact:
    """Add up the impacts of several fingerprints; means are weighted by their parts."""
    listed = list(impacts)
    parts = sum(each.parts for each in listed)
    moved: Counter[tuple[Disposition, Disposition]] = Counter()
    for each in listed:
        moved.update(each.moved)

    def mean(side: int) -> float:
        return sum(each.votes[side] * each.parts for each in listed) / parts if parts else 0.0

    def added(name: str) -> tuple[int, int]:
        return sum(getattr(each, name)[0] for each in listed), sum(getattr(each, name)[1] for each in listed)

    return Impact(
        parts=parts,
        unknown=sum(each.unknown for each in listed),
        moved=dict(moved),
        votes=(mean(0), mean(1)),
        escapes=added("escapes"),
        overkill=added("overkill"),
        reviewed=sum(each.reviewed for each in listed),
    )
