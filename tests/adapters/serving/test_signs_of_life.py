"""A replica gives signs until its first outcome; outcomes and errors pass unchanged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from contextvars import ContextVar

import pytest

from inspector.adapters.serving.signs_of_life import SignOfLife, with_signs

NOTED: ContextVar[str] = ContextVar("noted", default="")


async def slow(*outcomes: str, delay_s: float) -> AsyncIterator[str]:
    NOTED.set("part")
    for outcome in outcomes:
        await asyncio.sleep(delay_s)
        yield f"{outcome} of {NOTED.get()}"


async def test_signs_come_before_the_first_outcome_only() -> None:
    seen = [each async for each in with_signs(slow("a", "b", delay_s=0.25), 0.1)]
    assert seen[-2:] == ["a of part", "b of part"]
    assert seen[:-2] == [SignOfLife()] * len(seen[:-2])
    assert len(seen) >= 3


async def test_quick_outcome_needs_no_sign() -> None:
    assert [each async for each in with_signs(slow("a", delay_s=0.0), 5.0)] == ["a of part"]


async def test_error_passes() -> None:
    async def broken() -> AsyncIterator[str]:
        yield "a"
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        [each async for each in with_signs(broken(), 5.0)]


async def test_left_early_it_ends_what_it_reads() -> None:
    ended = asyncio.Event()

    async def endless() -> AsyncIterator[str]:
        try:
            await asyncio.sleep(1e9)
            yield "never"
        finally:
            ended.set()

    async with aclosing(with_signs(endless(), 0.01)) as signs:  # type: ignore[type-var]
        async for _ in signs:
            break
    assert ended.is_set()
