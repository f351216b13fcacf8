"""The names by which a frame may call one of the line's golden samples."""

from __future__ import annotations

import pytest

from inspector.domain.templates import NO_TEMPLATE, template_sha256
from inspector.errors import PictureError

DECLARED = ("golden/top/board.png", "golden/bottom/board.png", "golden/cap.v2.jpg")
STORED = ("a" * 64, "b" * 64, "c" * 64)


@pytest.mark.parametrize(
    ("name", "sha256"),
    [
        (None, NO_TEMPLATE),
        ("golden/top/board.png", "a" * 64),
        ("top/board.png", "a" * 64),
        ("bottom/board", "b" * 64),
        ("cap.v2.jpg", "c" * 64),
        ("cap.v2", "c" * 64),
        ("c" * 64, "c" * 64),
    ],
)
def test_a_path_its_end_or_a_sha256_names_a_golden_sample(name: str | None, sha256: str) -> None:
    assert template_sha256(name, DECLARED, STORED) == sha256


@pytest.mark.parametrize("name", ["", "/", ".", "..", "oard.png", "cap", "BOARD.PNG", "top", "x/golden/top/board.png"])
def test_another_name_is_not_stored(name: str) -> None:
    with pytest.raises(PictureError, match="is not stored; add it to the line's golden_samples"):
        template_sha256(name, DECLARED, STORED)


def test_a_name_of_two_different_pictures_is_refused() -> None:
    with pytest.raises(PictureError, match="names 2 golden samples; send the whole path"):
        template_sha256("board.png", DECLARED, STORED)
    assert template_sha256("board.png", DECLARED, ("a" * 64, "a" * 64, "c" * 64)) == "a" * 64
