"""Which reused triggers deserve an event: the first of each run of a camera's counter. Pure, bounded per camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from inspector.domain.frame import FrameKey

FRESH_BETWEEN_RUNS: Final = 16  # new triggers in a row after which reuse begins another run; fewer were lost before


@dataclass(slots=True)
class ReportedRun:
    """The run of one camera's counter that is reported: its number, or its first reused trigger without numbers."""

    trigger_id: str
    run: int | None
    fresh: int = 0

    def includes(self, trigger_id: str, run: int | None) -> bool:
        """Return whether a reused trigger belongs to this run. Without numbers a run ends where its begin recurs."""
        if run is not None and self.run is not None:
            return run == self.run
        return trigger_id != self.trigger_id and self.fresh < FRESH_BETWEEN_RUNS


class ReuseRuns:
    """The runs of all cameras of one station."""

    def __init__(self) -> None:
        self._reported: dict[tuple[str, str], ReportedRun] = {}

    def add_fresh(self, key: FrameKey) -> None:
        """Note a trigger that named no part before."""
        if reported := self._reported.get(key[:2]):
            reported.fresh += 1

    def add_reused(self, key: FrameKey, run: int | None) -> bool:
        """Note a reused trigger in this run of the counter; return whether it is the first one there."""
        reported = self._reported.get(key[:2])
        if reported is not None and reported.includes(key.trigger_id, run):
            reported.fresh = 0
            return False
        self._reported[key[:2]] = ReportedRun(key.trigger_id, run)
        return True
