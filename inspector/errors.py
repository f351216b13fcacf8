"""What can go wrong, sorted by whose turn it is to act.

    InspectorError
    ├── DeclarationError   the author of a YAML file: names file, field and remedy, all faults together
    ├── FrameError         the camera or its gateway: the message can't be read as a frame
    │   └── PictureError   the picture inside the frame can't be judged (unreadable, too large, wrong type)
    ├── ModelError         the engine: a checkpoint can't be loaded, an answer can't be computed
    ├── PoolError          nobody judged the frame: no replica, or all busy
    │   ├── PoolOverload   every replica is full: the fail-safe disposition is due at once
    │   └── ReplicaError   a replica died or failed over the frame: another one may do
    ├── BrokerError        the operator: the MQTT broker can't be reached or refuses us
    └── LedgerError        the operator: the database can't be written or read

Doors translate what their library raises into these, once, keeping the cause.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class InspectorError(Exception):
    """Base of everything inspector raises on purpose."""


class Fault(NamedTuple):
    """One mistake in a declaration: where it stands, what is wrong, and what to write instead.

    `row` counts the file's lines from 1; None where the file as a whole is meant.
    """

    file: str
    field: str
    problem: str
    remedy: str
    row: int | None = None

    def __str__(self) -> str:
        place = self.file if self.row is None else f"{self.file}:{self.row}"
        return f"{place}: {self.field}: {self.problem}; {self.remedy}"


class DeclarationError(InspectorError):
    """A pipeline or model card breaks its grammar; carries every fault found, not only the first."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))

    def __reduce__(self) -> tuple[type[DeclarationError], tuple[tuple[Fault, ...]]]:
        return type(self), (self.faults,)


class FrameError(InspectorError):
    """A message from a camera can't be read as a frame."""


class PictureError(FrameError):
    """The picture of a frame can't be judged; the part is recorded as BAD_IMAGE with this text."""


class ModelError(InspectorError):
    """The engine can't load a checkpoint or can't answer."""


class PoolError(InspectorError):
    """The pool could not have the frame judged."""


class PoolOverload(PoolError):
    """All replicas are full; waiting would pass the deadline."""


class ReplicaError(PoolError):
    """The replica that had the frame died, or its code failed."""


class BrokerError(InspectorError):
    """The MQTT broker can't be reached or refuses the connection."""


class LedgerError(InspectorError):
    """The database can't be read or written."""
