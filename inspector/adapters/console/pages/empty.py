"""The text in place of an empty list: how to connect a camera, or that no part matches the filter."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import ui

from inspector.adapters.console.pages import phrases
from inspector.adapters.console.pages.shell import words
from inspector.adapters.console.schemas import PipelineAnswer
from inspector.messages.topics import Topics
from inspector.ports.archive import PartFilter


class EmptyList:
    """Explains why the list is empty; hidden until then."""

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._box = ui.element("section").classes("card empty").props("data-testid=empty")
        self._shown: tuple[bool, tuple[str, ...]] | None = None
        self.hide()

    def hide(self) -> None:
        self._box.set_visibility(False)

    def explain(self, wanted: PartFilter, pipelines: Sequence[PipelineAnswer]) -> None:
        """Show the reason. The text is rebuilt only if it changes: a person may be copying from it."""
        shown = (wanted == PartFilter(), tuple(each.pipeline.line for each in pipelines))
        self._box.set_visibility(True)
        if shown == self._shown:
            return
        self._shown = shown
        self._box.clear()
        with self._box:
            self._first_frame(pipelines) if shown[0] else _nothing_matches()

    def _first_frame(self, pipelines: Sequence[PipelineAnswer]) -> None:
        ui.icon("photo_camera").props("aria-hidden=true")
        words("h2", "No frames yet: connect a camera")
        words("p", "Publish a JPEG or PNG picture of each part with QoS 1 to").classes("muted")
        for each in pipelines:
            line, camera = each.pipeline.line, _a_camera(each)
            words("code", self._topics.camera(line, camera, "frame")).props("data-testid=topic")
        if pipelines:
            words("p", "for example").classes("muted")
            words("code", phrases.publish_example(self._topics, pipelines[0].pipeline.line, _a_camera(pipelines[0])))
        else:
            words("code", self._topics.camera("LINE", "CAMERA", "frame")).props("data-testid=topic")
            words("p", "No product line is declared yet: inspector apply pipelines/ declares them.").classes("muted")


def _nothing_matches() -> None:
    ui.icon("filter_alt_off").props("aria-hidden=true")
    words("h2", "No part matches this filter")
    ui.link("Show all parts", "/")


def _a_camera(each: PipelineAnswer) -> str:
    """Return a camera that the line names, or a usual name."""
    return next(iter(each.pipeline.named_cameras), "cam1")
