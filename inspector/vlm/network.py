"""The forwards of one Qwen3-VL: pictures and preamble once into a prefix, then any number of rows, of any number of
prefixes, one forward for all. Knows tensors; no words, no questions.

Every forward gets explicit positions: the model keeps no state between calls, so calls may alternate between parts in
any order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from inspector.vlm.attention import Attend, Kept, ends, register, shared
from inspector.vlm.packed import PrefixCache
from inspector.vlm.pictures import Patches
from inspector.vlm.rows import Advance, KeptPrefix, Rows

if TYPE_CHECKING:
    from transformers import Qwen3VLForConditionalGeneration


class Forward(NamedTuple):
    """One forward over some rows: the logits [rows, vocabulary] after each row's last token."""

    logits: Tensor
    steps: Sequence[Advance]

    def commit(self) -> None:
        """Makes the new tokens part of their rows; without it the forward might as well not have been."""
        for step in self.steps:
            step.commit()


class Network:
    """One model on one device. Not safe for threads: one thread makes all forwards. `attend` is how rows attend to
    their prefix; `attention.copied` is the reference for tests."""

    def __init__(self, model: Qwen3VLForConditionalGeneration, attend: Attend = shared) -> None:
        model.set_attn_implementation({"text_config": register()})
        self._model = model
        self._device = model.device
        self._attend = attend
        self._folds = model.config.text_config.num_attention_heads // model.config.text_config.num_key_value_heads

    @property
    def token_bytes(self) -> int:
        """What keys and values of one token take, all layers together."""
        text = self._model.config.text_config
        return int(2 * text.num_hidden_layers * text.num_key_value_heads * text.head_dim * self._model.dtype.itemsize)

    @torch.inference_mode()
    def prefill(self, tokens: Sequence[int], patches: Patches) -> KeptPrefix:
        """Vision tower and prompt, once."""
        ids = torch.tensor([tokens], device=self._device)
        grid = patches.grid.to(self._device)
        is_image = (ids == self._model.config.image_token_id).int()
        positions, _ = self._model.model.get_rope_index(ids, is_image, image_grid_thw=grid)
        cache = PrefixCache(config=self._model.config.text_config)
        with _overheard(self._model.model.visual) as said:
            self._model.model(
                input_ids=ids,
                position_ids=positions,
                pixel_values=patches.pixels.to(self._device),
                image_grid_thw=grid,
                past_key_values=cache,
                use_cache=True,
            )
        layers = tuple(Kept(layer.keys, layer.values) for layer in cache.layers)
        seen = _last_picture(said[-1].last_hidden_state, patches, self._model.model.visual.spatial_merge_size)
        return KeptPrefix(layers, len(tokens), int(positions.max()) + 1, seen, patches.window)

    @torch.inference_mode()
    def advance(self, batch: Sequence[tuple[Rows, Sequence[Sequence[int]]]]) -> Forward:
        """Appends tokens to every row, all in one forward."""
        steps = [Advance(rows, tokens, self._attend, self._folds, self._device) for rows, tokens in batch]
        ids = torch.tensor([[token for step in steps for token in step.ids]], device=self._device)
        positions = torch.tensor([place for step in steps for place in step.positions], device=self._device)
        hidden = self._model.model.language_model(
            input_ids=ids, position_ids=positions.expand(3, 1, -1), use_cache=False, segments=steps
        ).last_hidden_state
        return Forward(self._model.lm_head(hidden[0, ends(steps, self._device)]).float(), steps)


@contextmanager
def _overheard(module: torch.nn.Module) -> Iterator[list[Any]]:
    """What the module returns to whoever calls it meanwhile: pictures are encoded once, by the model's own forward."""
    said: list[Any] = []
    hook = module.register_forward_hook(lambda _module, _given, output: said.append(output))
    try:
        yield said
    finally:
        hook.remove()


def _last_picture(hidden: Tensor, patches: Patches, merged: int) -> Tensor:
    """[rows, columns, width] of the last of all pictures' patches, which come in squares of those that are merged."""
    _, rows, columns = patches.grid[-1].tolist()
    squares = hidden[-rows * columns :].reshape(rows // merged, columns // merged, merged, merged, -1)
    return squares.transpose(1, 2).reshape(rows, columns, -1)
