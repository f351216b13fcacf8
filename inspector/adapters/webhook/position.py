"""How far the events were sent, in a file: a service that starts again goes on where it stopped."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError

LATE_EVENTS: Final = 200  # numbers below the newest that another station may still commit


class SentEvents(NamedTuple):
    """The newest event that was handled, and those handled among the LATE_EVENTS numbers before it."""

    newest: int
    handled: frozenset[int] = frozenset()

    @property
    def after(self) -> int:
        """The number behind which to look for events."""
        return max(0, self.newest - LATE_EVENTS)

    def adding(self, number: int) -> SentEvents:
        """Return the same with one more event handled."""
        newest = max(self.newest, number)
        kept = {each for each in (*self.handled, number) if each > newest - LATE_EVENTS}
        return SentEvents(newest, frozenset(kept))

    @classmethod
    def until(cls, number: int) -> SentEvents:
        """Return the position at which all events up to this number count as handled."""
        return cls(number, frozenset(range(max(1, number - LATE_EVENTS + 1), number + 1)))


class _Stored(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    newest: NonNegativeInt
    handled: list[NonNegativeInt]


class PositionFile:
    """The position in a file. Raises OSError where it can't be written."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> SentEvents | None:
        """Return the stored position; None where there is none, or none that can be read."""
        try:
            stored = _Stored.model_validate_json(self._path.read_bytes())
        except (OSError, ValidationError):
            return None
        return SentEvents(stored.newest, frozenset(stored.handled))

    def write(self, sent: SentEvents) -> None:
        """Store the position, whole or not at all."""
        draft = self._path.with_suffix(".new")
        draft.write_text(_Stored(newest=sent.newest, handled=sorted(sent.handled)).model_dump_json())
        os.replace(draft, self._path)
