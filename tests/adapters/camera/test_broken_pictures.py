"""A corpus of broken and hostile pictures: each is measured or refused in words, within the declared limits."""

from __future__ import annotations

import multiprocessing
import resource
import time
from datetime import UTC, datetime
from typing import Final, NamedTuple

import pytest
from support.broken_pictures import corpus, largest

from inspector.adapters.camera import CameraPictureReader
from inspector.adapters.pictures import PictureLimits
from inspector.domain.frame import Frame, FrameKey
from inspector.domain.pipeline import Quality
from inspector.errors import PictureError

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CORPUS = corpus()
SIDE: Final = 1000
LIMITS: Final = PictureLimits(max_bytes=4_000_000, max_pixels=SIDE * SIDE)
BYTES_PER_PIXEL: Final = 24  # a WebP is held as two canvases, bytes and picture of 4 bytes each, then turned to grey
KIB: Final = 1024
MIB: Final = 1024 * KIB
ALLOCATOR: Final = 16 * MIB  # what Python and C keep for next time


class Cost(NamedTuple):
    """What a child paid. `slowest_s` is the processor time of the dearest picture, `honest_s` of the dearest whole
    one."""

    grown_bytes: int
    slowest_s: float
    slowest: str
    honest_s: float


def outcome(reader: CameraPictureReader, data: bytes) -> str:
    """The refusal, or nothing for a picture that was measured. Anything else fails the test."""
    try:
        seen = reader.measure(Frame(FrameKey("pcb", "cam1", "t-1"), data, NOON), Quality(min_side_px=1))
    except PictureError as error:
        return str(error)
    assert seen.width_px * seen.height_px <= LIMITS.max_pixels
    assert 0.0 <= seen.luminance <= 1.0
    return ""


@pytest.mark.parametrize("name", CORPUS)
def test_a_broken_picture_is_measured_or_refused_in_words(name: str) -> None:
    said = outcome(CameraPictureReader(limits=LIMITS), CORPUS[name])
    assert said.isprintable()
    assert len(said) < 300
    assert not said or ";" in said, "a refusal says what to do"


@pytest.mark.parametrize("kind", largest(64))
def test_a_whole_picture_of_any_kind_is_measured(kind: str) -> None:
    assert outcome(CameraPictureReader(limits=LIMITS), largest(64)[kind]) == ""


def test_no_picture_costs_more_than_its_declared_limit() -> None:
    """In a process of its own, whose peak is not yet used up."""
    with multiprocessing.get_context("spawn").Pool(1) as process:
        cost = process.apply(pay_for_all, (CORPUS, largest(SIDE)))
    assert cost.grown_bytes < LIMITS.max_pixels * BYTES_PER_PIXEL + LIMITS.max_bytes + ALLOCATOR
    assert cost.slowest_s < 20 * cost.honest_s, cost.slowest


def pay_for_all(broken: dict[str, bytes], whole: dict[str, bytes]) -> Cost:
    reader = CameraPictureReader(limits=LIMITS)
    for data in largest(64).values():
        outcome(reader, data)  # loads what is loaded once
    before = peak_bytes()
    broken_s = {name: processor_s(reader, data) for name, data in broken.items()}
    whole_s = {name: processor_s(reader, data) for name, data in whole.items()}
    slowest = max(broken_s, key=broken_s.__getitem__)
    return Cost(peak_bytes() - before, broken_s[slowest], slowest, max(whole_s.values()))


def processor_s(reader: CameraPictureReader, data: bytes) -> float:
    began = time.process_time()
    outcome(reader, data)
    return time.process_time() - began


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB
