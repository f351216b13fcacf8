"""A trigger is open until its gate has acted, and memory is bounded for each camera."""

from __future__ import annotations

from inspector.domain.frame import FrameKey
from inspector.domain.part_identity import PartIdentity, Trigger
from inspector.station.open_triggers import MAX_OPEN_PER_CAMERA, OpenTrigger, OpenTriggers


def opened(name: str, until_s: float = 10.0, *, camera: str = "cam1", unique_by: str = "") -> OpenTrigger:
    trigger = Trigger(FrameKey("pcb", camera, name), unique_by)
    return OpenTrigger(PartIdentity(trigger, "aa" * 32), "r", until_s)


def test_trigger_is_open_until_its_time() -> None:
    triggers, one = OpenTriggers(), opened("t-1")
    triggers.add(one, 0.0)
    assert triggers.get(one.identity.trigger, 9.9) is one
    assert triggers.get(one.identity.trigger, 10.0) is None
    one.prolong(5.0)
    assert triggers.get(one.identity.trigger, 9.9) is one, "no later part shortens it"


def test_trigger_of_another_camera_or_lot_is_another_one() -> None:
    triggers, one = OpenTriggers(), opened("t-1", unique_by='{"lot":"1"}')
    triggers.add(one, 0.0)
    for other in (opened("t-1", camera="cam2"), opened("t-1"), opened("t-2", unique_by='{"lot":"1"}')):
        assert triggers.get(other.identity.trigger, 0.0) is None


def test_closed_triggers_are_forgotten() -> None:
    triggers = OpenTriggers()
    for number in range(1000):
        triggers.add(opened(f"t-{number}", until_s=number + 10.0), float(number))
    assert sum(len(each) for each in triggers._cameras.values()) <= 11


def test_camera_with_too_many_forgets_its_own_oldest_only() -> None:
    triggers, innocent = OpenTriggers(), opened("t-1", 1e9, camera="cam2")
    triggers.add(innocent, 0.0)
    for number in range(MAX_OPEN_PER_CAMERA + 1):
        triggers.add(opened(f"t-{number}", 1e9), 0.0)
    assert triggers.get(opened("t-0").identity.trigger, 0.0) is None
    assert triggers.get(opened("t-1").identity.trigger, 0.0) is not None
    assert triggers.get(innocent.identity.trigger, 0.0) is innocent
