"""Fetches the pictures of claim checks. Knows fsspec.

A claim comes from outside: it may name only what lies below an allowed root, however it is written.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final
from urllib.parse import unquote, urlsplit

from fsspec.core import url_to_fs

from inspector.domain.frame import Claim
from inspector.errors import PictureError
from inspector.text import printable, shortened

TOTAL_TIMEOUT_S: Final = 10.0  # for one picture
READ_TIMEOUT_S: Final = 3.0  # without a byte
CHUNK_BYTES: Final = 256 * 1024
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


def root_of(claim: Claim, allowed_roots: Sequence[str]) -> str:
    """Return the root that the claim's text lies below, without touching a disk or server; empty where none fits."""
    return next((root for root in allowed_roots if _reads_as_below(claim.url, root)), "")


def _reads_as_below(url: str, root: str) -> bool:
    try:
        path, folder = _local_path(url), _local_path(root)
    except PictureError:
        return False
    if path is None or folder is None:
        return path is folder and url.startswith(root.rstrip("/") + "/")
    return Path(os.path.normpath(folder)) in Path(os.path.normpath(path)).parents


def _allowed(url: str, allowed_roots: Sequence[str]) -> str:
    """Return the place to read: a file's real path, or the URL itself."""
    if not allowed_roots:
        raise PictureError("pictures by reference are off; allow their folder in the setting 'claims'")
    if not url.isprintable() or "\\" in url or "::" in url or ".." in PATH_SEPARATORS.split(unquote(url)):
        raise PictureError(f"{_shown(url)} is not plain; name the picture without '..'")
    path = _local_path(url)
    place = url if path is None else os.path.realpath(path)
    likely_first = sorted(allowed_roots, key=lambda root: not _reads_as_below(url, root))  # another may hang
    if not any(_is_below(place, root) for root in likely_first):
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
    end_s = time.monotonic() + TOTAL_TIMEOUT_S
    try:
        options = _web_options() if urlsplit(place).scheme in WEB_SCHEMES else {}
        files, path = url_to_fs(place, **options)
        with files.open(path, "rb") as file:
            return _up_to(file, max_bytes + 1, end_s)
    except Exception as error:  # every fsspec back end raises its own library's errors
        reason = shortened(printable(str(error)).partition("\n")[0], 120) or type(error).__name__
        raise PictureError(f"{_shown(place)} can't be read: {reason}") from error


def _web_options() -> dict[str, Any]:
    """Return the options of requests: a server that sends byte after byte ends at the total timeout."""
    from aiohttp import ClientTimeout

    timeout = ClientTimeout(total=TOTAL_TIMEOUT_S, sock_connect=READ_TIMEOUT_S, sock_read=READ_TIMEOUT_S)
    return {"allow_redirects": False, "client_kwargs": {"timeout": timeout}}


def _up_to(file: BinaryIO, most: int, end_s: float) -> bytes:
    """Read repeatedly: network streams return less than requested. Raises TimeoutError after `end_s`."""
    data = bytearray()
    while len(data) < most and (chunk := file.read(min(CHUNK_BYTES, most - len(data)))):
        data += chunk
        if time.monotonic() > end_s:
            raise TimeoutError(f"{len(data):,} bytes in {TOTAL_TIMEOUT_S:g} s")
    return bytes(data)


def _shown(url: str) -> str:
    return repr(shortened(printable(url), 100))
