"""Reports each live line once that judges under a fingerprint or policy for which it has no right to pass."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from inspector.domain.decision import Reason
from inspector.domain.line_state import LineState
from inspector.domain.part import PartRecord
from inspector.messages.outgoing import EventSeverity
from inspector.station.event_log import EventLog

MAX_CAUSES: Final = 8  # of one line; fingerprints come back from replicas, one for each model


class UnqualifiedLines:
    """Remembers which causes were reported, until the line's version, state or rights change."""

    def __init__(self, events: EventLog) -> None:
        self._events = events
        self._reported: dict[str, set[str]] = defaultdict(set)

    def add(self, part: PartRecord) -> None:
        """Report the part's line, if it is set live and its judgement gave no right to pass."""
        is_withheld = part.line_state is LineState.UNQUALIFIED and part.decision.reason is Reason.UNQUALIFIED
        line, fingerprint, detail = part.key.line, part.pipeline.fingerprint, part.decision.detail
        cause, reported = f"{fingerprint} {detail}", self._reported[line]
        if not is_withheld or cause in reported or len(reported) >= MAX_CAUSES:
            return
        reported.add(cause)
        text = (
            f"version {part.pipeline.version} judges under fingerprint {fingerprint}, and no part passes: {detail} "
            f"(inspector qualify {line}), or go back to the qualified model or version"
        )
        self._events.add("UNQUALIFIED", text, line=line, severity=EventSeverity.ALARM)

    def forget(self, lines: Iterable[str]) -> None:
        """Report these lines anew: their version, state or rights are others now."""
        for line in lines:
            self._reported.pop(line, None)
