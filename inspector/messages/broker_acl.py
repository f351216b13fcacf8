"""Who may publish and read which topic at the broker, as an ACL file of mosquitto. Pure.

Only the station's user may publish verdicts. Every other user gets exactly its role's topics, and nobody gets more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal, NamedTuple

from inspector.messages.topics import Topics

ANY: Final = "+"
DEFAULT_STATION_USER: Final = "station"
PERSON_USER: Final = "person"
HEAD: Final = """\
# Rights at the broker, made by `inspector export acl`: run it again after a line or camera was added.
# mosquitto: acl_file <this file>, allow_anonymous false, and a user for each name below (password_file, or the CN of a
# client certificate with use_identity_as_username true). What no rule allows is denied.
"""


class TopicRight(NamedTuple):
    """One right: to read (subscribe), to write (publish), or both."""

    access: Literal["read", "write", "readwrite"]
    topic: str

    def __str__(self) -> str:
        return f"topic {self.access} {self.topic}"


class BrokerUser(NamedTuple):
    """A user of the broker with its role's rights."""

    name: str
    role: str
    rules: tuple[TopicRight, ...]

    def __str__(self) -> str:
        return "\n".join((f"# {self.role}", f"user {self.name}", *map(str, self.rules)))


class LineCameras(NamedTuple):
    """A declared line with its cameras; none: any camera may publish for it."""

    line: str
    cameras: tuple[str, ...]


def mosquitto_acl(
    topics: Topics,
    lines: Iterable[LineCameras],
    reply_roots: Sequence[str] = (),
    station_user: str = DEFAULT_STATION_USER,
) -> str:
    """Return the ACL file for these lines. Raises ValueError if the station's user has another role's name."""
    users = [
        BrokerUser(
            station_user, "the stations and the console of this installation", tuple(_station(topics, reply_roots))
        ),
        BrokerUser(PERSON_USER, "people and dashboards: they read, and write nothing", tuple(_person(topics))),
        *(user for line in lines for user in _users_of(topics, line)),
    ]
    if station_user in {user.name for user in users[1:]} or not station_user.isprintable():
        raise ValueError(f"user {station_user!r} has another role; give the station a user of its own")
    return "\n".join((HEAD, *(f"{user}\n" for user in users)))


def _users_of(topics: Topics, line: LineCameras) -> Iterator[BrokerUser]:
    if not line.cameras:
        rules = tuple(_camera(topics, line.line, ANY))
        yield BrokerUser(f"camera/{line.line}", f"the cameras of line {line.line}, which declares no names", rules)
    for camera in line.cameras:
        rules = tuple(_camera(topics, line.line, camera))
        yield BrokerUser(f"camera/{line.line}/{camera}", f"a camera of line {line.line}", rules)
    rules = tuple(_gate(topics, line.line, line.cameras or (ANY,)))
    yield BrokerUser(f"gate/{line.line}", f"the gate and the PLC of line {line.line}", rules)


def _camera(topics: Topics, line: str, camera: str) -> Iterator[TopicRight]:
    """Yield a camera's rights. It reads its own verdicts, as `inspector replay` does."""
    for channel in ("frame/#", "frame-ref", "status"):
        yield TopicRight("write", topics.camera(line, camera, channel))
    for channel in ("verdict", "reply/#"):
        yield TopicRight("read", topics.camera(line, camera, channel))


def _gate(topics: Topics, line: str, cameras: Sequence[str]) -> Iterator[TopicRight]:
    for camera in cameras:
        for channel in ("ack", "count"):
            yield TopicRight("write", topics.camera(line, camera, channel))
        for channel in ("verdict", "review", "part", "reply/#"):
            yield TopicRight("read", topics.camera(line, camera, channel))
    yield TopicRight("read", topics.event(line))
    yield from _of_service(topics, "read")


def _station(topics: Topics, reply_roots: Sequence[str]) -> Iterator[TopicRight]:
    """Yield the station's rights, on all lines: it reports the cameras that no line declares. It reads its verdicts."""
    for channel in ("frame/#", "frame-ref", "status", "ack", "count"):
        yield TopicRight("read", topics.camera(ANY, ANY, channel))
    yield TopicRight("readwrite", topics.verdict(ANY, ANY))
    for channel in ("report", "part", "review", "reply/#"):
        yield TopicRight("write", topics.camera(ANY, ANY, channel))
    yield TopicRight("write", topics.event(ANY))
    yield from _of_service(topics, "readwrite")
    yield TopicRight("readwrite", f"{topics.probe}/#")
    for root in reply_roots:
        yield TopicRight("write", f"{root}/#")


def _person(topics: Topics) -> Iterator[TopicRight]:
    """Yield a person's rights: everything except pictures and replies."""
    for channel in ("frame-ref", "status", "ack", "count", "verdict", "report", "review", "part"):
        yield TopicRight("read", topics.camera(ANY, ANY, channel))
    yield TopicRight("read", topics.event(ANY))
    yield from _of_service(topics, "read")


def _of_service(topics: Topics, access: Literal["read", "readwrite"]) -> Iterator[TopicRight]:
    for topic in (topics.state, topics.heartbeat):
        yield TopicRight(access, f"{topic}/#")
