"""The line's books after a chaos run: every frame that never reached the service must be booked as lost, no other."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from inspector.adapters.ledger import SqlArchive
from inspector.utc import utc_now


@dataclass(frozen=True, slots=True)
class LineBooks:
    """What the ledger booked. `withheld` is how many numbered frames were kept from the service on purpose."""

    decided: int
    lost: int
    unaccounted: int
    withheld: int

    @property
    def agree(self) -> bool:
        """Return whether the losses are those that were caused, and every other number is a part."""
        return self.lost == self.withheld and self.unaccounted == 0

    def problems(self) -> list[str]:
        """Say in words what does not agree."""
        found = []
        if self.lost != self.withheld:
            found.append(f"{self.withheld} frame(s) were kept from the service, the ledger booked {self.lost} as lost")
        if self.unaccounted:
            found.append(f"{self.unaccounted} number(s) of the camera are neither parts nor losses")
        return found


def line_books(database: str, line: str, camera: str, withheld: int) -> LineBooks:
    """Read the books of one camera after the service has stopped. Raises LedgerError."""
    now = utc_now()
    with closing(SqlArchive(database)) as archive:
        accounts = [each for each in archive.balance(line, now, settled=now).cameras if each.camera == camera]
    return LineBooks(
        decided=sum(each.decided for each in accounts),
        lost=sum(each.lost for each in accounts),
        unaccounted=sum(each.missing for each in accounts),
        withheld=withheld,
    )
