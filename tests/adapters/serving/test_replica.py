"""A model replica is alive as long as its engine answers about a picture, and no longer."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

import pytest
from support.fakes import MemoryEvidence
from support.line_fakes import ScriptedEngine

from inspector.adapters.serving.replica import VisionModel
from inspector.domain.prompts import Question
from inspector.errors import ModelError
from inspector.ports.engine import Answer, Prefix


class Mute(ScriptedEngine):
    """Opens pictures, and answers nothing about them."""

    def ask(self, prefix: Prefix, questions: Sequence[Question]) -> AsyncGenerator[Answer, None]:
        return super().ask(prefix, [])


async def test_engine_that_answers_is_healthy_and_keeps_nothing_open() -> None:
    engine = ScriptedEngine()
    await VisionModel(engine, MemoryEvidence(), b"golden picture").check_health()
    assert [picture.data for picture in engine.opened[0].pictures] == [b"golden picture"]
    assert len(engine.asked) == 1
    assert engine.closed == engine.opened


async def test_dead_engine_is_unhealthy() -> None:
    engine = ScriptedEngine()
    engine.broken = True
    with pytest.raises(ModelError, match="broken"):
        await VisionModel(engine, MemoryEvidence(), b"golden picture").check_health()


async def test_engine_that_answers_nothing_is_unhealthy() -> None:
    engine = Mute()
    with pytest.raises(ModelError, match="no answer about the health check picture"):
        await VisionModel(engine, MemoryEvidence(), b"golden picture").check_health()
    assert engine.closed == engine.opened
