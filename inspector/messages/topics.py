"""Topics of the MQTT contract: building and parsing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from inspector.domain.frame import NAME_PATTERN
from inspector.text import REPLACEMENT, one_line, shortened

DEFAULT_ROOT: Final = "inspector/v1"
MAX_TOPIC_CHARACTERS: Final = 1024
WILDCARDS: Final = "+#"


class FrameTopic(NamedTuple):
    """A parsed camera topic.

    `channel` is frame, frame-ref, status, ack or count. `trigger_id` occurs only in the MQTT 3.1.1 form
    `frame/{trigger_id}`, and has a slash where there are levels too many.
    """

    line: str
    camera: str
    channel: str
    trigger_id: str | None

    @property
    def fault(self) -> str | None:
        """Return which level is no name; None for a topic of a camera that a line may have."""
        for level, name in (("line", self.line), ("camera", self.camera)):
            if not NAME_PATTERN.fullmatch(name):
                return f"{level} {shortened(one_line(name), 80)!r} is not a name; use 1 to 64 of A-Z a-z 0-9 _ . -"
        return None


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

    def review(self, line: str, camera: str) -> str:
        return self.camera(line, camera, "review")

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

    @property
    def probe(self) -> str:
        """Return the topic on which `inspector check` sends a message to itself."""
        return f"{self.root}/service/probe"

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
        if len(levels) > 3 and levels[2] == "frame":
            return FrameTopic(levels[0], levels[1], levels[2], "/".join(levels[3:]))
        return None


class ReplyTopics:
    """Where a camera's Response-Topic may point: below its own reply topic, and below `roots`.

    Anywhere else it could publish a verdict for another line, in the service's name. Raises ValueError for a bad root.
    """

    def __init__(self, topics: Topics, roots: Sequence[str] = ()) -> None:
        for root in roots:
            _require_reply_root(root, topics.root)
        self._topics = topics
        self._roots = tuple(roots)

    def own(self, line: str, camera: str) -> str:
        return self._topics.camera(line, camera, "reply")

    def allows(self, line: str, camera: str, topic: str) -> bool:
        parents = tuple(f"{root}/" for root in (self.own(line, camera), *self._roots))
        return is_publishable(topic) and topic.startswith(parents) and topic not in parents


def is_publishable(topic: str) -> bool:
    """Return whether a message can be published there: printable, no wildcard, no topic of the broker's own."""
    return (
        0 < len(topic) <= MAX_TOPIC_CHARACTERS
        and topic.isprintable()
        and not topic.startswith("$")
        and not set(topic) & {*WILDCARDS, REPLACEMENT}
    )


def _require_reply_root(root: str, topic_root: str) -> None:
    levels, own = root.split("/"), topic_root.split("/")
    shared = min(len(levels), len(own))
    if not is_publishable(root) or "" in levels:
        raise ValueError(f"reply root {root!r} must be levels separated by /, without wildcards, such as plc/replies")
    if levels[:shared] == own[:shared]:
        raise ValueError(
            f"reply root {root!r} overlaps with the topic root {topic_root}, where verdicts are; use another tree"
        )
