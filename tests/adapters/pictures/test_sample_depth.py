"""Deep pixels are shown at full range, or refused with their depth; never nearly black."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from support.camera_pictures import encoded, scene
from support.deep_pictures import SIZE, png16, samples, tiff16, transparent, white_is_zero

from inspector.adapters.pictures import decode_rgb, opened
from inspector.errors import PictureError

GREY = np.asarray(scene(*SIZE).convert("L")).astype(int)
COLOURS = np.asarray(scene(*SIZE)).astype(int)
MAX_SAMPLE = 341  # TIFF SMaxSampleValue


def difference(data: bytes, bit_depth: int | None = None) -> int:
    """The greatest difference from the scene, as engine and station see it."""
    seen = np.asarray(decode_rgb(data, bit_depth)).astype(int)
    with opened(data, bit_depth=bit_depth) as picture:
        grey = picture.grey(*SIZE).astype(int)
    return max(int(abs(seen - (COLOURS if _is_colour(seen) else GREY[..., None])).max()), int(abs(grey - GREY).max()))


def _is_colour(pixels: np.ndarray) -> bool:
    return bool((pixels[..., 0] != pixels[..., 1]).any())


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize("colour", [False, True])
def test_the_pipelines_depth_shows_the_full_range(bits: int, colour: bool) -> None:
    assert difference(png16(samples(bits, colour=colour)), bits) <= 1


def test_colour_tiff_at_the_pipelines_depth() -> None:
    import cv2

    data = bytes(cv2.imencode(".tif", samples(12, colour=True)[..., ::-1])[1])
    assert difference(data, 12) <= 1


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_a_file_that_declares_its_depth_needs_no_setting(bits: int) -> None:
    assert difference(png16(samples(bits), significant_bits=bits)) <= 1
    assert difference(tiff16(samples(bits), {MAX_SAMPLE: (1 << bits) - 1})) <= 1


def test_an_odd_white_is_used() -> None:
    pixels = (GREY * 3000 // 255).astype(np.uint16)
    assert difference(tiff16(pixels, {MAX_SAMPLE: 3000})) <= 1


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
@pytest.mark.parametrize("colour", [False, True])
def test_an_undeclared_depth_is_refused_and_named(bits: int, colour: bool) -> None:
    with pytest.raises(PictureError, match=rf"use {bits} bits: .*; set picture\.bit_depth .* such as {bits}"):
        decode_rgb(png16(samples(bits, colour=colour)))


def test_full_sixteen_bits_need_no_setting() -> None:
    assert difference(png16(samples(16))) <= 1
    assert difference(png16(samples(16, colour=True))) <= 1
    assert difference(tiff16(samples(16))) <= 1


def test_png_samples_that_are_scaled_as_the_standard_asks_are_not_scaled_again() -> None:
    scaled = (samples(12).astype(np.uint32) << 4).astype(np.uint16)
    assert difference(png16(scaled, significant_bits=12)) <= 1


def test_a_dark_scaled_png_stays_dark() -> None:
    dark = (samples(12) >> 5 << 4).astype(np.uint16)
    assert np.asarray(decode_rgb(png16(dark, significant_bits=12))).max() < 10


def test_a_pixel_above_the_declared_depth_is_refused() -> None:
    with pytest.raises(PictureError, match=r"a pixel of 16383 exceeds the declared depth of 12 bits \(4095\)"):
        decode_rgb(png16(np.full((40, 40), 16383, np.uint16)), 12)


def test_the_setting_changes_nothing_for_pictures_of_8_bits() -> None:
    data = encoded(scene(), "PNG")
    assert np.array_equal(np.asarray(decode_rgb(data, 12)), np.asarray(decode_rgb(data)))


def test_white_is_zero_is_inverted_in_16_bits() -> None:
    assert difference(white_is_zero(samples(16))) <= 1


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_transparent_pixels_are_white(kind: str) -> None:
    seen = np.asarray(decode_rgb(transparent(kind)))
    assert seen[0, 0].tolist() == [255, 255, 255]
    assert seen[32, 32].tolist() == [0, 0, 0]
    with opened(transparent(kind)) as picture:
        assert picture.grey(64, 64)[0, 0] == 255


@pytest.mark.parametrize("mode", ["L", "RGB", "P", "I;16"])
def test_a_transparent_colour_is_white(mode: str) -> None:
    image = Image.new(mode, (40, 40), 0)
    image.putpixel((0, 0), 60000 if mode == "I;16" else 1)
    transparent_colour = (0, 0, 0) if mode == "RGB" else 0
    seen = np.asarray(decode_rgb(encoded(image, "PNG", transparency=transparent_colour), 16))
    assert seen[20, 20].tolist() == [255, 255, 255]


def test_a_deep_picture_taken_sideways_is_turned_upright() -> None:
    image = Image.fromarray(samples(16))
    exif = image.getexif()
    exif[0x0112] = 6
    assert decode_rgb(encoded(image, "PNG", exif=exif)).size == SIZE[::-1]


def test_colours_that_are_not_supported_are_named() -> None:
    lab = encoded(Image.new("LAB", (64, 48)), "TIFF")
    with pytest.raises(PictureError, match="CIELAB colours in TIFF are not supported"), opened(lab):
        pass
