"""How answers of an engine are asked for in tests, and when they are the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from support.tiny_model import PREAMBLE

from inspector.domain.prompts import Question
from inspector.ports.engine import Answer, Engine, Picture


async def answers(engine: Engine, pictures: Sequence[Picture], questions: Sequence[Question]) -> list[Answer]:
    """All answers about these pictures, in the order of the questions."""
    prefix = await engine.open(pictures, PREAMBLE)
    found = [answer async for answer in engine.ask(prefix, questions)]
    await engine.close(prefix)
    return sorted(found, key=lambda answer: answer.index)


def same(some: Sequence[Answer], others: Sequence[Answer]) -> bool:
    """The same texts, and the same probabilities but for the order in which numbers were added up."""
    return all(
        replace(one, p_ng=None, p_true=None, readable=1.0) == replace(other, p_ng=None, p_true=None, readable=1.0)
        and one.readable == pytest.approx(other.readable, abs=1e-5)
        and one.p_ng == pytest.approx(other.p_ng, abs=1e-5)
        and one.p_true == pytest.approx(other.p_true, abs=1e-5)
        for one, other in zip(some, others, strict=True)
    )
