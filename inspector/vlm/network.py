"""The forwards of one Qwen3-VL: pictures and preamble once into a prefix, then any number of rows that continue
from it. Knows tensors; no words, no questions.

Every forward gets explicit positions and masks: the model keeps no state between calls, so calls may alternate
between parts in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from inspector.errors import ModelError
from inspector.vlm.pictures import Patches

if TYPE_CHECKING:
    from transformers import Qwen3VLForConditionalGeneration


@dataclass(slots=True, eq=False, weakref_slot=True)
class KeptPrefix:
    """Keys and values of every layer, [1, heads, tokens, width]; nobody writes to them. None once closed.
    `position` is where the next token stands (pictures take fewer positions than tokens)."""

    layers: tuple[tuple[Tensor, Tensor], ...] | None
    tokens: int
    position: int


class Rows:
    """Continuations of one prefix that advance together. The layers of the model call `update` as they would
    a cache: it appends the new keys and values after the prefix's and hands back all of them."""

    def __init__(self, prefix: KeptPrefix, count: int, capacity: int) -> None:
        if prefix.layers is None:
            raise ModelError("the prefix is closed; open the pictures again")
        total = prefix.tokens + capacity
        self._layers = [(_room(keys, count, total), _room(values, count, total)) for keys, values in prefix.layers]
        device = prefix.layers[0][0].device
        self.visible = torch.ones(count, total, dtype=torch.bool, device=device)
        self.position = torch.full((count,), prefix.position, device=device)
        self.filled = prefix.tokens

    def update(self, keys: Tensor, values: Tensor, layer: int, *_: object, **__: object) -> tuple[Tensor, Tensor]:
        all_keys, all_values = self._layers[layer]
        end = self.filled + keys.shape[2]
        all_keys[:, :, self.filled : end] = keys
        all_values[:, :, self.filled : end] = values
        return all_keys[:, :, :end], all_values[:, :, :end]

    def keep(self, rows: Sequence[int]) -> None:
        """Drops all other rows."""
        chosen = torch.tensor(rows, dtype=torch.long, device=self.position.device)
        self._layers = [(keys[chosen], values[chosen]) for keys, values in self._layers]
        self.visible, self.position = self.visible[chosen], self.position[chosen]


class Network:
    """One model on one device. Not safe for threads: one thread makes all forwards."""

    def __init__(self, model: Qwen3VLForConditionalGeneration) -> None:
        self._model = model
        self._device = model.device

    @torch.inference_mode()
    def prefill(self, tokens: Sequence[int], patches: Patches) -> KeptPrefix:
        """Vision tower and prompt, once."""
        from transformers import DynamicCache

        ids = torch.tensor([tokens], device=self._device)
        grid = patches.grid.to(self._device)
        is_image = (ids == self._model.config.image_token_id).int()
        positions, _ = self._model.model.get_rope_index(ids, is_image, image_grid_thw=grid)
        cache = DynamicCache(config=self._model.config.text_config)
        self._model.model(
            input_ids=ids,
            position_ids=positions,
            pixel_values=patches.pixels.to(self._device),
            image_grid_thw=grid,
            past_key_values=cache,
            use_cache=True,
        )
        layers = tuple((layer.keys, layer.values) for layer in cache.layers)
        return KeptPrefix(layers, len(tokens), int(positions.max()) + 1)

    @torch.inference_mode()
    def advance(self, rows: Rows, tokens: Sequence[Sequence[int]]) -> Tensor:
        """Appends tokens to every row, and gives the logits [rows, vocabulary] after each row's last one.

        Shorter rows are padded on the left with tokens that nobody sees.
        """
        width = max(map(len, tokens))
        ids = torch.tensor([[0] * (width - len(row)) + list(row) for row in tokens], device=self._device)
        lengths = torch.tensor([len(row) for row in tokens], device=self._device)
        own = torch.arange(width, device=self._device) >= width - lengths[:, None]
        rows.visible[:, rows.filled : rows.filled + width] = own
        position = rows.position[:, None] + own.cumsum(1) - 1
        hidden = self._model.model.language_model(
            input_ids=ids,
            attention_mask=_mask(rows.visible, rows.filled, width),
            position_ids=position.clamp(min=0).expand(3, -1, -1),
            past_key_values=rows,
            use_cache=True,
        ).last_hidden_state
        rows.filled += width
        rows.position = rows.position + lengths
        logits: Tensor = self._model.lm_head(hidden[:, -1])
        return logits.float()


def _room(kept: Tensor, rows: int, total: int) -> Tensor:
    """The prefix's keys or values in every row, with room after them."""
    _, heads, tokens, width = kept.shape
    room = kept.new_empty(rows, heads, total, width)
    room[:, :, :tokens] = kept
    return room


def _mask(visible: Tensor, start: int, width: int) -> Tensor:
    """[rows, 1, width, start + width]: a token sees what is visible up to itself."""
    end = start + width
    columns = torch.arange(end, device=visible.device)
    causal = columns <= columns[start:, None]
    return (visible[:, None, :end] & causal)[:, None]
