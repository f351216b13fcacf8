"""Pictures as data URLs for a server.

A picture that every server decodes alike goes out byte for byte. A crop, or a picture outside the card's pixel budget,
goes out as PNG, which loses nothing more.
"""

from __future__ import annotations

import base64
import io
import math
from typing import Final, NamedTuple

from PIL import Image

from inspector.adapters.pictures import EXIF_ORIENTATION, OpenPicture, opened
from inspector.adapters.vlm.transformers.images import crop_of, enlarged
from inspector.domain.model_card import ModelCard, Pixels
from inspector.domain.picture_format import PictureFormat
from inspector.domain.report import WHOLE_FRAME, Box
from inspector.ports.engine import Picture

SERVER_MEDIA_TYPES: Final = {  # formats that every server decodes
    PictureFormat.JPEG: "image/jpeg",
    PictureFormat.PNG: "image/png",
}
PLAIN_MODES: Final = ("RGB", "L")
PNG_COMPRESSION: Final = 1  # zlib level: a zoom of 768 x 768 takes 40 ms (JPEG 3 ms, but that changes scores)
TOKEN_PX: Final = 32  # Qwen3-VL: pictures resized to whole tokens are not resized again by the server


class DataUrl(NamedTuple):
    """A picture's data URL, the part of the picture that it shows, and the side of a picture's pixel there."""

    url: str
    window: Box
    scale: float = 1.0


def data_url(picture: Picture, card: ModelCard) -> DataUrl:
    """Return the data URL of a picture. Raises PictureError for an unreadable one."""
    with opened(picture.data, bit_depth=picture.bit_depth, region=picture.region) as whole:
        if picture.crop is not None:
            budget = card.zoom_pixels or card.pixels
            detail = crop_of(whole.rgb(), picture.crop)
            shown = resized(enlarged(detail.image, budget), budget)
            return DataUrl(_png(shown), detail.window, _scale(detail.image, shown))
        as_it_is = _media_type(whole, card.pixels)
        if as_it_is:
            return DataUrl(_url(as_it_is, picture.data), WHOLE_FRAME)
        image = whole.rgb()
        shown = resized(image, card.pixels)
        return DataUrl(_png(shown), WHOLE_FRAME, _scale(image, shown))


def _scale(image: Image.Image, shown: Image.Image) -> float:
    return math.sqrt(shown.width * shown.height / (image.width * image.height))


def resized(image: Image.Image, budget: Pixels) -> Image.Image:
    """Resize a picture to the budget, keeping its shape as far as whole tokens allow."""
    area = image.width * image.height
    wanted = min(max(area, budget.min), budget.max)
    if wanted == area:
        return image
    scale, whole = math.sqrt(wanted / area) / TOKEN_PX, math.floor if wanted < area else math.ceil
    columns, rows = max(1, whole(image.width * scale)), max(1, whole(image.height * scale))
    return image.resize((columns * TOKEN_PX, rows * TOKEN_PX), Image.Resampling.BICUBIC)


def _media_type(picture: OpenPicture, budget: Pixels) -> str | None:
    """Return the media type under which these bytes may go out unchanged; None if they must be decoded first.

    Servers differ on rotated, deep or transparent pictures, and some accept a truncated one.
    """
    image = picture.image
    is_plain = (
        picture.region is None
        and image.mode in PLAIN_MODES
        and not image.has_transparency_data
        and picture.sample_bits <= 8
        and image.getexif().get(EXIF_ORIENTATION, 1) == 1
        and budget.min <= image.width * image.height <= budget.max
    )
    if not is_plain or picture.format not in SERVER_MEDIA_TYPES:
        return None
    picture.check()
    return SERVER_MEDIA_TYPES[picture.format]


def _png(image: Image.Image) -> str:
    data = io.BytesIO()
    image.save(data, "PNG", compress_level=PNG_COMPRESSION)
    return _url(SERVER_MEDIA_TYPES[PictureFormat.PNG], data.getvalue())


def _url(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"
