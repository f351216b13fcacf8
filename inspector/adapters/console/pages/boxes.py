"""Findings drawn over a picture, as SVG text. Pure; it escapes all external text."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

from inspector.domain.prompts import word
from inspector.messages.outgoing import FindingLine

ROOM_ABOVE: Final = 0.07  # share of the picture's height that a label needs above its box; with less it goes inside

ROOM_RIGHT: Final = (
    0.6  # share of the picture's width; the label of a box that starts further right ends at its right side
)


def boxes_svg(findings: Iterable[FindingLine]) -> str:
    """Draw one SVG to lay over the picture. Its coordinates are percentages, so it fits every size."""
    drawn = "".join(_box(rank, finding) for rank, finding in enumerate(findings, start=1))
    return f'<svg class="boxes" aria-hidden="true">{drawn}</svg>'


def _box(rank: int, finding: FindingLine) -> str:
    if finding.bbox_norm is None:
        return ""
    x0, y0, x1, y1 = finding.bbox_norm
    place = f'x="{x0:.2%}" y="{y0:.2%}" width="{x1 - x0:.2%}" height="{y1 - y0:.2%}" rx="2"'
    label = escape(f"{rank} {word(finding.defect)[:40]}")
    drop = -7 if y0 >= ROOM_ABOVE else 17
    side = f'x="{x0:.2%}" dx="3"' if x0 < ROOM_RIGHT else f'x="{x1:.2%}" dx="-3" text-anchor="end"'
    return (
        f'<g class="{escape(finding.severity)}"><rect class="under" {place}/><rect {place}/>'
        f'<text {side} y="{y0:.2%}" dy="{drop}">{label}</text></g>'
    )
