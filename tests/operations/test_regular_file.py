"""A pipe or a device where a file is expected is refused at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from inspector.domain.picture_format import MAX_PICTURE_BYTES
from inspector.errors import DeclarationError
from inspector.operations.apply import read_pipelines
from inspector.operations.regular_file import picture_bytes, regular_bytes
from inspector.operations.replay import read_labels


def test_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc" * 100_000)
    assert regular_bytes(tmp_path / "file") == b"abc" * 100_000


@pytest.mark.timeout(30)
def test_pipe_and_device_are_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    for name in ("pipe", "link"):
        with pytest.raises(OSError, match="not a file"):
            regular_bytes(tmp_path / name)


@pytest.mark.timeout(30)
def test_pipe_among_pipelines_is_a_fault_with_a_remedy(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "line.yaml")
    with pytest.raises(DeclarationError, match="not a file"):
        read_pipelines(tmp_path)


def test_picture_that_no_line_takes_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "huge.png").touch()
    os.truncate(tmp_path / "huge.png", 2**40)
    with pytest.raises(OSError, match=f"more than {MAX_PICTURE_BYTES:,}"):
        picture_bytes(tmp_path / "huge.png")
    (tmp_path / "whole.png").write_bytes(b"abc")
    assert picture_bytes(tmp_path / "whole.png") == b"abc"


@pytest.mark.parametrize(
    "boxes", ["[[0, 0, NaN, 1]]", "[[0, 0, 1e999, 1]]", "[[5, 0, 5, 1]]", "[[-1, 0, 5, 1]]", "[[9, 0, 5, 1]]"]
)
def test_box_without_extent_is_a_fault_with_its_row(tmp_path: Path, boxes: str) -> None:
    (tmp_path / "a.png").write_bytes(b"abc")
    (tmp_path / "labels.csv").write_text(f'image,verdict,boxes\na.png,ng,"{boxes}"\n')
    with pytest.raises(DeclarationError, match="is no list of boxes"):
        read_labels(tmp_path)
