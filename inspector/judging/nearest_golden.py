"""The order in which golden samples are shown with a part: the frame's own template, else the most similar first.

Similarity is that of small grey pictures, which show pose and kind of a part and hardly a defect.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inspector.domain.cameras import Region
from inspector.errors import ModelError, PictureError
from inspector.judging.second_opinion import golden_picture
from inspector.numerics.small_grey import small_grey
from inspector.ports.backbone import ReadGrey
from inspector.ports.engine import Picture
from inspector.ports.evidence import EvidenceStore
from inspector.ports.pool import Job

REMEMBERED_SAMPLES: Final = 2_048  # small pictures of golden samples, the latest used; 1 KB each
SampleKey = tuple[str, int | None, Region | None]
NearestGolden = Callable[[Picture, Job], tuple[str, ...]]  # sha256 of golden samples in order; blocking


def declared_order(_frame: Picture, job: Job) -> tuple[str, ...]:
    """Return the golden samples as they are declared, that of the frame's template first."""
    others = (sha256 for sha256 in job.golden if sha256 != job.template)
    return (job.template, *others) if job.template else job.golden


class GreyNearestGolden:
    """Orders a line's golden samples by their distance from the frame. Thread-safe: threads may repeat each other."""

    def __init__(self, evidence: EvidenceStore, grey_pixels: ReadGrey) -> None:
        self._evidence = evidence
        self._grey_pixels = grey_pixels
        self._known: OrderedDict[SampleKey, NDArray[Any]] = OrderedDict()

    def __call__(self, frame: Picture, job: Job) -> tuple[str, ...]:
        declared = declared_order(frame, job)
        if job.template or len(declared) < 2:
            return declared
        try:
            shown = small_grey(self._grey_pixels(frame))
            distances = [float(np.square(self._sample(sha256, job) - shown).sum()) for sha256 in declared]
        except (ModelError, PictureError):  # named where the picture is shown
            return declared
        return tuple(declared[number] for number in np.argsort(distances, kind="stable"))

    def _sample(self, sha256: str, job: Job) -> NDArray[Any]:
        key = sha256, job.pipeline.picture.bit_depth, job.region
        known = self._known.get(key)
        if known is None:
            picture = golden_picture(self._evidence, sha256, job.pipeline, job.region)
            known = self._known[key] = small_grey(self._grey_pixels(picture))
            while len(self._known) > REMEMBERED_SAMPLES:
                self._known.popitem(last=False)
        return known
