"""Encoded pictures to pixels, strictly: shared by every adapter that reads a picture.

Knows Pillow, simplejpeg and OpenCV; never lines, models or databases.
"""

from inspector.adapters.pictures.decode import (
    DEFAULT_LIMITS,
    EXIF_ORIENTATION,
    Grey,
    OpenPicture,
    PictureLimits,
    decode_rgb,
    on_white,
    opened,
)
from inspector.adapters.pictures.formats import PictureSize

__all__ = [
    "DEFAULT_LIMITS",
    "EXIF_ORIENTATION",
    "Grey",
    "OpenPicture",
    "PictureLimits",
    "PictureSize",
    "decode_rgb",
    "on_white",
    "opened",
]
