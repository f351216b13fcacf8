"""Topics of the MQTT contract: building and parsing."""

from __future__ import annotations

from typing import Final, NamedTuple

from inspector.domain.frame import NAME_PATTERN

DEFAULT_ROOT: Final = "inspector/v1"


class FrameTopic(NamedTuple):
    """A parsed camera topic.

    `channel` is frame, frame-ref, status, ack or count. `trigger_id` occurs only in the MQTT 3.1.1 form
    `frame/{trigger_id}`.
    """

    line: str
    camera: str
    channel: str
    trigger_id: str | None


CHANNELS_IN: Final = ("frame", "frame-ref", "status", "ack", "count")


class Topics:
    """All topics under one plant's root. Raises ValueError for a bad root."""

    def __init__(self, root: str = DEFAULT_ROOT) -> None:
        if not root or any(not NAME_PATTERN.fullmatch(level) for level in root.split("/")):
            raise ValueError(f"topic root {root!r} must be names separated by /, such as {DEFAULT_ROOT}")
        self.root = root

    def camera(self, line: str, camera: str, channel: str) -> str:
        return f"{self.root}/{line}/{camera}/{channel}"

    def verdict(self, line: str, camera: str) -> str:
        return self.camera(line, camera, "verdict")

    def report(self, line: str, camera: str) -> str:
        return self.camera(line, camera, "report")

    def part(self, line: str, camera: str) -> str:
        return self.camera(line, camera, "part")

    def event(self, line: str) -> str:
        return f"{self.root}/{line}/event"

    @property
    def state(self) -> str:
        return f"{self.root}/service/state"

    @property
    def heartbeat(self) -> str:
        return f"{self.root}/service/heartbeat"

    def of_station(self, topic: str, station: int) -> str:
        """Return the topic for one station. The first station uses the plain topic; the others append their number."""
        return topic if station == 0 else f"{topic}/{station}"

    def parse(self, topic: str) -> FrameTopic | None:
        """Parse a camera topic; None when it is not one that the service reads."""
        if not topic.startswith(self.root + "/"):
            return None
        levels = topic[len(self.root) + 1 :].split("/")
        if len(levels) == 3 and levels[2] in CHANNELS_IN:
            return FrameTopic(levels[0], levels[1], levels[2], None)
        if len(levels) == 4 and levels[2] == "frame":
            return FrameTopic(levels[0], levels[1], levels[2], levels[3])
        return None
