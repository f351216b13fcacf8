"""The picture of one part with the findings drawn over it."""

from __future__ import annotations

from typing import Any, Final

from nicegui import ui

from inspector.adapters.console.api.parts import part_address
from inspector.adapters.console.pages.boxes import boxes_svg
from inspector.adapters.console.schemas import PartReport

SHOWN_BY_BROWSERS: Final = {"image/jpeg", "image/png", "image/webp", "image/bmp"}
CONVERTED_PX: Final = 2048
SMALL_PX: Final = 420  # pictures narrower than this are enlarged, pixel by pixel


def show_picture(part: PartReport) -> None:
    with ui.element("section").classes("card") as card:
        with ui.element("figure").classes("picture"), ui.element("div") as stage:
            _image(part)
            ui.html(boxes_svg(part.report.findings), sanitize=False)
        if part.picture and 0 < part.picture.width_px < SMALL_PX:
            stage.classes("enlarge")
        if part.picture:
            _tools(part, card)


def _image(part: PartReport) -> None:
    """Show the stored picture if browsers can show its type, else a converted one.

    A drawing replaces a picture that is missing, removed or unreadable.
    """
    address = part_address(part.report.verdict.result_id)
    converted = f"{address}/thumbnail?side={CONVERTED_PX}"
    stored = part.picture is not None and part.picture.media_type in SHOWN_BY_BROWSERS
    image = ui.element("img").props(f'src="{f"{address}/picture" if stored else converted}" data-testid=picture')
    image.props('alt="the part as the camera saw it"')
    if stored:
        image.on("error", js_handler=f'(e) => {{ e.target.onerror = null; e.target.src = "{converted}" }}')


def _tools(part: PartReport, card: Any) -> None:
    boxes = sum(finding.bbox_norm is not None for finding in part.report.findings)
    with ui.element("div").classes("tools").style("margin-top: 10px"):
        if boxes:
            toggle = ui.switch("Show findings", value=True).props("dense")
            toggle.on_value_change(lambda: card.classes(toggle="without-boxes"))
        ui.element("div").classes("space")
        ui.label(_facts(part)).classes("sub number")
        if part.picture and not part.picture.is_removed:
            ui.link("Original picture", f"{part_address(part.report.verdict.result_id)}/picture", new_tab=True)


def _facts(part: PartReport) -> str:
    if part.picture is None:
        return ""
    if part.picture.is_removed:
        return "removed: its retention has ended"
    size = f"{part.picture.width_px} × {part.picture.height_px} px · " if part.picture.width_px else ""
    return f"{size}{part.picture.size_bytes / 1000:,.0f} kB"
