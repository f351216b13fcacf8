"""Groups of reviewed parts by lot, shift or part, and the newest fifth, which measures a taught model. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

MEASURED_SHARE: Final = 0.2  # of the parts, the newest groups
MIN_GROUPS: Final = 5  # of one kind of group, before it may split the parts
SHIFT_H: Final = 8  # hours of a shift, from midnight UTC


class DatedPart(NamedTuple):
    """What groups a reviewed part: its lot, the part itself, and when it was received."""

    result_id: str
    part_id: str | None
    lot: str | None
    received_at: datetime


class GroupKind(NamedTuple):
    """The kind of group that splits a line's parts, and the group of each."""

    name: str
    groups: tuple[str, ...]

    @property
    def size(self) -> int:
        return len(set(self.groups))


def group_parts(parts: Sequence[DatedPart]) -> GroupKind:
    """Group by lot, else by shift, else by part: by the first that gives MIN_GROUPS groups.

    Frames of one lot or shift are alike. A part without the property that groups stands for itself.
    """
    by_part = tuple(part.part_id or part.result_id for part in parts)
    lots = tuple(f"lot {part.lot}" if part.lot else own for part, own in zip(parts, by_part, strict=True))
    shifts = tuple(f"shift {part.received_at:%Y-%m-%d} {part.received_at.hour // SHIFT_H + 1}" for part in parts)
    kinds = (GroupKind("lot", lots), GroupKind("shift", shifts), GroupKind("part", by_part))
    named = kinds if any(part.lot for part in parts) else kinds[1:]
    return next((kind for kind in named if kind.size >= MIN_GROUPS), kinds[-1])


def newest_groups(parts: Sequence[DatedPart], kind: GroupKind) -> frozenset[str]:
    """Return the newest groups that hold MEASURED_SHARE of the parts; a group is as new as its newest part."""
    newest: dict[str, datetime] = {}
    for part, group in zip(parts, kind.groups, strict=True):
        newest[group] = max(part.received_at, newest.get(group, part.received_at))
    chosen: set[str] = set()
    for group in sorted(newest, key=lambda group: newest[group], reverse=True):
        if sum(each in chosen for each in kind.groups) >= MEASURED_SHARE * len(parts):
            break
        chosen.add(group)
    return frozenset(chosen)
