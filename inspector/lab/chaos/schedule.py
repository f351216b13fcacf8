"""Which faults strike, in which order and when: the same seed gives the same schedule. Pure."""

from __future__ import annotations

import random
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

SLOT_S: Final = 4.0  # about what a fault and the recovery from it take


class Fault(StrEnum):
    """A way to fail. The relay lives in the station's process: both die together."""

    STATION = "station"
    STATION_FREEZE = "station-freeze"
    REPLICA = "replica"
    REPLICA_FREEZE = "replica-freeze"
    BROKER = "broker"
    BROKER_FREEZE = "broker-freeze"
    NETWORK = "network"
    DATABASE = "database"


ALIASES: Final = {"relay": Fault.STATION, "relay-freeze": Fault.STATION_FREEZE}


class Planned(NamedTuple):
    """A fault to come, `at_s` seconds after the line started. `lot`, in 0..1, draws its victim among equals."""

    fault: Fault
    at_s: float
    lot: float


def chosen(names: str) -> tuple[Fault, ...]:
    """The faults that a list with commas names, each once. Raises ValueError naming what there is."""
    found = [ALIASES.get(name) or _fault(name) for name in (each.strip() for each in names.split(",")) if name]
    if not found:
        raise ValueError(f"no fault is named; there are {', '.join(Fault)}")
    return tuple(dict.fromkeys(found))


def schedule(faults: Sequence[Fault], kills: int, duration_s: float, seed: int) -> list[Planned]:
    """`kills` of each fault, mixed and spread over `duration_s`: each strikes somewhere within a slot of its own."""
    lots = random.Random(seed)
    order = [fault for fault in faults for _ in range(kills)]
    lots.shuffle(order)
    slot_s = duration_s / len(order)
    return [
        Planned(fault, slot_s * (place + lots.uniform(0.1, 0.6)), lots.random()) for place, fault in enumerate(order)
    ]


def usual_duration_s(faults: Sequence[Fault], kills: int) -> float:
    return SLOT_S * len(faults) * kills


def _fault(name: str) -> Fault:
    try:
        return Fault(name)
    except ValueError as error:
        raise ValueError(f"no fault {name}; there are {', '.join(Fault)}") from error
