"""What came back for the frames of a run, in a few bytes each."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from inspector.adapters.mqtt.line_client import Journey


@dataclass(slots=True)
class SoakAnswers:
    """Seconds of the run at which each frame was sent, and the milliseconds to its verdict at the gate."""

    sent_s: array[float] = field(default_factory=lambda: array("d"))
    took_ms: array[float] = field(default_factory=lambda: array("f"))
    dispositions: Counter[str] = field(default_factory=Counter)
    late: int = 0
    unanswered: int = 0

    def add(self, journeys: Iterable[Journey], began_s: float) -> None:
        """Add answered frames of a run that began at this moment."""
        for journey in journeys:
            received_s, verdict = journey.verdicts[0]
            self.sent_s.append(journey.sent_s - began_s)
            self.took_ms.append(1000.0 * (received_s - journey.sent_s))
            self.dispositions[str(verdict.disposition)] += 1
            self.late += verdict.late

    def __len__(self) -> int:
        return len(self.sent_s)
