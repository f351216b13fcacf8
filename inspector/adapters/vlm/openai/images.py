"""From a picture to the data URL that a server reads. What can go out as the camera took it does, byte for byte; a
crop, or a picture outside the card's pixel budget, goes out as PNG, which loses nothing more."""

from __future__ import annotations

import base64
import io
import math
from typing import Final, NamedTuple

from PIL import Image

from inspector.adapters.vlm.transformers.images import UNREADABLE, crop_of, decode
from inspector.domain.model_card import ModelCard, Pixels
from inspector.domain.report import WHOLE_FRAME, Box
from inspector.ports.engine import Picture

MEDIA_TYPES: Final = {"JPEG": "image/jpeg", "PNG": "image/png"}  # what every server decodes
PLAIN_MODES: Final = ("RGB", "L")
ORIENTATION: Final = 0x0112  # EXIF
FAST: Final = 1  # of zlib's levels: a zoom of 768 x 768 takes 40 ms (a JPEG 3 ms, but it would change the scores)
TOKEN_PX: Final = 32  # Qwen3-VL: what is resized to whole tokens here is not resized once more by the server


class Outgoing(NamedTuple):
    """A picture's data URL, and the part of the picture that it shows."""

    url: str
    window: Box


def outgoing(picture: Picture, card: ModelCard) -> Outgoing:
    """Raises PictureError for a picture that can't be read."""
    if picture.crop is not None:
        budget = card.zoom_pixels or card.pixels
        detail = crop_of(decode(picture.data), picture.crop, budget)
        return Outgoing(_png(fitted(detail.image, budget)), detail.window)
    as_it_is = _media_type(picture.data, card.pixels)
    url = _url(as_it_is, picture.data) if as_it_is else _png(fitted(decode(picture.data), card.pixels))
    return Outgoing(url, WHOLE_FRAME)


def fitted(image: Image.Image, budget: Pixels) -> Image.Image:
    """The picture within the budget, its shape kept as far as whole tokens allow."""
    area = image.width * image.height
    wanted = min(max(area, budget.min), budget.max)
    if wanted == area:
        return image
    scale, whole = math.sqrt(wanted / area) / TOKEN_PX, math.floor if wanted < area else math.ceil
    columns, rows = max(1, whole(image.width * scale)), max(1, whole(image.height * scale))
    return image.resize((columns * TOKEN_PX, rows * TOKEN_PX), Image.Resampling.BICUBIC)


def _media_type(data: bytes, budget: Pixels) -> str | None:
    """The media type under which these bytes may go out as they are; None where they must be decoded first. Servers
    differ in what they make of turned, deep or transparent pictures, and some take one that was cut off for whole."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            upright = image.getexif().get(ORIENTATION, 1) == 1
            plain = image.mode in PLAIN_MODES and budget.min <= image.width * image.height <= budget.max
            image.draft(None, (1, 1))  # of a JPEG every byte is read, but only an eighth of its size worked out
            image.load()
            return MEDIA_TYPES.get(image.format or "") if upright and plain else None
    except UNREADABLE:
        return None  # decoding says what is wrong


def _png(image: Image.Image) -> str:
    data = io.BytesIO()
    image.save(data, "PNG", compress_level=FAST)
    return _url(MEDIA_TYPES["PNG"], data.getvalue())


def _url(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"
