"""A change of focus or exposure that lasts is reported once, whatever single minutes say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from support.fakes import NOON, MemoryLedger
from support.line_fakes import MemoryPublisher

from inspector.messages.topics import Topics
from inspector.ports.camera_minutes import CameraMinute
from inspector.station.event_log import EventLog
from inspector.station.picture_drift import NEW_MINUTES, USUAL_MINUTES, PictureDrift, PictureLevel, drift_text

USUAL = PictureLevel(200.0, 0.5)


class CollectedEvents(EventLog):
    """Keeps kind, camera, text and severity of every event."""

    def __init__(self) -> None:
        super().__init__(MemoryLedger(), MemoryPublisher(), Topics())
        self.added: list[tuple[str, str, str]] = []

    def add(self, kind: str, text: str, *, line: str = "", camera: str | None = None, **_: object) -> None:
        self.added.append((kind, f"{line}/{camera}", text))


def minutes(levels: Sequence[PictureLevel], camera: str = "cam1", measured: int = 10) -> list[CameraMinute]:
    """Minutes of one camera, each with so many measured pictures of its level."""
    return [
        CameraMinute(
            "pcb", camera, NOON + timedelta(minutes=at), measured=measured, sharpness=each.sharpness * measured,
            luminance=each.luminance * measured,
        )
        for at, each in enumerate(levels)
    ]  # fmt: skip


def reported(levels: Sequence[PictureLevel]) -> list[tuple[str, str, str]]:
    events = CollectedEvents()
    PictureDrift(events).add(minutes(levels))
    return events.added


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (PictureLevel(120.0, 0.5), "sharpness went from 200 to 120;"),
        (PictureLevel(260.0, 0.5), "sharpness went from 200 to 260;"),
        (PictureLevel(200.0, 0.35), "mean grey went from 0.50 to 0.35"),
        (PictureLevel(100.0, 0.7), "sharpness went from 200 to 100 and mean grey went from 0.50 to 0.70"),
    ],
)
def test_change_that_lasts_is_reported_once(now: PictureLevel, words: str) -> None:
    [(kind, camera, text)] = reported([USUAL] * USUAL_MINUTES + [now] * 4 * USUAL_MINUTES)
    assert (kind, camera) == ("PICTURE_DRIFT", "pcb/cam1")
    assert text.startswith(words)


@pytest.mark.parametrize("now", [USUAL, PictureLevel(155.0, 0.59), PictureLevel(245.0, 0.41)])
def test_what_usual_parts_differ_by_is_no_drift(now: PictureLevel) -> None:
    assert drift_text(USUAL, now) is None
    assert reported([USUAL] * USUAL_MINUTES + [now] * USUAL_MINUTES) == []


def test_short_disturbance_is_no_drift() -> None:
    disturbed = [PictureLevel(20.0, 0.9)] * (NEW_MINUTES // 2) + [USUAL] * NEW_MINUTES
    assert reported([USUAL] * USUAL_MINUTES + disturbed * 5) == []


def test_way_back_is_a_change_too() -> None:
    blurred = [PictureLevel(100.0, 0.5)] * USUAL_MINUTES
    found = reported([USUAL] * USUAL_MINUTES + blurred + [USUAL] * USUAL_MINUTES)
    assert [each[2].split(";")[0] for each in found] == [
        "sharpness went from 200 to 100",
        "sharpness went from 100 to 200",
    ]


def test_cameras_are_compared_with_themselves_and_empty_minutes_say_nothing() -> None:
    events = CollectedEvents()
    drift = PictureDrift(events)
    drift.add(minutes([USUAL] * USUAL_MINUTES))
    drift.add(minutes([PictureLevel(100.0, 0.5)] * USUAL_MINUTES, camera="cam2"))
    drift.add(minutes([PictureLevel(0.0, 0.0)] * USUAL_MINUTES, measured=0))
    assert events.added == []
