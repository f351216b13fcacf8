"""Pictures as responses: no scripts, no type sniffing."""

from __future__ import annotations

from typing import Final

from fastapi import Response

from inspector.adapters.console.pictures import DOWNLOAD_TYPE, SVG_TYPE, PictureBody

PICTURE_SECURITY_HEADERS: Final = {  # no scripts, no type sniffing, no further requests
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
}
PICTURE_CACHE_HEADERS: Final = {"Cache-Control": "private, max-age=31536000, immutable"}


def picture_response(body: PictureBody) -> Response:
    """Return a picture. Bytes of an unknown type are offered as a download only."""
    cache = {} if body.media_type == SVG_TYPE else PICTURE_CACHE_HEADERS
    download = {"Content-Disposition": 'attachment; filename="picture.bin"'} if body.media_type == DOWNLOAD_TYPE else {}
    return Response(body.data, media_type=body.media_type, headers=PICTURE_SECURITY_HEADERS | cache | download)
