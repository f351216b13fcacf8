"""The order in which golden samples are shown with a part."""

from __future__ import annotations

import numpy as np
from support.fakes import a_pipeline
from support.line_fakes import GoldenShelf

from inspector.domain.frame import FrameKey
from inspector.errors import PictureError
from inspector.judging.nearest_golden import GreyNearestGolden, declared_order
from inspector.ports.engine import Picture
from inspector.ports.pool import Job

SHELF = GoldenShelf({"left": b"left", "right": b"right"})
GOLDEN = ("left", "right")


def grey(picture: Picture) -> np.ndarray:
    if picture.data == b"damaged":
        raise PictureError("damaged")
    pixels = np.zeros((32, 32), np.float32)
    pixels[:, slice(0, 16) if b"left" in picture.data else slice(16, 32)] = 1.0
    return pixels


def job(payload: bytes, template: str = "") -> Job:
    return Job(FrameKey("pcb", "cam1", "t"), payload, a_pipeline(), GOLDEN, 1000.0, template=template)


def order(payload: bytes, template: str = "") -> tuple[str, ...]:
    wanted = job(payload, template)
    return GreyNearestGolden(SHELF, grey)(wanted.picture, wanted)


def test_the_most_similar_golden_sample_comes_first() -> None:
    assert order(b"a part on the left") == ("left", "right")
    assert order(b"elsewhere") == ("right", "left")


def test_the_frames_template_comes_first_whatever_it_looks_like() -> None:
    assert order(b"elsewhere", template="left") == ("left", "right")
    assert declared_order(job(b"").picture, job(b"", "right")) == ("right", "left")


def test_an_unreadable_frame_keeps_the_declared_order() -> None:
    assert order(b"damaged") == GOLDEN
