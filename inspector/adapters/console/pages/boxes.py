"""Findings drawn over a picture, as SVG text. Pure; everything that came from outside is escaped here."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

from inspector.domain.prompts import word
from inspector.messages.outgoing import FindingLine

ROOM_ABOVE: Final = 0.07  # a label needs this share of the picture's height above its box, else it goes inside

ROOM_RIGHT: Final = 0.6  # a box that starts further right has its label end at its right side


def boxes_svg(findings: Iterable[FindingLine]) -> str:
    """One SVG that lies over the picture: coordinates are percentages, so it fits at every size."""
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
