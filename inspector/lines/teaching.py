"""Teach lines from the running service: a job learns in a child process, and a draft then carries the taught model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from inspector.domain.heat_map import HeatMap
from inspector.domain.review import Review
from inspector.errors import InspectorError, LedgerError
from inspector.lines.jobs import JobProgress, Jobs
from inspector.lines.versions import Versions, readable
from inspector.ports.archive import PartFilter, PartRow, ReviewFilter
from inspector.ports.evidence import EvidenceStore
from inspector.ports.jobs import JobKind, LineJob
from inspector.ports.lines import LineVersion
from inspector.teaching.taught_model import TaughtModel, read_taught_model

MAX_LOOKED_AT: Final = 500  # newest parts without a review, of which the most suspicious are proposed
MAX_PROPOSED: Final = 40
MAX_TAUGHT_REVIEWS: Final = 2000  # newest reviews that label the parts of a taught model
Teach = Callable[[str, JobProgress], Mapping[str, Any]]
"""Teaches a line without changing it, and returns the report of `inspector teach LINE --json`."""


class TeachingArchive(Protocol):
    """What is read about the parts of a line. Synchronous. Raises LedgerError."""

    def parts(self, wanted: PartFilter, limit: int) -> list[PartRow]: ...

    def deciding_reviews(self, line: str, newest: int) -> dict[str, Review]: ...

    def heat_map(self, result_id: str) -> HeatMap | None: ...


class LiveTaughtModel(NamedTuple):
    """The taught model of a live version. `labels` counts its reviewed parts by what people call them today.

    `model` is None where it can't be read; `problem` says why, and what to do.
    """

    sha256: str
    doubt_above: float
    model: TaughtModel | None
    labels: Mapping[str, int]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Teaching:
    """Teaches lines, and says what they were taught. Raises LedgerError, and InspectorError for an unknown line."""

    versions: Versions
    archive: TeachingArchive
    evidence: EvidenceStore
    jobs: Jobs
    teach: Teach

    def start(self, line: str, author: str) -> LineJob:
        """Start a job that teaches the line; its result is a report, and nothing becomes live.

        The model is stored unless the result is refused, so that a draft may name it.
        """
        self.versions.history(line)
        return self.jobs.start(JobKind.TEACH, line, line, author, lambda progress: self.teach(line, progress))

    def newest(self, line: str) -> LineJob | None:
        """Return the newest teaching of the line, running or ended."""
        return self.jobs.newest(JobKind.TEACH, line)

    def live_version(self, line: str) -> LineVersion:
        """Return the live version."""
        return self.versions.history(line)[-1]

    def model_of(self, version: LineVersion) -> LiveTaughtModel | None:
        """Return the taught model of a version; None where it has none."""
        line, opinion = version.line, readable(version).pipeline.second_opinion
        if opinion is None or opinion.model is None:
            return None
        try:
            model = read_taught_model(self.evidence.get(opinion.model))
        except KeyError:
            text = f"the taught model {opinion.model[:12]}… is not stored any more; teach the line again"
            return LiveTaughtModel(opinion.model, opinion.doubt_above, None, {}, text)
        except (InspectorError, LedgerError) as error:
            return LiveTaughtModel(opinion.model, opinion.doubt_above, None, {}, str(error))
        return LiveTaughtModel(opinion.model, opinion.doubt_above, model, self._labels(line, model.parts))

    def review_next(self, line: str) -> list[str]:
        """Name parts that nobody has reviewed, the most suspicious first: NG parts are what a line lacks most."""
        open_parts = self.archive.parts(PartFilter(line=line, review=ReviewFilter.NONE), MAX_LOOKED_AT)
        scored = [(row.part.p_ng, row.part.result_id) for row in open_parts if row.part.p_ng is not None]
        return [result_id for _, result_id in sorted(scored, reverse=True)[:MAX_PROPOSED]]

    def _labels(self, line: str, parts: Sequence[str]) -> Mapping[str, int]:
        reviews = self.archive.deciding_reviews(line, MAX_TAUGHT_REVIEWS)
        return Counter(str(reviews[name].label) for name in parts if name in reviews)
