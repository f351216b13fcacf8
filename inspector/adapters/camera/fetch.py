"""Fetches the pictures of claim checks. Knows fsspec.

A claim comes from outside: it may name only what lies below an allowed root, however it is written.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import unquote, urlsplit

from fsspec.core import url_to_fs

from inspector.domain.frame import Claim
from inspector.errors import PictureError
from inspector.text import printable, shortened

WEB_SCHEMES: Final = ("http", "https")
PATH_SEPARATORS: Final = re.compile(r"[/?#;]")


def fetch(claim: Claim, allowed_roots: Sequence[str], max_bytes: int) -> bytes:
    """Return the picture's bytes. Raises PictureError with a reason if they can't be read or have another hash."""
    place = _allowed(claim.url, allowed_roots)
    data = _read(place, max_bytes)
    if len(data) > max_bytes:
        raise PictureError(
            f"the picture at {_shown(claim.url)} has more than {max_bytes:,} bytes; compress or shrink it"
        )
    if claim.sha256 and hashlib.sha256(data).hexdigest() != claim.sha256:
        raise PictureError(f"sha256 differs: {_shown(claim.url)} is another picture than was announced")
    return data


def _allowed(url: str, allowed_roots: Sequence[str]) -> str:
    """Return the place to read: a file's real path, or the URL itself."""
    if not allowed_roots:
        raise PictureError("pictures by reference are off; allow their folder in the setting 'claims'")
    if not url.isprintable() or "\\" in url or "::" in url or ".." in PATH_SEPARATORS.split(unquote(url)):
        raise PictureError(f"{_shown(url)} is not plain; name the picture without '..'")
    path = _local_path(url)
    place = url if path is None else os.path.realpath(path)
    if not any(_is_below(place, root) for root in allowed_roots):
        raise PictureError(f"{_shown(url)} is not below an allowed folder; move it, or extend the setting 'claims'")
    if path is not None and not os.path.isfile(place):
        raise PictureError(f"there is no file {_shown(url)}; announce a picture after it is written")
    return place


def _local_path(url: str) -> str | None:
    """Return the path of a local file; None for other URLs."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise PictureError(f"{_shown(url)} is neither a path nor a URL; correct the claim") from error
    if not parts.scheme:
        return url
    return unquote(parts.path) if parts.scheme == "file" and parts.netloc in ("", "localhost") else None


def _is_below(place: str, root: str) -> bool:
    folder = _local_path(root)
    if folder is None:
        return place.startswith(root.rstrip("/") + "/")
    return Path(place).is_absolute() and Path(os.path.realpath(folder)) in Path(place).parents


def _read(place: str, max_bytes: int) -> bytes:
    """Read at most one byte more than allowed. Redirects are refused: their target is not checked."""
    options = {"allow_redirects": False} if urlsplit(place).scheme in WEB_SCHEMES else {}
    try:
        files, path = url_to_fs(place, **options)
        with files.open(path, "rb") as file:
            return _up_to(file, max_bytes + 1)
    except Exception as error:  # every fsspec back end raises its own library's errors
        reason = shortened(printable(str(error)).partition("\n")[0], 120) or type(error).__name__
        raise PictureError(f"{_shown(place)} can't be read: {reason}") from error


def _up_to(file: BinaryIO, most: int) -> bytes:
    """Read repeatedly: network streams return less than requested."""
    data = bytearray()
    while len(data) < most and (chunk := file.read(most - len(data))):
        data += chunk
    return bytes(data)


def _shown(url: str) -> str:
    return repr(shortened(printable(url), 100))
