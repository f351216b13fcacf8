"""The camera door against real bytes: every format is measured, every broken picture is refused with a reason."""

from __future__ import annotations

import itertools
import multiprocessing
import resource
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter
from support.camera_pictures import (
    bmp_of_size,
    encoded,
    every_format,
    jpeg_of_size,
    many_scans,
    png_of_size,
    scene,
    tiff_of_size,
    two_pictures,
    webp_of_size,
)

from inspector.adapters.camera import CameraPictureReader
from inspector.adapters.camera.measure import REMEMBERED_CAMERAS, LastFrames
from inspector.adapters.pictures import PictureLimits
from inspector.domain.frame import Frame, FrameKey
from inspector.domain.pipeline import Quality
from inspector.domain.quality import Measurements, quality_fault
from inspector.errors import PictureError

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
FORMATS = every_format()
REFERENCE = np.asarray(scene().convert("L"), dtype=float)
trigger_ids = (f"t-{number}" for number in itertools.count())

reader = CameraPictureReader()


def a_frame(payload: bytes, content_type: str = "", camera: str = "cam1") -> Frame:
    return Frame(FrameKey("pcb", camera, next(trigger_ids)), payload, NOON, content_type=content_type)


def measure(payload: bytes, content_type: str = "", rules: Quality | None = None) -> Measurements:
    return reader.measure(a_frame(payload, content_type), rules or Quality())


def refusal(payload: bytes, content_type: str = "") -> str:
    with pytest.raises(PictureError) as caught:
        measure(payload, content_type)
    return str(caught.value)


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_shows_the_same_scene(kind: str) -> None:
    seen = measure(FORMATS[kind])
    assert (seen.width_px, seen.height_px) == (160, 120)
    assert seen.luminance == pytest.approx(REFERENCE.mean() / 255, abs=0.03)
    assert seen.sharpness > 20
    assert quality_fault(seen, Quality()) is None


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [
        ("jpeg", "image/jpeg"),
        ("jpeg", "IMAGE/JPG; charset=binary"),
        ("png", "image/png"),
        ("bmp", "image/x-ms-bmp"),
        ("tiff", "image/tiff"),
        ("webp", "image/webp"),
        ("jpeg", "application/octet-stream"),
        ("jpeg", "image/*"),
        ("jpeg", "text/plain"),
        ("jpeg", ""),
    ],
)
def test_a_type_that_says_nothing_else_is_no_fault(kind: str, content_type: str) -> None:
    assert measure(FORMATS[kind], content_type).width_px == 160


@pytest.mark.parametrize("content_type", ["image/png", "image/webp", "image/heic", "image/x-\x00"])
def test_a_type_that_contradicts_the_bytes_is_a_fault(content_type: str) -> None:
    reason = refusal(FORMATS["jpeg"], content_type)
    assert "the bytes are JPEG" in reason
    assert "correct the sender" in reason


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"", "empty"),
        (b"{}", "the frame is JSON text, not an accepted picture; send the bytes"),
        (b"GIF89a" + bytes(100), "send JPEG, PNG"),
        (b"%PDF-1.7", "the frame is PDF, not an accepted picture; send JPEG"),
        (b"\xff\xd8\xff", "JPEG is damaged or cut off"),
        (b"\x89PNG\r\n\x1a\n", "PNG is damaged or cut off"),
        (b"BM", "BMP is damaged or cut off"),
        (b"BMW is a car", "BMP is damaged or cut off"),
        (b"II*\0", "TIFF is damaged or cut off"),
        (b"II+\0" + bytes(16), "TIFF is damaged or cut off"),
        (b"RIFF\0\0\0\0WEBP", "WEBP is damaged or cut off"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_is_no_picture_is_refused_with_its_first_bytes_or_its_damage(payload: bytes, words: str) -> None:
    assert words in refusal(payload)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.8, 0.95])
def test_a_truncated_picture_is_never_measured(kind: str, share: float) -> None:
    data = FORMATS[kind]
    reason = refusal(data[: int(len(data) * share)])
    assert "damaged or cut off" in reason


