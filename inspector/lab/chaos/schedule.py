"""Which faults strike, in which order and when. The same seed gives the same schedule."""

from __future__ import annotations

import random
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

FAULT_AND_RECOVERY_S: Final = 4.0  # typical duration of a fault and the recovery from it


class FaultKind(StrEnum):
    """What is broken, and how. The outbox lives in the station's process: both fail together.

    FULL_DISK: the station can write no file. SERVICE: every process at once. GCS and RAYLET: parts of Ray that only a
    new start of the service replaces. COUNTER: the camera's counter restarts and some numbers are lost. TAKEOVER:
    another client connects with the station's client id and acknowledges the frames that it gets. HOSTILE_ALL: every
    attack of another camera at once.
    """

    STATION = "station"
    STATION_FREEZE = "station-freeze"
    REPLICA = "replica"
    REPLICA_FREEZE = "replica-freeze"
    BROKER = "broker"
    BROKER_FREEZE = "broker-freeze"
    NETWORK = "network"
    DATABASE = "database"
    FULL_DISK = "full-disk"
    SERVICE = "service"
    GCS = "gcs"
    RAYLET = "raylet"
    COUNTER = "counter"
    TAKEOVER = "takeover"
    HOSTILE_SEQ = "hostile-seq"
    HOSTILE_CLAIMS = "hostile-claims"
    HOSTILE_NAMES = "hostile-names"
    HOSTILE_REPLIES = "hostile-replies"
    HOSTILE_PICTURES = "hostile-pictures"
    HOSTILE_ALL = "hostile-all"

    @property
    def is_hostile(self) -> bool:
        """Whether another camera attacks: then the measured one must not notice."""
        return self.value.startswith("hostile-")


EACH_FAULT: Final = tuple(each for each in FaultKind if each is not FaultKind.HOSTILE_ALL)
"""The faults that strike unless others are named. All attacks at once need more CPU than a small machine has."""
ALIASES: Final = {"relay": FaultKind.STATION, "relay-freeze": FaultKind.STATION_FREEZE}


class ScheduledFault(NamedTuple):
    """A fault due `at_s` seconds after the line started. `lot`, in 0..1, selects the process among equals."""

    fault: FaultKind
    at_s: float
    lot: float


def parse_faults(names: str) -> tuple[FaultKind, ...]:
    """Return the faults that a comma-separated list names, each once. Raises ValueError naming the valid ones."""
    found = [ALIASES.get(name) or _fault(name) for name in (each.strip() for each in names.split(",")) if name]
    if not found:
        raise ValueError(f"no fault is named; there are {', '.join(FaultKind)}")
    return tuple(dict.fromkeys(found))


def fault_schedule(faults: Sequence[FaultKind], kills: int, duration_s: float, seed: int) -> list[ScheduledFault]:
    """Spread `kills` of each fault, shuffled, over `duration_s`: each strikes at a random time within its own slot."""
    lots = random.Random(seed)
    order = [fault for fault in faults for _ in range(kills)]
    lots.shuffle(order)
    slot_s = duration_s / len(order)
    return [
        ScheduledFault(fault, slot_s * (place + lots.uniform(0.1, 0.6)), lots.random())
        for place, fault in enumerate(order)
    ]


def default_duration_s(faults: Sequence[FaultKind], kills: int) -> float:
    return FAULT_AND_RECOVERY_S * len(faults) * kills


def _fault(name: str) -> FaultKind:
    try:
        return FaultKind(name)
    except ValueError as error:
        raise ValueError(f"no fault {name}; there are {', '.join(FaultKind)}") from error
