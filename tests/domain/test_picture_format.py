"""Picture formats by their signatures."""

from __future__ import annotations

import base64

import pytest

from inspector.domain.picture_format import (
    FORMATS,
    PictureFormat,
    foreign_content,
    format_of_media_type,
    picture_format,
)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\xff\xd8\xff\xe0", PictureFormat.JPEG),
        (b"\x89PNG\r\n\x1a\n", PictureFormat.PNG),
        (b"BM6", PictureFormat.BMP),
        (b"II*\0", PictureFormat.TIFF),
        (b"MM\0*", PictureFormat.TIFF),
        (b"II+\0", PictureFormat.TIFF),
        (b"MM\0+", PictureFormat.TIFF),
        (b"RIFF\n\0\0\0WEBP", PictureFormat.WEBP),
        (b"RIFF\0\0\0\0WAVE", None),
        (b"GIF89a", None),
        (b"", None),
    ],
)
def test_signature_names_the_format(data: bytes, expected: PictureFormat | None) -> None:
    assert picture_format(data) is expected


def test_every_media_type_names_its_format() -> None:
    for name, definition in FORMATS.items():
        assert {format_of_media_type(each) for each in definition.media_types} == {name}
    assert format_of_media_type("image/gif") is None


def test_suffixes_are_distinct() -> None:
    assert len({each.suffix for each in FORMATS.values()}) == len(FORMATS)


@pytest.mark.parametrize(
    "start", [b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"BM6\0", b"II*\0", b"MM\0*", b"RIFF\0\0"]
)
@pytest.mark.parametrize("before", [b"", b"\n", b'"'])
def test_base64_of_every_format_is_recognised(start: bytes, before: bytes) -> None:
    foreign = foreign_content(before + base64.b64encode(start + bytes(40)))
    assert foreign is not None
    assert foreign.name == "base64 text"
    assert "as they are" in foreign.remedy


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"data:image/jpeg;base64,/9j/4AAQ", "a data URI"),
        (b"DATA:;base64,/9j/", "a data URI"),
        (b"--XX\r\nContent-Disposition: form-data; name=f\r\n\r\n\xff\xd8\xff", "a multipart body"),
        (b"\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8\xff", "a multipart body"),
        (b"Content-Type: multipart/form-data\r\n", "a multipart body"),
        (b'{"image": "/9j/"}', "JSON text"),
        (b"<svg>", "XML or HTML text"),
        (b"GIF89a", "GIF"),
        (b"\0\0\0\x0cjP  \r\n", "JPEG 2000"),
        (b"\0\0\0\x1cftypavif", "AVIF"),
        (b"\0\0\0\x18ftypheic", "HEIC"),
        (b"PK\x03\x04", "a compressed archive"),
    ],
)
def test_what_is_no_accepted_picture_is_named(data: bytes, name: str) -> None:
    foreign = foreign_content(data)
    assert foreign is not None
    assert foreign.name == name


@pytest.mark.parametrize("data", [b"", b"--", b"hello", bytes(16), b"\xff\xd8\xff", b"-- \r\nx"])
def test_other_bytes_have_no_name(data: bytes) -> None:
    assert foreign_content(data) is None
