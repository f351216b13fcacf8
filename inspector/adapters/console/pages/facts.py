"""Names, times and version of one part, ready to be copied."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from nicegui import ui

from inspector.adapters.console.pages import phrases
from inspector.adapters.console.pages.shell import words
from inspector.adapters.console.schemas import PartReport

COPY: Final = """(e) => {
    getSelection().selectAllChildren(e.currentTarget.parentElement.querySelector('code'));
    document.execCommand('copy');
}"""  # navigator.clipboard does not exist on plain HTTP, which factories use


def show_facts(part: PartReport) -> None:
    report, verdict = part.report, part.report.verdict
    with ui.element("section").classes("card"):
        words("h2", "Record")
        with ui.element("dl").classes("facts"):
            _id("Result", verdict.result_id)
            _id("Trigger", verdict.trigger_id)
            _id("Part", report.part_id)
            _text("Product, lot", ", ".join(filter(None, (report.product, report.lot))))
            _text("Sequence", None if verdict.seq is None else f"{verdict.seq:,}")
            _time("Captured", report.captured_at)
            _time("Received", report.received_at)
            _time("Decided", verdict.decided_at)
            _text("Pipeline", f"{verdict.pipeline.line}, version {verdict.pipeline.version}")
            _id("Fingerprint", verdict.pipeline.fingerprint)
            _id("Picture", report.evidence_sha256)
            _text("Verdict message", part.state.lower())
            _text("Words", _words(part))
            _text("Origin", "simulated" if verdict.is_simulated else None)


def _words(part: PartReport) -> str:
    state = part.report.words_state.lower()
    return f"{state}, {part.words_tokens} tokens in {phrases.duration(part.words_ms)}" if part.words_tokens else state


def _text(name: str, value: str | None) -> None:
    if value:
        words("dt", name)
        words("dd", value).classes("free-text")


def _id(name: str, value: str | None) -> None:
    if not value:
        return
    words("dt", name)
    with ui.element("dd"):
        words("code", value)
        copy = ui.button(icon="content_copy").props(f'flat round dense size=xs aria-label="Copy {name.lower()}"')
        copy.on("click", js_handler=COPY)


def _time(name: str, at: datetime | None) -> None:
    """Show a time in the browser's time zone, with UTC as its tooltip."""
    if at is None:
        return
    words("dt", name)
    local = f"new Date({at.timestamp() * 1000:.0f}).toLocaleString([], {{dateStyle: 'medium', timeStyle: 'medium'}})"
    shown = ui.element("dd").classes("number")
    shown.props[":textContent"] = local
    shown.props["title"] = at.isoformat()
