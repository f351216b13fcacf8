"""The template of a frame: the picture stored with the line that this frame is compared with. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

from inspector.errors import PictureError

NO_TEMPLATE: Final = ""  # in place of a sha256


def template_sha256(name: str | None, declared: Sequence[str], stored: Sequence[str]) -> str:
    """Return the sha256 of the golden sample that a frame names; NO_TEMPLATE where it names none.

    `declared` holds the golden samples' paths and `stored` their sha256, in the same order. A frame names a path, its
    last parts (with or without the file's ending), or a sha256. Raises PictureError for an unknown or ambiguous name.
    """
    if name is None:
        return NO_TEMPLATE
    found = {sha256 for path, sha256 in zip(declared, stored, strict=True) if name == sha256 or _names(name, path)}
    if len(found) > 1:
        raise PictureError(f"template {name!r} names {len(found)} golden samples; send the whole path")
    if not found:
        raise PictureError(f"template {name!r} is not stored; add it to the line's golden_samples, or correct the name")
    return found.pop()


def _names(name: str, path: str) -> bool:
    wanted, given = PurePosixPath(name).parts, PurePosixPath(path)
    endings = given.parts, given.with_suffix("").parts
    return bool(wanted) and any(parts[-len(wanted) :] == wanted for parts in endings)
