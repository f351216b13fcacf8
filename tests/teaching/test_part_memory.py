"""The memory of reviewed parts: what it finds, its bytes, and its error by the number of reviews."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.errors import InspectorError
from inspector.teaching import part_memory
from inspector.teaching.part_memory import (
    DOCUMENT,
    LOOKS,
    SCHEMA,
    WIDTH,
    PartMemory,
    RememberedPart,
    error_curve,
    read_part_memory,
)

REGION = (0.0, 0.0, 0.5, 1.0)


def a_look(kind: int, seed: int = 0, noise: float = 0.3) -> np.ndarray:
    base = np.random.default_rng(1000 + kind).normal(size=WIDTH)
    return np.asarray(base + noise * np.random.default_rng(seed).normal(size=WIDTH), np.float32)


def a_remembered(name: int, is_ng: bool, kind: int, **other: Any) -> RememberedPart:
    return RememberedPart(f"{name:064x}", is_ng, a_look(kind, name), **other)


PARTS = [a_remembered(number, number % 4 >= 2, number % 4) for number in range(40)]


def test_the_nearest_part_of_each_label_is_found() -> None:
    found = PartMemory.of(PARTS).similar(a_look(1, 999), None)
    assert found is not None
    named = {part.sha256: part for part in PARTS}
    assert (named[found.ok].is_ng, named[found.ng].is_ng) == (False, True)
    assert int(found.ok, 16) % 4 == 1


@pytest.mark.parametrize(
    "kept", [[], [part for part in PARTS if part.is_ng], [part for part in PARTS if not part.is_ng]]
)
def test_without_a_part_of_each_label_there_is_nothing_to_show(kept: list[RememberedPart]) -> None:
    assert PartMemory.of(kept).similar(a_look(1), None) is None


def test_parts_of_another_region_are_not_shown() -> None:
    memory = PartMemory.of([part._replace(region=REGION) for part in PARTS])
    assert memory.similar(a_look(1), None) is None
    assert memory.similar(a_look(1), REGION) is not None


def test_only_the_newest_parts_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part_memory, "MAX_PARTS", 8)
    assert [int(part.sha256, 16) for part in PartMemory.of(PARTS).parts] == list(range(32, 40))


def test_bytes_hold_the_whole_memory() -> None:
    memory = PartMemory.of([*PARTS, a_remembered(99, False, 0, region=REGION)])
    read = read_part_memory(memory.to_bytes())
    assert [(part.sha256, part.is_ng, part.region) for part in read.parts] == [
        (part.sha256, part.is_ng, part.region) for part in memory.parts
    ]
    assert np.array_equal(read.looks, memory.looks)
    assert read.similar(a_look(2), None) == memory.similar(a_look(2), None)


def stored(document: object, looks: np.ndarray) -> bytes:
    file = io.BytesIO()
    arrays: dict[str, Any] = {LOOKS: looks, DOCUMENT: np.frombuffer(json.dumps(document).encode(), np.uint8)}
    np.savez(file, **arrays)
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04 damaged",
        stored({"schema": "other", "parts": []}, np.zeros((0, WIDTH))),
        stored({"schema": SCHEMA, "parts": [["../../etc/passwd", True, None]]}, np.zeros((1, WIDTH))),
        stored({"schema": SCHEMA, "parts": [["a" * 64, True, None]]}, np.zeros((2, WIDTH))),
        stored({"schema": SCHEMA, "parts": [["a" * 64, True, None]]}, np.full((1, WIDTH), np.nan)),
    ],
)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(InspectorError, match="inspector remember"):
        read_part_memory(data)


@given(st.binary(max_size=400))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    with pytest.raises(InspectorError):
        read_part_memory(data)


def test_more_reviews_of_a_line_with_many_kinds_lower_the_error() -> None:
    rng = np.random.default_rng(3)
    parts = [a_remembered(number, kind >= 30, kind) for number, kind in enumerate(rng.integers(0, 60, 600).tolist())]
    curve = error_curve(PartMemory.of(parts))
    assert [point.reviews for point in curve] == [10, 20, 30, 50, 100, 200, 500, 600]
    assert curve[-1].balanced_error < 0.05 < curve[2].balanced_error


def test_parts_of_its_own_group_do_not_help_a_part() -> None:
    """Frames of one part look alike: counting them would flatter the memory."""
    parts = [a_remembered(number, number % 2 == 1, number // 2, group=f"part {number // 4}") for number in range(100)]
    ungrouped = error_curve(
        PartMemory.of([part._replace(look=a_look(int(part.sha256, 16) // 4), group="") for part in parts])
    )
    assert error_curve(PartMemory.of(parts)) != ungrouped
    alone = error_curve(PartMemory.of([part._replace(group="one lot") for part in parts]))
    assert alone == []
