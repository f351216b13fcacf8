"""Guards lines after a change: a new version whose reject share leaves the earlier one's band raises REJECT_SHARE.

Where the line declares it, the line is paused too. The version itself is never changed.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from inspector.domain.pipeline import GuardAction, GuardSettings
from inspector.errors import LedgerError
from inspector.messages.outgoing import EventSeverity
from inspector.numerics.share_band import ShareBand, band_around
from inspector.ports.guard import GuardedPart, GuardPause, GuardStore
from inspector.ports.ledger import PipelineVersion
from inspector.station.event_log import EventLog

log = logging.getLogger(__name__)

STEP_INTERVAL_S: Final = 0.5
HISTORY_PARTS: Final = 5_000  # newest parts of a line that are read at first
MIN_EARLIER_PARTS: Final = 50  # of a version that later ones are compared with
MIN_PARTS: Final = 20  # of a new version before anything is said about it: one bad tray is no change
GUARDED_PARTS: Final = 1_000  # of a new version; one that people keep for longer is the next ones' measure
MAX_VERSIONS: Final = 32  # of a line, whose parts are counted


@dataclass(slots=True)
class RejectCount:
    """How many parts a version judged, up to GUARDED_PARTS, and how many of them it rejected."""

    parts: int = 0
    rejected: int = 0

    def add(self, part: GuardedPart) -> None:
        if self.parts < GUARDED_PARTS:
            self.parts += 1
            self.rejected += part.is_rejected

    def band(self, tolerance: float) -> ShareBand:
        return band_around(self.rejected, self.parts, tolerance)

    def __str__(self) -> str:
        return f"{self.rejected} of {self.parts} parts ({self.rejected / self.parts:.1%})"


class ShareChange(NamedTuple):
    """A version that has left the band of an earlier one."""

    version: int
    judged: RejectCount
    earlier: int
    judged_earlier: RejectCount
    band: ShareBand

    def __str__(self) -> str:
        band = f"{self.band.low:.1%} to {self.band.high:.1%}"
        return (
            f"version {self.version} rejects {self.judged}, outside {band}: version {self.earlier} rejected "
            f"{self.judged_earlier}"
        )


@dataclass(slots=True)
class LineCounts:
    """The counts of a line's newest versions."""

    newest: int = 0  # number of the newest counted part
    versions: dict[int, RejectCount] = field(default_factory=lambda: defaultdict(RejectCount))

    def add(self, parts: Sequence[GuardedPart]) -> None:
        for part in parts:
            self.versions[part.version].add(part)
            self.newest = part.number
        for version in sorted(self.versions)[:-MAX_VERSIONS]:
            del self.versions[version]

    def change(self, version: int, settings: GuardSettings) -> ShareChange | None:
        """Return the change that this version is, compared with the last one before it that was none itself.

        A version that was a change, and that people kept for GUARDED_PARTS, is what later ones are compared with.
        """
        earlier: int | None = None
        for number in sorted(self.versions):
            found = self._compared(number, earlier, settings) if earlier is not None else None
            if number == version:
                return found
            count = self.versions[number]
            if count.parts >= GUARDED_PARTS or (found is None and count.parts >= MIN_EARLIER_PARTS):
                earlier = number
        return None

    def _compared(self, version: int, earlier: int, settings: GuardSettings) -> ShareChange | None:
        count, before = self.versions[version], self.versions[earlier]
        band = before.band(settings.reject_share)
        if count.parts < MIN_PARTS or not band.is_left_by(count.rejected, count.parts):
            return None
        return ShareChange(version, count, earlier, before, band)


class RejectGuard:
    """Watches the newest version of each line that declares a guard."""

    def __init__(self, ledger: GuardStore, events: EventLog) -> None:
        self._ledger = ledger
        self._events = events
        self._guarded: dict[str, PipelineVersion] = {}
        self._counts: dict[str, LineCounts] = {}
        self._done: dict[str, int] = {}  # the newest version of a line about which everything is said

    def follow(self, versions: Sequence[PipelineVersion]) -> None:
        """Watch these lines from now on."""
        self._guarded = {each.pipeline.line: each for each in versions if each.pipeline.guard is not None}
        self._counts = {line: counts for line, counts in self._counts.items() if line in self._guarded}

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            await asyncio.sleep(STEP_INTERVAL_S)
            try:
                await self.step()
            except LedgerError as error:
                log.warning("reject shares can't be compared now: %s", error)

    async def step(self) -> None:
        """Count what each line judged since the last step. Raises LedgerError."""
        for line, version in list(self._guarded.items()):
            settings = version.pipeline.guard
            if settings is not None and self._done.get(line) != version.version:
                await self._watch(line, version.version, settings)

    async def _watch(self, line: str, version: int, settings: GuardSettings) -> None:
        counts = self._counts.setdefault(line, LineCounts())
        counts.add(await self._ledger.guarded_parts(line, counts.newest, HISTORY_PARTS))
        if counts.versions[version].parts >= GUARDED_PARTS:
            self._done[line] = version
        elif change := counts.change(version, settings):
            await self._act(line, change, settings)
            self._done[line] = version

    async def _act(self, line: str, change: ShareChange, settings: GuardSettings) -> None:
        is_paused = settings.action is GuardAction.PAUSE and await self._ledger.pause_for_guard(
            GuardPause(line, change.version, f"REJECT_SHARE: {change}")
        )
        paused = "the line is paused; " if is_paused else ""
        back = f"inspector rollback {line} --to {change.earlier} --reason WHY"
        on = f", or inspector line live {line}" if is_paused else ""
        text = f"{change}; {paused}look at its parts, then {back}{on}"
        self._events.add("REJECT_SHARE", text, line=line, severity=EventSeverity.ALARM)
