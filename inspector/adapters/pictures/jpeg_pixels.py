"""Decodes JPEGs strictly: libjpeg's warnings about lost pixels are errors. Knows simplejpeg.

Pillow and OpenCV hide these warnings, and fill what is lost with grey or with repeated pixels.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from inspector.adapters.pictures.jpeg_guard import guarded
from inspector.adapters.pictures.jpeg_structure import SOS, JpegStructure, damaged, read_structure
from inspector.text import printable, shortened

MAX_PADDING_BYTES: Final = 16  # zeros that cameras write between the pixels and the next marker, to fill a word
EXTRA_BYTES: Final = re.compile(r"(\d+) extraneous bytes before marker")
CMYK_COMPONENTS: Final = 4

Pixels = NDArray[np.uint8]


def refuse_damaged_jpeg(data: bytes) -> None:
    """Raise PictureError if pixels of the JPEG are lost or damaged. Decodes at an eighth of its size."""
    grey_jpeg(read_structure(data), reduction=8)


def grey_jpeg(structure: JpegStructure, reduction: int) -> Pixels | None:
    """Decode to grey, at 1/1, 1/2, 1/4 or 1/8 of its size. Raises PictureError where pixels are lost.

    Returns None for CMYK, which is checked only.
    """
    is_cmyk = len(structure.components) == CMYK_COMPONENTS
    pixels = _decoded(structure, "CMYK" if is_cmyk else "GRAY", reduction)
    return None if is_cmyk else pixels[:, :, 0]


def _decoded(structure: JpegStructure, colours: str, reduction: int) -> Pixels:
    try:
        return _strict(structure, colours, reduction)
    except ValueError as error:
        without = _without_padding(structure, str(error))
        if without is None:
            raise damaged(_words(error)) from error
    try:
        return _strict(without, colours, reduction)
    except ValueError as error:
        raise damaged(_words(error)) from error


def _strict(structure: JpegStructure, colours: str, reduction: int) -> Pixels:
    """Decode with a guard row, which is cut off again. Raises ValueError for a warning."""
    shown = guarded(structure) or structure
    (width, height), (_, shown_height) = structure.size, shown.size
    pixels: Pixels = simplejpeg.decode_jpeg(
        shown.pixel_stream(),
        colours,
        min_width=-(-width // reduction),
        min_height=-(-shown_height // reduction),
        strict=True,
    )
    return pixels[: -(-height // reduction)]


def _without_padding(structure: JpegStructure, warning: str) -> JpegStructure | None:
    """Return the picture without the zeros that the warning counts; None where these bytes may have been pixels."""
    count = int(found[1]) if (found := EXTRA_BYTES.search(warning)) else 0
    if not 0 < count <= MAX_PADDING_BYTES or not any(_is_padded(each.entropy, count) for each in structure.scans):
        return None
    return JpegStructure(
        [
            each._replace(entropy=each.entropy[:-count])
            if each.marker == SOS and _is_padded(each.entropy, count)
            else each
            for each in structure.segments
        ]
    )


def _is_padded(entropy: bytes, count: int) -> bool:
    return entropy.endswith(bytes(count))


def _words(error: ValueError) -> str:
    return shortened(printable(str(error)), 120)
