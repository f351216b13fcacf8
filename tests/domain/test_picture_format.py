"""Picture formats by their signatures."""

from __future__ import annotations

import pytest

from inspector.domain.picture_format import FORMATS, PictureFormat, format_of_media_type, picture_format


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
