"""Port of `adapters/camera`: bytes of a frame to measurements of its picture."""

from __future__ import annotations

from typing import Protocol

from inspector.domain.frame import Claim, Frame
from inspector.domain.pipeline import Quality
from inspector.domain.quality import Measurements


class PictureReader(Protocol):
    """Turns bytes into measurements within limits. Called in a worker thread."""

    def measure(self, frame: Frame, rules: Quality) -> Measurements:
        """Raises PictureError, with a reason for the line engineer, when the picture can't be judged."""

    def fetch(self, claim: Claim) -> bytes:
        """The picture of a claim check. Raises PictureError when it can't be had or is another one."""
