"""An engine whose answers depend on the picture, and which writes a scripted checklist."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

from support.line_fakes import KeptPrefix, ScriptedEngine

from inspector.domain.cameras import Region
from inspector.domain.prompts import ANSWER, Question
from inspector.ports.engine import Answer, Prefix

Sees = Callable[[bytes, str], float | None]  # picture and question → p_ng


class SeeingEngine(ScriptedEngine):
    """`written` is its checklist, class by class; `requests` holds the requests to write.

    `regions` holds the region of each picture that it was asked about.
    """

    def __init__(self, written: Mapping[str, object], sees: Sees = lambda _picture, _question: 0.02) -> None:
        super().__init__()
        self.sees = sees
        self.requests: list[str] = []
        self.regions: list[Region | None] = []
        self._written = json.dumps(written) if written else ""
        self.writer = self._write

    def _write(self, request: str, start: str) -> str:
        self.requests.append(request)
        return self._written or start

    async def ask(self, prefix: Prefix, questions: Sequence[Question]) -> AsyncGenerator[Answer, None]:
        assert isinstance(prefix, KeptPrefix)
        self.asked += questions
        self.regions.append(prefix.pictures[-1].region)
        for index, question in enumerate(questions):
            said = self.sees(prefix.pictures[-1].data, question.text.removesuffix(ANSWER))
            yield Answer(index, said, 1, "")
