"""A checkpoint asked directly, one question at a time: what evaluation needs of it, without the service's engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoTokenizer, Qwen3VLForConditionalGeneration

from inspector import view
from inspector.report import Box, read_box
from inspector.training.dialogue import Row, Scribe, append
from inspector.training.language_stage import answer
from inspector.training.lessons import Kind, Lesson
from inspector.training.tower import Features, patchify, see
from inspector.training.vocabulary import TURN_END

Frames = Sequence[NDArray[np.uint8]]


class Witness:
    """Loads a checkpoint folder; pictures are SIDE pixels square."""

    def __init__(self, folder: Path) -> None:
        self._model: Any = Qwen3VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        self._scribe = Scribe(self._tokenizer)
        self._end = self._tokenizer.convert_tokens_to_ids(TURN_END)

    @torch.no_grad()
    def p_yes(self, pictures: Frames, preamble: str, questions: Sequence[str]) -> list[float]:
        """Probability of Yes against No, for each question about the same pictures."""
        lessons = [Lesson(Kind.VERDICT, question) for question in questions]
        rows = self._scribe.collate([self._scribe.row(len(pictures), preamble, lessons)])
        logits = answer(self._model, rows, self._see(pictures))
        return [float(pair[0]) for pair in logits.gather(1, rows.target_ids).softmax(-1)]

    def write(self, pictures: Frames, preamble: str, request: str, start: str, limit: int) -> str:
        """Greedy text, `start` included."""
        lesson = Lesson(Kind.TEXT, request, start=start)
        row, seen = self._scribe.row(len(pictures), preamble, [lesson]), self._see(pictures)
        said: list[int] = []
        while len(said) < limit and (token := self._next(row, seen)) != self._end:
            said.append(token)
            append(row, [token], 1)
        return start + str(self._tokenizer.decode(said))

    def locate(self, pictures: Frames, preamble: str) -> Box | None:
        """Where the model points."""
        return read_box(self.write(pictures, preamble, view.LOCATE_REQUEST, '{"bbox_2d": [', view.LOCATE_TOKENS))

    @torch.no_grad()
    def _see(self, pictures: Frames) -> Features:
        return see(self._model.model.visual, patchify(np.stack(pictures)))

    @torch.no_grad()
    def _next(self, row: Row, seen: Features) -> int:
        rows = self._scribe.collate([row])
        last = rows._replace(target_row=torch.tensor([0]), target_at=torch.tensor([len(row.ids) - 1]))
        return int(answer(self._model, last, seen)[0].argmax())