def test_a_picture_with_something_after_it_is_fine() -> None:
    assert measure(FORMATS["jpeg"] + bytes(100)).width_px == 160


@pytest.mark.parametrize("several", two_pictures())
def test_several_pictures_in_one_file_are_refused(several: str) -> None:
    assert "several pictures" in refusal(two_pictures()[several])


@pytest.mark.parametrize("size", [(10_000, 10_000), (65_000, 65_000), (8_000, 5_001)])
@pytest.mark.parametrize("bomb", [png_of_size, jpeg_of_size, bmp_of_size, tiff_of_size])
def test_a_bomb_is_refused_before_it_is_decoded(bomb: Callable[[int, int], bytes], size: tuple[int, int]) -> None:
    assert "shrink it" in refusal(bomb(*size))


def test_a_webp_bomb_is_refused_before_its_canvas_is_made() -> None:
    assert "268.4 MP" in refusal(webp_of_size(16_384, 16_384))


def test_bombs_cost_no_memory() -> None:
    """In a process of its own, whose peak is not yet used up."""
    spawned = multiprocessing.get_context("spawn").Pool(1)
    with spawned as process:
        grown_kib = process.apply(memory_grown_by_bombs)
    assert grown_kib < 30 * 1024


def memory_grown_by_bombs() -> int:
    answers(FORMATS["webp"])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for bomb in (png_of_size, jpeg_of_size, bmp_of_size, tiff_of_size, webp_of_size):
        refusal(bomb(9_000, 9_000))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before


def test_a_jpeg_of_endless_scans_is_refused() -> None:
    assert "scans" in refusal(many_scans())


def test_a_payload_over_the_limit_is_refused_with_both_numbers() -> None:
    small = CameraPictureReader(limits=PictureLimits(max_bytes=1000))
    with pytest.raises(PictureError, match=r"1,234 bytes, more than 1,000"):
        small.measure(a_frame(bytes(1234)), Quality())


def test_limits_are_inclusive() -> None:
    data = FORMATS["png"]
    exact = CameraPictureReader(limits=PictureLimits(max_bytes=len(data), max_pixels=160 * 120))
    assert exact.measure(a_frame(data), Quality()).width_px == 160
    with pytest.raises(PictureError, match="MP"):
        CameraPictureReader(limits=PictureLimits(max_pixels=160 * 120 - 1)).measure(a_frame(data), Quality())


def test_what_is_too_small_is_refused_without_decoding_it() -> None:
    broken_inside = png_of_size(100, 50)
    with pytest.raises(PictureError, match=r"100x50 px; quality\.min_side_px asks for 64"):
        measure(broken_inside, rules=Quality(min_side_px=64))


def test_pixels_of_32_bits_are_refused() -> None:
    floating = Image.fromarray(REFERENCE.astype(np.float32))
    assert "8 or 16 bits" in refusal(encoded(floating, "TIFF"))


def test_one_pixel_can_be_measured() -> None:
    assert measure(encoded(Image.new("L", (1, 1), 255), "PNG"), rules=Quality(min_side_px=1)).luminance == 1.0


def test_a_very_flat_picture_can_be_measured() -> None:
    assert measure(encoded(Image.new("L", (5000, 25), 0), "PNG"), rules=Quality(min_side_px=1)).luminance == 0.0


def test_a_picture_that_no_model_can_see_is_refused_with_the_limit() -> None:
    longer = encoded(Image.new("L", (8001, 40), 0), "PNG")
    assert "8001x40 px, longer than 200:1" in refusal(longer)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_blur_lowers_sharpness(kind: str) -> None:
    sharp = scene(800, 600)
    steps = [sharp.filter(ImageFilter.GaussianBlur(radius)) for radius in (0, 1, 2, 4)]
    found = [measure(encoded(step, kind)).sharpness for step in steps]
    assert found == sorted(found, reverse=True)
    assert found[0] > 2 * found[3]


def test_sharpness_hardly_depends_on_the_format() -> None:
    large = scene(1600, 1200)
    by_jpeg, by_png = (measure(encoded(large, kind)).sharpness for kind in ("JPEG", "PNG"))
    assert by_jpeg == pytest.approx(by_png, rel=0.35)


