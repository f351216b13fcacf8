"""Files that people name: a pipe would be waited for without end, a device read without end."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from inspector.domain.picture_format import MAX_PICTURE_BYTES
from inspector.errors import InspectorError


def regular_bytes(path: Path) -> bytes:
    """Return the bytes of a regular file. Raises OSError for anything else, without waiting for it."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "is a pipe or a device, not a file")
        return file.read()


def picture_bytes(path: Path) -> bytes:
    """Return the bytes of a picture's file. Raises OSError, without reading it, for one that no line takes."""
    size = path.stat().st_size
    if size > MAX_PICTURE_BYTES:
        raise OSError(errno.EFBIG, f"has {size:,} bytes, more than {MAX_PICTURE_BYTES:,}; compress or shrink it")
    return regular_bytes(path)


def named_picture(path: Path) -> bytes:
    """Return the bytes of a picture that a person named. Raises InspectorError where the file can't be used."""
    try:
        return picture_bytes(path)
    except OSError as error:
        raise InspectorError(f"{path}: {error.strerror or error}; name a picture") from error
