"""Encodes training examples as tokens: one row holds the prefix with the pictures once, followed by all questions.

Each question attends to the prefix and to itself only, at the positions that it would have alone. The result equals one
row per question at a third of the cost. The checkpoint's own chat template renders the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from inspector.lab.training.architecture import QUESTION_GRID_SIDE, VISUAL_TOKENS
from inspector.lab.training.training_examples import ExampleKind, TrainingExample
from inspector.lab.training.training_pictures import CLASSES
from inspector.lab.training.vocabulary import IMAGE, TURN_END, coordinate_words

# Target shares of a coordinate word (in the middle) and of its two neighbours on each side.
COORDINATE_SPREAD: Final = (0.1, 0.22, 0.36, 0.22, 0.1)
VERDICT_WEIGHT: Final = 3.0  # loss weights of a target token, by kind
DRAFT_WEIGHT: Final = 0.15
TEXT_WEIGHT: Final = 0.25
COORDINATE_WEIGHT: Final = 1.0
CLASS_WEIGHT: Final = 1.5
PLACEHOLDER: Final = "\x00"  # marks the place of the question while the template is rendered


class Target(NamedTuple):
    """The wanted next tokens at one position: token ids, their shares, and the weight in the loss.

    `ng_sign` is 1 where the first token calls the part NG, -1 where it calls the part good, else 0.
    """

    at: int
    ids: tuple[int, ...]
    shares: tuple[float, ...]
    weight: float
    ng_sign: int = 0


@dataclass(slots=True)
class PackedRow:
    """One packed row while it is built; `segment` is 0 in the prefix and k in the k-th question."""

    ids: list[int] = field(default_factory=list)
    segment: list[int] = field(default_factory=list)
    positions: list[tuple[int, int, int]] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)


class RowBatch(NamedTuple):
    """A padded batch of rows; the `target_*` tensors list all targets with their row and position."""

    ids: Tensor
    positions: Tensor
    allowed: Tensor
    target_row: Tensor
    target_at: Tensor
    target_ids: Tensor
    target_shares: Tensor
    target_weight: Tensor
    target_ng_sign: Tensor

    def to(self, device: torch.device) -> RowBatch:
        """Return the batch on another device."""
        return RowBatch(*(each.to(device) for each in self))


class TemplateParts(NamedTuple):
    """The text of the chat template before the preamble and after the question."""

    opening: str
    closing: str


class ExampleEncoder:
    """Encodes examples as rows with one tokenizer."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._tokenizer = tokenizer
        self._image = tokenizer.convert_tokens_to_ids(IMAGE)
        self._end = tokenizer.convert_tokens_to_ids(TURN_END)
        self._pad = tokenizer.pad_token_id
        self._coordinates = {self._encode(text)[0]: index for index, text in enumerate(coordinate_words())}
        self._coordinate_ids = list(self._coordinates)
        self._classes = {self._encode(name)[0] for name in CLASSES}
        self._parts = {pictures: self._template_parts(pictures) for pictures in (1, 2)}

    def row(self, pictures: int, preamble: str, examples: Sequence[TrainingExample]) -> PackedRow:
        """Encode one row with the given number of pictures; all examples share the prefix."""
        row = PackedRow()
        for token in self._encode(self._parts[pictures].opening + preamble):
            if token == self._image:
                _append_picture(row, token)
            else:
                append_text(row, [token], 0)
        start = 1 + max(max(place) for place in row.positions)
        for segment, example in enumerate(examples, 1):
            self._append_example(row, segment, start, example, self._parts[pictures].closing)
        return row

    def collate(self, rows: Sequence[PackedRow]) -> RowBatch:
        """Pad rows to one length and collect their targets."""
        longest = max(len(row.ids) for row in rows)
        ids = torch.full((len(rows), longest), self._pad)
        positions = torch.zeros((3, len(rows), longest), dtype=torch.long)
        segments = torch.full((len(rows), longest), -1)
        for index, row in enumerate(rows):
            ids[index, : len(row.ids)] = torch.tensor(row.ids)
            positions[:, index, : len(row.ids)] = torch.tensor(row.positions).T
            segments[index, : len(row.ids)] = torch.tensor(row.segment)
        return RowBatch(ids, positions, _attention_mask(segments), *_target_tensors(rows))

    def _template_parts(self, pictures: int) -> TemplateParts:
        """Render the chat template with a placeholder and split it there."""
        content: list[dict[str, str]] = [{"type": "image"}] * pictures + [{"type": "text", "text": PLACEHOLDER}]
        text: Any = self._tokenizer.apply_chat_template(
            [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
        )
        return TemplateParts(*text.split(PLACEHOLDER))

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False)
        return ids

    def _append_example(self, row: PackedRow, segment: int, start: int, example: TrainingExample, closing: str) -> None:
        """Append question, prefill and answer of one example, with its targets."""
        append_text(row, self._encode(example.question + closing), segment, start)
        if example.prefill:
            append_text(row, self._encode(example.prefill), segment)
        if example.kind is ExampleKind.VERDICT:
            shares = (example.p_yes, 1.0 - example.p_yes)
            first, second = (self._encode(word)[0] for word in example.words)
            row.targets.append(Target(len(row.ids) - 1, (first, second), shares, VERDICT_WEIGHT, example.ng_sign))
            return
        for token in [*self._encode(example.answer), self._end]:
            row.targets.append(self._target(len(row.ids) - 1, token, example.kind))
            append_text(row, [token], segment)

    def _target(self, at: int, token: int, kind: ExampleKind) -> Target:
        """Return the target for an answer token; a coordinate's share is spread over its neighbours."""
        if kind is ExampleKind.DRAFT:
            return Target(at, (token,), (1.0,), DRAFT_WEIGHT)
        if token not in self._coordinates:
            return Target(at, (token,), (1.0,), CLASS_WEIGHT if token in self._classes else TEXT_WEIGHT)
        middle, last = self._coordinates[token], len(self._coordinate_ids) - 1
        near = [min(max(middle + step, 0), last) for step in (-2, -1, 0, 1, 2)]
        return Target(at, tuple(self._coordinate_ids[index] for index in near), COORDINATE_SPREAD, COORDINATE_WEIGHT)


