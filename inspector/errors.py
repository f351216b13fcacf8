"""The errors of inspector, sorted by who must act.

    InspectorError
    ├── DeclarationError   the author of a YAML or CSV file: names file, field and remedy of all faults together
    ├── FrameError         the camera or its gateway: the message can't be read as a frame
    │   └── PictureError   the same: the picture inside the frame can't be judged (unreadable, too large, wrong type)
    ├── ModelError         the engine: it can't load a checkpoint or compute an answer
    │   ├── OpinionError   the same for a taught model: it, its backbone or a feature is missing
    │   └── ServerError    the operator of the model's server: it is away, refuses everybody or sends nonsense
    │       └── ServerBusy the same: the server has more to do than it can
    ├── PoolError          the pool: no replica judged the frame
    │   ├── PoolOverload   every replica is full: the fail-safe disposition is due at once
    │   ├── ReplicaError   a replica died or failed on the frame: another one may succeed
    │   └── ClusterLostError  Ray itself is gone: only a new start of the service helps
    ├── NotFoundError      the caller: there is no such line, version, part or person
    ├── ConflictError      the author of a change: somebody else changed the line or the part meanwhile
    │   └── StaleError     the same: the change names the state that it was made from, and that is not the newest
    ├── BrokerError        the operator: the MQTT broker can't be reached or refuses the connection
    └── LedgerError        the operator: the database can't be written or read

Adapters translate their library's exceptions into these, once, and keep the cause.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from inspector.secret_texts import without_secrets


class InspectorError(Exception):
    """Base of all errors that inspector raises on purpose. Its text holds no secret, whatever a library put into it."""

    def __init__(self, *args: object) -> None:
        super().__init__(*(without_secrets(each) if isinstance(each, str) else each for each in args))


class Fault(NamedTuple):
    """One mistake in a declaration or a table: its place, the problem, and the remedy.

    `row` counts the file's lines from 1; None where the fault concerns the whole file.
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
    """A pipeline, a model card or a table breaks its grammar. It carries every fault found, not only the first."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))

    def __reduce__(self) -> tuple[type[DeclarationError], tuple[tuple[Fault, ...]]]:
        return type(self), (self.faults,)


class FrameError(InspectorError):
    """A message from a camera can't be read as a frame."""


class PictureError(FrameError):
    """The picture of a frame can't be judged. The part is recorded as BAD_IMAGE with this text."""


class ModelError(InspectorError):
    """The engine can't load a checkpoint or can't answer."""


class ServerError(ModelError):
    """The model's server can't be used now. Its client is sound and works again with the server."""


class ServerBusy(ServerError):
    """The model's server refuses requests because it has too many."""


class OpinionError(ModelError):
    """A taught model can't give its opinion: it, its backbone or a feature is missing."""


class PoolError(InspectorError):
    """The pool could not judge the frame."""


class PoolOverload(PoolError):
    """All replicas are full; waiting would exceed the deadline."""


class ReplicaError(PoolError):
    """The replica that had the frame died or raised."""


class ClusterLostError(PoolError):
    """Ray ended under the running service."""


class ConflictError(InspectorError):
    """A change is based on a state that is no longer the newest. Nothing is stored."""


class StaleError(ConflictError):
    """A change names the state that it was made from, and somebody else changed that since."""


class NotFoundError(InspectorError):
    """What was named does not exist."""


class BrokerError(InspectorError):
    """The MQTT broker can't be reached or refuses the connection."""


class LedgerError(InspectorError):
    """The database can't be read or written."""
