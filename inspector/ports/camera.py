"""Port of `adapters/camera`: from the bytes of a frame to measurements of its picture."""

from __future__ import annotations

from typing import Final, Protocol

from inspector.domain.cameras import Region
from inspector.domain.frame import Claim, Frame
from inspector.domain.pipeline import PictureSettings, Quality
from inspector.domain.quality import Measurements

DEFAULT_SETTINGS: Final = PictureSettings()


class PictureReader(Protocol):
    """Measures pictures within limits. Called in a worker thread."""

    def measure(
        self,
        frame: Frame,
        rules: Quality,
        settings: PictureSettings = DEFAULT_SETTINGS,
        region: Region | None = None,
    ) -> Measurements:
        """Measure the picture, or this region of it.

        Raises PictureError, with a reason for the line engineer, when it can't be judged.
        """

    def root_of(self, claim: Claim) -> str:
        """Return the allowed root that the claim names, as it is written; empty where it names none. Does no I/O."""

    def fetch(self, claim: Claim) -> bytes:
        """Fetch the picture of a claim check. Raises PictureError when it is unavailable or has another sha256."""
