"""What makes a frame the same part as an earlier one. Pure.

A trigger_id alone names no part: cameras restart their counters, and a faulty one repeats an id for the next part. The
same identity is the same part and is answered again; the same trigger with another identity is another part.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Final, NamedTuple

from inspector.domain.frame import Frame, FrameKey

DIGEST_CHARACTERS: Final = 32  # of the hash that the ledger keeps unique; 128 bits
WHOLE_DIGEST_BYTES: Final = 16
STANDARD_FIELDS: Final = frozenset({"lot", "product"})  # of a frame, which `unique_by` may name next to its labels


class Trigger(NamedTuple):
    """One exposure as its line tells them apart: the frame's key, and the values of `trigger.unique_by` as JSON."""

    key: FrameKey
    unique_by: str = ""


class PartIdentity(NamedTuple):
    """The identity of a part. `sha256` (hex) is that of the bytes as received, empty where nothing was received."""

    trigger: Trigger
    sha256: str = ""
    part_id: str = ""

    @property
    def key(self) -> FrameKey:
        """The line, the camera and the trigger_id."""
        return self.trigger.key

    @property
    def digest(self) -> str:
        """The hash of everything that the key leaves out."""
        written = "\n".join((self.trigger.unique_by, self.sha256, self.part_id))
        return hashlib.sha256(written.encode(errors="backslashreplace")).hexdigest()[:DIGEST_CHARACTERS]

    @property
    def whole_digest(self) -> bytes:
        """The hash of the whole identity: short, whatever the sender writes."""
        written = "\n".join((*self.key, self.digest))
        return hashlib.sha256(written.encode(errors="backslashreplace")).digest()[:WHOLE_DIGEST_BYTES]


def identity_of(frame: Frame, unique_by: Iterable[str] = ()) -> PartIdentity:
    """Return the identity of a frame on a line that tells triggers apart by `unique_by` too."""
    return PartIdentity(Trigger(frame.key, unique_values(frame, unique_by)), frame.sha256, frame.part_id or "")


def unique_values(frame: Frame, names: Iterable[str]) -> str:
    """Return the frame's values of these names as canonical JSON, null where it has none; empty without names."""
    values = {name: labelled_value(frame, name) for name in names}
    return json.dumps(values, sort_keys=True, separators=(",", ":")) if values else ""


def labelled_value(frame: Frame, name: str) -> str | None:
    """Return the frame's lot, product or other user property of this name."""
    if name in STANDARD_FIELDS:
        value: str | None = getattr(frame, name)
        return value
    return next((value for label, value in frame.labels if label == name), None)
