"""From pictures to the data URLs that a server reads."""

from __future__ import annotations

import base64
import io
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support.deep_pictures import png16, samples, transparent
from support.jpeg_damage import damaged
from support.served import card

from inspector.adapters.vlm.openai.images import TOKEN_PX, data_url, resized
from inspector.domain.model_card import Pixels
from inspector.domain.report import Box
from inspector.errors import PictureError
from inspector.ports.engine import Picture

CARD = card("http://server/v1", {"pixels": {"min": 4096, "max": 16384}, "zoom_pixels": {"min": 1024, "max": 1024}})
GREY = Image.new("L", (100, 80), 90)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


NOISE = encoded(Image.effect_noise((100, 80), 90), "JPEG")


def sent(data: bytes, crop: Box | None = None) -> tuple[str, bytes]:
    kind, _, content = data_url(Picture(data, crop), CARD).url.partition(";base64,")
    return kind, base64.b64decode(content)


def shown(data: bytes, crop: Box | None = None) -> Image.Image:
    return Image.open(io.BytesIO(sent(data, crop)[1]))


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_picture_within_the_budget_goes_out_byte_for_byte(kind: str, mode: str) -> None:
    data = encoded(GREY.convert(mode), kind)
    assert sent(data) == (f"data:image/{kind.lower()}", data)


@pytest.mark.parametrize(
    "data",
    [
        encoded(GREY, "BMP"),
        encoded(GREY, "TIFF"),
        encoded(GREY, "WEBP", lossless=True),
        encoded(GREY.convert("RGBA"), "PNG"),
        encoded(GREY.convert("P"), "PNG"),
        encoded(Image.fromarray(np.full((80, 100), 90 << 8, dtype=np.uint16)), "PNG"),
    ],
    ids=["BMP", "TIFF", "WebP", "transparent", "palette", "16 bits"],
)
def test_what_not_every_server_reads_alike_goes_out_as_a_plain_png(data: bytes) -> None:
    assert sent(data)[0] == "data:image/png"
    image = shown(data)
    assert (image.mode, image.size) == ("RGB", (100, 80))
    assert np.asarray(image).mean() == pytest.approx(90, abs=1)


def test_a_picture_taken_sideways_goes_out_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert shown(encoded(GREY, "JPEG", exif=exif)).size == (80, 100)


def test_a_picture_taken_upright_with_a_note_goes_out_as_it_is() -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 1, "camera"
    data = encoded(GREY, "JPEG", exif=exif)
    assert sent(data) == ("data:image/jpeg", data)


@pytest.mark.parametrize(
    ("size", "wanted"), [((1000, 400), (192, 64)), ((20, 10), (96, 64))], ids=["too large", "too small"]
)
def test_a_picture_outside_the_budget_is_resized_into_it(size: tuple[int, int], wanted: tuple[int, int]) -> None:
    assert shown(encoded(GREY.resize(size), "JPEG")).size == wanted


def test_a_crop_is_cut_at_native_resolution_and_loses_nothing() -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (200, 300, 3), dtype=np.uint8))
    crop = shown(encoded(noise, "PNG"), Box(0.5, 0.5, 0.55, 0.55))
    assert crop.size == (32, 32)
    assert np.array_equal(np.asarray(crop), np.asarray(noise.crop((142, 89, 174, 121))))


def test_a_large_crop_is_brought_into_the_budget_of_zooms() -> None:
    assert shown(encoded(GREY, "PNG"), Box(0.0, 0.0, 1.0, 1.0)).size == (32, 32)


@pytest.mark.parametrize("crop", [None, Box(0.1, 0.1, 0.4, 0.4)])
@pytest.mark.parametrize("data", [b"", b"not a picture", encoded(GREY, "PNG")[:20], NOISE[:-200]])
def test_unreadable_bytes_are_refused(data: bytes, crop: Box | None) -> None:
    with pytest.raises(PictureError, match=r"empty|not a picture|damaged or cut off"):
        data_url(Picture(data, crop), CARD)


@pytest.mark.parametrize("kind", damaged())
@pytest.mark.parametrize("crop", [None, Box(0.1, 0.1, 0.4, 0.4)])
def test_no_server_is_asked_about_lost_pixels(kind: str, crop: Box | None) -> None:
    with pytest.raises(PictureError, match="damaged or cut off"):
        data_url(Picture(damaged()[kind], crop), CARD)


@pytest.mark.parametrize("data", [png16(samples(16, colour=True)), transparent()], ids=["16-bit colour", "transparent"])
def test_what_servers_read_differently_goes_out_decoded(data: bytes) -> None:
    kind, content = sent(data)
    assert kind == "data:image/png"
    assert content != data
    assert shown(data).mode == "RGB"


def test_the_pipelines_depth_goes_to_the_server() -> None:
    url = data_url(Picture(png16(samples(12)), bit_depth=12), CARD).url
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))))
    assert pixels.max() > 100


@given(
    st.tuples(st.integers(32, 2000), st.integers(32, 2000)).filter(lambda size: max(size) < 20 * min(size)),
    st.tuples(st.integers(64, 512), st.integers(64, 512)).map(sorted),
)
def test_a_resized_picture_is_whole_tokens_within_the_budget(size: tuple[int, int], tokens: list[int]) -> None:
    least, most = (count * TOKEN_PX**2 for count in tokens)
    area = size[0] * size[1]
    found = resized(Image.new("L", size), Pixels(min=least, max=most)).size
    if least <= area <= most:
        assert found == size
        return
    shrunk, scale = area > most, math.sqrt((most if area > most else least) / area)
    assert found[0] * found[1] <= most if shrunk else found[0] * found[1] >= least
    for new, old in zip(found, size, strict=True):
        assert new % TOKEN_PX == 0
        assert abs(new - old * scale) < TOKEN_PX
