"""A pipe or a device where a file is expected is refused at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from inspector.errors import DeclarationError
from inspector.operations.apply import read_pipelines
from inspector.operations.regular_file import regular_bytes


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