def append_text(row: PackedRow, tokens: Sequence[int], segment: int, start: int | None = None) -> None:
    """Append tokens; positions continue from `start`, or from the end of the row."""
    after = 1 + max(row.positions[-1]) if row.positions else 0
    first = after if start is None else start
    row.ids += tokens
    row.segment += [segment] * len(tokens)
    row.positions += [(place,) * 3 for place in range(first, first + len(tokens))]


def _append_picture(row: PackedRow, token: int) -> None:
    """Append a picture's visual tokens with positions of one time step, then row and column."""
    first = 1 + max(row.positions[-1])
    row.ids += [token] * VISUAL_TOKENS
    row.segment += [0] * VISUAL_TOKENS
    row.positions += [
        (first, first + y, first + x) for y in range(QUESTION_GRID_SIDE) for x in range(QUESTION_GRID_SIDE)
    ]


def _attention_mask(segments: Tensor) -> Tensor:
    """Return a mask [rows, 1, to, from]: backwards within the own question, or to the prefix.

    Padding attends to itself, so that no position has an empty mask.
    """
    same = segments[:, :, None] == segments[:, None, :]
    prefix = (segments == 0)[:, None, :]
    causal = torch.ones(segments.shape[1], segments.shape[1], dtype=torch.bool).tril()
    return ((same | prefix) & causal)[:, None]


def _target_tensors(rows: Sequence[PackedRow]) -> tuple[Tensor, ...]:
    """Return row, position, ids, shares, weight and sign of all targets."""
    listed = [(index, target) for index, row in enumerate(rows) for target in row.targets]
    width = max(len(target.ids) for _, target in listed)
    ids, shares = np.zeros((len(listed), width), np.int64), np.zeros((len(listed), width), np.float32)
    for line, (_, target) in enumerate(listed):
        ids[line, : len(target.ids)], shares[line, : len(target.ids)] = target.ids, target.shares
    return (
        torch.tensor([index for index, _ in listed]),
        torch.tensor([target.at for _, target in listed]),
        torch.from_numpy(ids),
        torch.from_numpy(shares),
        torch.tensor([target.weight for _, target in listed]),
        torch.tensor([target.ng_sign for _, target in listed]),
    )
