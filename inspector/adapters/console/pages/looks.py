"""Icons and style classes of codes on the pages, so that colour is never the only sign. Pure."""

from __future__ import annotations

from importlib.resources import files
from typing import Final, NamedTuple

from inspector.adapters.console.schemas import CameraAnswer
from inspector.domain.declared import Disposition, Severity
from inspector.messages.outgoing import EventSeverity


class Look(NamedTuple):
    """A style class of look.css and a Material icon."""

    css: str
    icon: str


DISPOSITIONS: Final = {
    Disposition.PASS: Look("is-pass", "check_circle"),
    Disposition.REVIEW: Look("is-review", "visibility"),
    Disposition.REJECT: Look("is-reject", "cancel"),
}
SEVERITIES: Final = {
    EventSeverity.INFO: Look("plain", "info"),
    EventSeverity.WARNING: Look("is-review", "warning"),
    EventSeverity.ALARM: Look("is-reject", "notifications_active"),
}
FINDINGS: Final = {
    Severity.CRITICAL: Look("is-reject", "priority_high"),
    Severity.MAJOR: Look("is-review", "warning"),
    Severity.MINOR: Look("plain", "info"),
}
UNKNOWN_CAMERA: Final = Look("is-review", "help")
CAMERA_STATES: Final = {
    "online": Look("is-pass", "videocam"),
    "offline": Look("is-reject", "videocam_off"),
    None: Look("plain", "videocam"),
}


def camera_look(camera: CameraAnswer) -> Look:
    return CAMERA_STATES.get(camera.status, CAMERA_STATES[None]) if camera.known else UNKNOWN_CAMERA


def asset(name: str) -> str:
    """Return a text file that ships with the console."""
    return (files("inspector.adapters.console") / "assets" / name).read_text(encoding="utf-8")
