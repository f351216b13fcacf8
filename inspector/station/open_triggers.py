"""Triggers on whose part a gate may still act. Another part under such a trigger can't be distinguished from the first.

Times are seconds of any monotonic clock, passed in by the caller.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from inspector.domain.part_identity import PartIdentity, Trigger

OPEN_AFTER_GATE_S: Final = 10.0  # the gate's queue and clock: until then it may match a verdict to the earlier part
MAX_OPEN_PER_CAMERA: Final = 20_000  # triggers; a camera that exceeds it forgets its own oldest ones


@dataclass(eq=False, slots=True)
class OpenTrigger:
    """A trigger, with the first part that it named. It is open until `until_s`.

    `is_ambiguous`: it named another part meanwhile, so that none of them may pass.
    """

    identity: PartIdentity
    result_id: str
    until_s: float
    is_ambiguous: bool = False

    def is_open(self, now_s: float) -> bool:
        return now_s < self.until_s

    def prolong(self, until_s: float) -> None:
        self.until_s = max(self.until_s, until_s)


class OpenTriggers:
    """The open triggers of one station."""

    def __init__(self) -> None:
        self._cameras: dict[tuple[str, str], OrderedDict[Trigger, OpenTrigger]] = {}

    def get(self, trigger: Trigger, now_s: float) -> OpenTrigger | None:
        """Return the trigger if it is open."""
        found = self._of(trigger).get(trigger)
        return found if found is not None and found.is_open(now_s) else None

    def add(self, opened: OpenTrigger, now_s: float) -> None:
        """Add a trigger, and forget those of its camera that are closed by now."""
        triggers = self._of(opened.identity.trigger)
        triggers[opened.identity.trigger] = opened
        triggers.move_to_end(opened.identity.trigger)
        while triggers and (len(triggers) > MAX_OPEN_PER_CAMERA or not _oldest(triggers).is_open(now_s)):
            triggers.popitem(last=False)

    def _of(self, trigger: Trigger) -> OrderedDict[Trigger, OpenTrigger]:
        return self._cameras.setdefault((trigger.key.line, trigger.key.camera), OrderedDict())


def _oldest(triggers: OrderedDict[Trigger, OpenTrigger]) -> OpenTrigger:
    return next(iter(triggers.values()))