@pytest.mark.parametrize(("grey", "expected"), [(0, 0.0), (51, 0.2), (255, 1.0)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_luminance_is_mean_grey(grey: int, expected: float, kind: str) -> None:
    seen = measure(encoded(Image.new("RGB", (64, 64), (grey, grey, grey)), kind))
    assert seen.luminance == pytest.approx(expected, abs=0.02)
    assert seen.sharpness < 1.0


def test_change_is_none_at_first_zero_when_frozen_and_more_for_another_picture() -> None:
    fresh = CameraPictureReader()
    pictures = [encoded(scene(seed=seed), "JPEG") for seed in (1, 1, 2)]
    first, frozen, other = (fresh.measure(a_frame(data), Quality()).change for data in pictures)
    assert first is None
    assert frozen == 0.0
    assert other is not None
    assert other > 0.01


def test_the_same_exposure_come_again_is_no_frozen_camera() -> None:
    fresh = CameraPictureReader()
    frame = a_frame(FORMATS["jpeg"])
    assert fresh.measure(frame, Quality()).change is None
    assert fresh.measure(frame, Quality()).change is None


def test_cameras_are_told_apart() -> None:
    fresh = CameraPictureReader()
    fresh.measure(a_frame(FORMATS["jpeg"]), Quality())
    assert fresh.measure(a_frame(FORMATS["jpeg"], camera="cam2"), Quality()).change is None
    assert fresh.measure(a_frame(FORMATS["jpeg"]), Quality()).change == 0.0


def test_memory_does_not_grow_with_cameras_from_outside() -> None:
    last, picture = LastFrames(), np.zeros((64, 64), np.uint8)
    for number in range(REMEMBERED_CAMERAS + 1):
        assert last.change(FrameKey("pcb", f"cam{number}", "t-1"), picture) is None
    assert last.change(FrameKey("pcb", "cam1", "t-2"), picture) == 0.0
    assert last.change(FrameKey("pcb", "cam0", "t-2"), picture) is None


def test_many_threads_see_what_one_sees() -> None:
    fresh = CameraPictureReader()
    frames = [a_frame(data, camera=f"cam{number}") for number, data in enumerate([*FORMATS.values()] * 4)]
    alone = [CameraPictureReader().measure(frame, Quality()) for frame in frames]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda frame: fresh.measure(frame, Quality()), frames))
    assert together == [replace(seen, change=None) for seen in alone]


def answers(payload: bytes) -> bool:
    """Whether a picture is measured; anything but a measurement or a PictureError fails the test."""
    try:
        seen = measure(payload, rules=Quality(min_side_px=1))
    except PictureError as error:
        reason = str(error)
        assert 10 < len(reason) < 300
        assert "\n" not in reason
        return False
    assert 0.0 <= seen.luminance <= 1.0
    assert seen.sharpness >= 0.0
    return True


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(FORMATS)), st.data())
def test_broken_bytes_are_measured_or_refused_and_nothing_else(kind: str, data: st.DataObject) -> None:
    broken = bytearray(FORMATS[kind])
    ends = st.integers(0, min(200, len(broken) - 1)) | st.integers(0, len(broken) - 1)
    for at, value in data.draw(st.lists(st.tuples(ends, st.integers(0, 255)), min_size=1, max_size=8)):
        broken[at] = value
    answers(bytes(broken))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(FORMATS)), st.data())
def test_pictures_cut_and_joined_are_measured_or_refused_and_nothing_else(kind: str, data: st.DataObject) -> None:
    whole, other = FORMATS[kind], FORMATS[data.draw(st.sampled_from(sorted(FORMATS)))]
    cut, start = data.draw(st.integers(0, len(whole))), data.draw(st.integers(0, len(other)))
    answers(whole[:cut] + other[start:])


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"II*\0", b"MM\0*", b"RIFF\x40\0\0\0WEBPVP8X"]),
    st.binary(max_size=300),
)
def test_noise_behind_a_known_beginning_is_refused(magic: bytes, noise: bytes) -> None:
    assert not answers(magic + noise)
