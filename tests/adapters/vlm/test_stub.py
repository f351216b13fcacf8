"""The engine without a model."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from support.tiny_model import ONE_QUESTION, PREAMBLE, REPORT, card

from inspector.adapters.vlm import load
from inspector.adapters.vlm.stub import NG_SHARE, PART_SECONDS
from inspector.domain.report import read_box
from inspector.errors import ModelError
from inspector.ports.engine import Engine, Picture


async def judge(engine: Engine, data: bytes, rungs: int = 1) -> list[float | None]:
    prefix = await engine.open([Picture(data)], PREAMBLE)
    found = [answer.p_ng for _ in range(rungs) async for answer in engine.ask(prefix, [ONE_QUESTION])]
    await engine.close(prefix)
    return found


def stub() -> Engine:
    return load(card(engine="stub"), Path())


async def test_answers_come_from_the_pictures_bytes_alone() -> None:
    assert await judge(stub(), b"part 1", 3) == await judge(stub(), b"part 1", 3)


async def test_some_parts_are_ng() -> None:
    engines = [stub() for _ in range(200)]
    found = await asyncio.gather(*(judge(engine, f"part {n}".encode()) for n, engine in enumerate(engines)))
    assert sum(p_ng is not None and p_ng > 0.5 for (p_ng,) in found) == pytest.approx(200 * NG_SHARE, abs=12)


async def test_one_replica_takes_its_time_for_every_part_one_after_another() -> None:
    engine, start = stub(), time.monotonic()
    await asyncio.gather(*(judge(engine, bytes([n]), rungs=3) for n in range(5)))
    assert time.monotonic() - start >= 5 * PART_SECONDS * 0.95


async def test_a_checkpoint_may_say_how_long_a_part_takes() -> None:
    engine, start = load(card(engine="stub", checkpoint="60ms"), Path()), time.monotonic()
    await asyncio.gather(*(judge(engine, bytes([n])) for n in range(3)))
    assert time.monotonic() - start >= 3 * 0.060 * 0.95


async def test_it_writes_a_report_that_begins_as_told() -> None:
    engine = stub()
    prefix = await engine.open([Picture(b"part")], PREAMBLE)
    for start in ('{"defect": "', '{"bbox_2d": ['):
        written = await engine.write(prefix, REPORT, start=start, max_tokens=96)
        assert written.text.startswith(start)
        assert read_box(written.text) is not None


async def test_a_closed_prefix_is_not_answered_from() -> None:
    engine = stub()
    prefix = await engine.open([Picture(b"part")], PREAMBLE)
    await engine.close(prefix)
    await engine.close(prefix)
    with pytest.raises(ModelError, match="prefix is closed"):
        await engine.write(prefix, REPORT, start="{", max_tokens=4)
