"""What the openai engine is asked in tests, and how it is brought up against a server."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from support.chat_server import ChatServer, Script, chat_server

from inspector.adapters.vlm import load
from inspector.domain.declared import Reasoning, ViewName
from inspector.domain.model_card import ModelCard
from inspector.domain.prompts import NO, YES, Question
from inspector.domain.report import JsonSchema
from inspector.ports.engine import Answer, Engine, Picture

PREAMBLE = "This picture shows a lamp on a production line. Known defects: glare.\n"
DIRECT = Question(ViewName.DIRECT, "Is there any defect on this lamp? Answer Yes or No.")
INVERTED = Question(ViewName.INVERTED, "Is this lamp free of any defect? Answer Yes or No.", NO, YES)
REPORT = "Report the most important defect as JSON."
START = '{"defect": "'
JPEG = io.BytesIO()
Image.new("RGB", (64, 64), (200, 10, 10)).save(JPEG, "JPEG")
PICTURE = Picture(JPEG.getvalue())


def draft(seed: int, text: str = "Any defect? Think, then write 'Verdict: Yes'.") -> Question:
    return Question(ViewName.DIRECT, text, reasoning=Reasoning.DRAFT, temperature=0.8, seed=seed, max_tokens=12)


def card(url: str, settings: dict[str, object] | None = None, **server: Any) -> ModelCard:
    declared = {"name": "lamps", "engine": "openai", "checkpoint": "tiny", "pixels": {"min": 4096, "max": 65536}}
    return ModelCard.model_validate({**declared, **(settings or {}), "server": {"base_url": url, **server}})


@asynccontextmanager
async def engine_of(script: Script, **server: Any) -> AsyncIterator[tuple[Engine, ChatServer]]:
    async with chat_server(script) as running:
        yield await loaded(card(running.url, **server)), running


async def loaded(chosen: ModelCard) -> Engine:
    return await asyncio.to_thread(load, chosen, Path())


async def answers(engine: Engine, questions: Sequence[Question]) -> list[Answer]:
    """All answers about one picture, in the order of the questions."""
    prefix = await engine.open([PICTURE], PREAMBLE)
    found = [answer async for answer in engine.ask(prefix, questions)]
    await engine.close(prefix)
    return sorted(found, key=lambda answer: answer.index)


async def written(engine: Engine, start: str = START, schema: JsonSchema | None = None) -> str:
    prefix = await engine.open([PICTURE], PREAMBLE)
    return (await engine.write(prefix, REPORT, start=start, max_tokens=20, schema=schema)).text
