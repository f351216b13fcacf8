"""An engine without a model, for measuring everything else (`inspector bench service`).

A part takes 20 ms, one part at a time as on a real accelerator; the checkpoint `150ms` takes longer. Answers depend on
the picture's bytes only.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from inspector.domain.prompts import Question
from inspector.domain.report import WHOLE_FRAME, Box, JsonSchema
from inspector.errors import ModelError
from inspector.ports.engine import Answer, GeneratedText, PatchMap, Picture, Prefix

PART_SECONDS: Final = 0.020
NG_SHARE: Final = 0.1  # share of all pictures
P_NG: Final = 0.98  # confidence of either answer: high enough to settle at the first rung
REPORT: Final = '{"defect": "other", "severity": "minor", "bbox_2d": [100, 100, 300, 300], "description": "stub"}'


@dataclass(slots=True)
class StubPrefix:
    """`done_at` is the end of its turn on the event loop's clock; None before the first question."""

    digest: bytes
    tokens: int = 1
    done_at: float | None = None
    closed: bool = False
    window: Box = WHOLE_FRAME
    scale: float = 1.0


class StubEngine:
    """Deterministic: the same pictures get the same answers to any question, of any checkpoint.

    Another checkpoint is another model all the same, as a swapped one that agrees would be.
    """

    def __init__(self, checkpoint: str = "none") -> None:
        self._checkpoint = checkpoint
        self._part_s = _part_seconds(checkpoint)
        self._free_at = 0.0

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(f"stub/1/{self._checkpoint}".encode()).hexdigest()[:16]

    async def open(self, pictures: Sequence[Picture], preamble: str) -> StubPrefix:
        seen = hashlib.sha256(preamble.encode())
        for picture in pictures:
            seen.update(picture.data)
        return StubPrefix(seen.digest())

    async def ask(self, prefix: Prefix, questions: Sequence[Question]) -> AsyncGenerator[Answer, None]:
        kept = await self._run(prefix)
        ng = int.from_bytes(kept.digest[:4]) < NG_SHARE * 2**32
        for index in range(len(questions)):
            yield Answer(index, P_NG if ng else 1.0 - P_NG, 0, "")

    async def write(
        self,
        prefix: Prefix,
        request: str,  # noqa: ARG002
        *,
        start: str,
        max_tokens: int,
        schema: JsonSchema | None = None,  # noqa: ARG002
        urgent: bool = False,  # noqa: ARG002
    ) -> GeneratedText:
        await self._run(prefix)
        text = REPORT if REPORT.startswith(start) else start + REPORT
        return GeneratedText(text, min(len(text), max_tokens))

    async def features(self, prefix: Prefix) -> PatchMap:
        await self._run(prefix)
        return np.ones((1, 1, 1), np.float32)

    async def close(self, prefix: Prefix) -> None:
        _own(prefix).closed = True

    async def _run(self, prefix: Prefix) -> StubPrefix:
        kept = _own(prefix)
        if kept.closed:
            raise ModelError("the prefix is closed; open the pictures again")
        now = asyncio.get_running_loop().time()
        if kept.done_at is None:  # parts follow each other without a gap, as on an accelerator with a queue
            kept.done_at = self._free_at = max(self._free_at, now) + self._part_s
        await asyncio.sleep(max(0.0, kept.done_at - now))
        return kept


def _own(prefix: Prefix) -> StubPrefix:
    if not isinstance(prefix, StubPrefix):
        raise ModelError(f"{type(prefix).__name__} was opened by another engine")
    return prefix


def _part_seconds(checkpoint: str) -> float:
    written = re.fullmatch(r"(\d{1,5})ms", checkpoint)
    return int(written[1]) / 1000.0 if written else PART_SECONDS
