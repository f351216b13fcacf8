"""Publish lines of frames to a running service and print the figures (`simulate`, `replay`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inspector.cli.options import read_settings
from inspector.cli.output import print_figures
from inspector.settings import Settings

if TYPE_CHECKING:
    from inspector.adapters.mqtt.line_client import Journey
    from inspector.operations.replay import PublishedLine


def publish_lines(
    lines: list[PublishedLine], fps: float, run: str, as_json: bool, title: str, *, as_reviews: bool = False
) -> None:
    """Publish all lines; `run` names this run, `as_reviews` stores the parts' labels as reviews."""
    from inspector.bootstrap.from_settings import broker_of
    from inspector.cli.tables.live import live_view
    from inspector.messages.topics import Topics
    from inspector.operations.replay import run_lines
    from inspector.operations.run_statistics import run_statistics
    from inspector.operations.send_rate import FixedRate

    settings, view = read_settings(), live_view(title, as_json)
    journeys = run_lines(broker_of(settings), Topics(settings.topic_root), lines, FixedRate(fps), run, view=view)
    figures = run_statistics(journeys)
    if as_reviews:
        figures |= _store_reviews(settings, journeys)
    print_figures(figures, as_json)


def _store_reviews(settings: Settings, journeys: list[Journey]) -> dict[str, Any]:
    from inspector.bootstrap.from_settings import absolute
    from inspector.messages.topics import Topics
    from inspector.operations.review import review_journeys

    return review_journeys(absolute(settings).database, Topics(settings.topic_root), journeys)
