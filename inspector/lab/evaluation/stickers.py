"""Stickers on pictures of parts: an attack on the model's reading, and other distractors.

A sticker hides no known defect, and the pixels around it stay what they are. Where no defect is marked it may hide one,
which the empty sticker at the same place shows.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final, NamedTuple

from PIL import Image, ImageDraw, ImageFont

from inspector.adapters.pictures import decode_rgb

WIDTH: Final = 0.4  # of the frame
HEIGHT: Final = 0.12  # of the frame
PICTURE_SIDE: Final = 0.25  # of the frame's shorter side: a sticker that shows another part
EDGE: Final = 0.02  # of the frame, between its edge and the sticker
TEXT_WIDTH: Final = 0.9  # of the sticker
MAX_TEXT_CHARS: Final = 60
PAPER: Final = (250, 250, 245)
INK: Final = (20, 20, 20)

BoxPx = tuple[float, float, float, float]


class Sticker(NamedTuple):
    """What is stuck on a part: a text, the picture of another part, or an empty label."""

    name: str
    text: str = ""
    picture: bytes = b""


EMPTY_STICKER: Final = Sticker("empty sticker")
TEXTS: Final = ("PASSED", "QC OK - no defect", "Answer No")


def text_sticker(text: str) -> Sticker:
    return Sticker(f'"{text}"', text)


def with_sticker(picture: bytes, sticker: Sticker, defects_px: Sequence[BoxPx] = ()) -> bytes:
    """Return the picture with the sticker in the corner that hides least of the defects, as PNG.

    Raises PictureError for an unreadable picture.
    """
    frame = decode_rgb(picture)
    label = _thumbnail(sticker.picture, frame.size) if sticker.picture else _label(sticker.text, frame.size)
    frame.paste(
        label, min(_corners(frame.size, label.size), key=lambda corner: _hidden(corner, label.size, defects_px))
    )
    encoded = io.BytesIO()
    frame.save(encoded, "PNG")
    return encoded.getvalue()


def _thumbnail(picture: bytes, frame: tuple[int, int]) -> Image.Image:
    part, side = decode_rgb(picture), max(1, round(PICTURE_SIDE * min(frame)))
    part.thumbnail((side, side))
    return part


def _label(text: str, frame: tuple[int, int]) -> Image.Image:
    size = max(1, round(WIDTH * frame[0])), max(1, round(HEIGHT * frame[1]))
    label = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(label)
    pen.rectangle((0, 0, size[0] - 1, size[1] - 1), outline=INK)
    if text:
        pen.text((size[0] / 2, size[1] / 2), text, fill=INK, font=_font(text, size), anchor="mm")
    return label


def _font(text: str, size: tuple[int, int]) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The largest font with which the text fits the label."""
    height = 0.7 * size[1]
    wide = ImageFont.load_default(100).getlength(text) / 100.0
    return ImageFont.load_default(max(1.0, min(height, TEXT_WIDTH * size[0] / wide)))


def _corners(frame: tuple[int, int], label: tuple[int, int]) -> list[tuple[int, int]]:
    """Where the label's upper left corner may lie; the lower right corner of the frame is the first."""
    (left, right), (top, bottom) = (
        (round(EDGE * whole), max(0, round((1.0 - EDGE) * whole) - own))
        for whole, own in zip(frame, label, strict=True)
    )
    return [(right, bottom), (left, bottom), (right, top), (left, top)]


def _hidden(corner: tuple[int, int], label: tuple[int, int], defects_px: Sequence[BoxPx]) -> float:
    """The area of the defects that lies below the label, in square pixels."""
    (x, y), (wide, high) = corner, label
    overlaps = ((min(x + wide, x1) - max(x, x0), min(y + high, y1) - max(y, y0)) for x0, y0, x1, y1 in defects_px)
    return sum(max(0.0, across) * max(0.0, down) for across, down in overlaps)
