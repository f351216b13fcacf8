"""What the C library is told to keep of freed memory."""

from __future__ import annotations

import ctypes
from types import SimpleNamespace

import pytest

from inspector.bootstrap.malloc_limits import LIMITS, OPERATORS_CHOICE, limit_kept_memory


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    for name in OPERATORS_CHOICE:
        monkeypatch.delenv(name, raising=False)
    told: list[tuple[int, int]] = []
    library = SimpleNamespace(mallopt=lambda parameter, value: told.append((parameter, value)))
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    return told


def test_limits_are_set(told: list[tuple[int, int]]) -> None:
    limit_kept_memory()
    assert told == list(LIMITS.items())


@pytest.mark.parametrize("name", OPERATORS_CHOICE)
def test_operators_choice_wins(name: str, told: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "4")
    limit_kept_memory()
    assert told == []


def test_a_library_without_the_function_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace())
    limit_kept_memory()
