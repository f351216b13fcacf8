"""Publish lines of frames to a running service and print the figures (`simulate`, `replay`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inspector.cli.options import read_settings
from inspector.cli.output import show_figures, watch_lines
from inspector.settings import Settings

if TYPE_CHECKING:
    from inspector.adapters.mqtt.line_client import Journey


def publish_lines(
    lines: list[Any], fps: float, name: str, as_json: bool, title: str, *, reviewed: bool = False
) -> None:
    from inspector.bootstrap.wiring import broker_of
    from inspector.messages.topics import Topics
    from inspector.operations.replay import run_lines
    from inspector.operations.run_statistics import run_statistics

    settings = read_settings()
    journeys = run_lines(
        broker_of(settings), Topics(settings.topic_root), lines, fps, name, watch=watch_lines(title, as_json)
    )
    show_figures(run_statistics(journeys) | (_reviewed(settings, journeys) if reviewed else {}), as_json)


def _reviewed(settings: Settings, journeys: list[Journey]) -> dict[str, Any]:
    from inspector.bootstrap.wiring import absolute
    from inspector.operations.review import review_journeys

    return review_journeys(absolute(settings).database, journeys)
