"""A frame can't be constructed with invalid values."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from support.declarations import names, trigger_ids

from inspector.domain.frame import Frame, FrameKey
from inspector.errors import FrameError

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
FRAME = Frame(FrameKey("pcb", "cam1", "t-1"), b"", NOON)


@given(names, names, trigger_ids)
def test_any_names_make_a_frame(line: str, camera: str, trigger_id: str) -> None:
    key = Frame(FrameKey(line, camera, trigger_id), b"", NOON).key
    assert str(key) == f"{line}/{camera}/{trigger_id}"


@pytest.mark.parametrize("name", ["", "a b", "a/b", "+", "#", "$SYS", ".a", "-a", "ä", "a\n", "a\0", "x" * 65])
@pytest.mark.parametrize("field", ["line", "camera"])
def test_what_is_no_name_is_refused_by_field(field: str, name: str) -> None:
    with pytest.raises(FrameError, match=field):
        replace(FRAME, key=FRAME.key._replace(**{field: name}))


@pytest.mark.parametrize("trigger_id", ["", "a b", "a/b", ":a", "a\n", "x" * 129])
def test_what_is_no_id_is_refused(trigger_id: str) -> None:
    with pytest.raises(FrameError, match="trigger_id"):
        replace(FRAME, key=FRAME.key._replace(trigger_id=trigger_id))


@pytest.mark.parametrize(
    "field",
    [
        {"received_at": datetime(2026, 3, 2)},
        {"captured_at": datetime(2026, 3, 2)},
        {"deadline_ms": 0.0},
        {"deadline_ms": -5.0},
        {"deadline_ms": float("nan")},
        {"deadline_ms": float("inf")},
    ],
)
def test_times_that_say_nothing_are_refused(field: dict[str, Any]) -> None:
    with pytest.raises(FrameError, match=next(iter(field))):
        replace(FRAME, **field)
