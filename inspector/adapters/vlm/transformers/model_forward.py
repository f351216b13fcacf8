"""The forwards of one Qwen3-VL: pictures once into a prefix, then any number of rows, of any number of prefixes, one
forward for all. It reads prefixes, too, that were not read before: their tokens and those of their first rows share
one pass over the weights. Knows tensors; no words, no questions.

Every forward gets explicit positions: the model keeps no state between calls, so calls may alternate between parts in
any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import torch
from torch import Tensor

from inspector.adapters.vlm.transformers.batched_decode import Together, can_join
from inspector.adapters.vlm.transformers.images import Patches
from inspector.adapters.vlm.transformers.kv_cache import Advance, FirstReading, KeptPrefix, Rows, Unread
from inspector.adapters.vlm.transformers.kv_pages import Pages, Shape
from inspector.adapters.vlm.transformers.shared_prefix_attention import Attend, ends, register, shared

if TYPE_CHECKING:
    from transformers import Qwen3VLForConditionalGeneration


PREFIXES: Final = 8  # of a page
ROWS: Final = 64
Continued = tuple[Rows, Sequence[Sequence[int]]]  # and the tokens that each of them reads


class Forward(NamedTuple):
    """One forward over some rows: the logits [rows, vocabulary] after each row's last token."""

    logits: Tensor
    steps: Sequence[Step]

    def commit(self) -> None:
        """Makes the new tokens part of their prefixes and rows; without it the forward might as well not have been."""
        for step in self.steps:
            step.commit()


Step = FirstReading | Advance | Together


class Network:
    """One model on one device. Not safe for threads: one thread makes all forwards. `attend` is how rows attend to
    their prefix; `attention.copied` is the reference for tests."""

    def __init__(self, model: Qwen3VLForConditionalGeneration, attend: Attend = shared) -> None:
        model.set_attn_implementation({"text_config": register()})
        self._model = model
        self._device = model.device
        self._attend = attend
        text = model.config.text_config
        self._folds = text.num_attention_heads // text.num_key_value_heads
        shape = Shape(text.num_hidden_layers, text.num_key_value_heads, text.head_dim, model.dtype, model.device)
        self._prefixes, self._rows = Pages(shape, PREFIXES), Pages(shape, ROWS)

    @property
    def token_bytes(self) -> int:
        """What keys and values of one token take, all layers together."""
        text = self._model.config.text_config
        return int(2 * text.num_hidden_layers * text.num_key_value_heads * text.head_dim * self._model.dtype.itemsize)

    @torch.inference_mode()
    def look(self, tokens: Sequence[int], patches: Patches) -> KeptPrefix:
        """The vision tower, once; nothing is read yet."""
        model, ids, grid = self._model.model, torch.tensor([tokens], device=self._device), patches.grid.to(self._device)
        is_picture = ids == self._model.config.image_token_id
        positions, _ = model.get_rope_index(ids, is_picture.int(), image_grid_thw=grid)
        seen = model.get_image_features(patches.pixels.to(self._device), grid, return_dict=True)
        words, shown = model.get_input_embeddings()(ids), torch.cat(seen.pooler_output)
        everywhere, _ = model.get_placeholder_mask(ids, inputs_embeds=words, image_features=shown)
        embedded = words.masked_scatter(everywhere, shown.to(words.dtype))
        deepstack = [torch.cat(layer) for layer in seen.deepstack_features]
        unread = Unread(embedded[0], positions[:, 0], is_picture[0], deepstack)
        last = _last_picture(seen.last_hidden_state, patches, model.visual.spatial_merge_size)
        return KeptPrefix((), len(tokens), int(positions.max()) + 1, last, patches.window, unread)

    @torch.inference_mode()
    def advance(self, batch: Sequence[Continued]) -> Forward:
        """Appends tokens to every row, all in one forward, and reads the prefixes that were not read before."""
        readings = self._readings([rows.prefix for rows, _ in batch])
        joined: list[Continued] = []
        apart: list[Continued] = []
        for each in batch:
            (joined if self._attend is shared and can_join(*each) else apart).append(each)
        advances: list[Advance | Together] = [Together(joined, self._device)] if joined else []
        for rows, tokens in apart:
            reading = readings.get(rows.prefix)
            advances.append(Advance(rows, tokens, self._attend, self._folds, self._rows, reading))
        steps: list[Step] = [*readings.values(), *advances]
        hidden = self._model.model.language_model(
            **self._given([reading.unread for reading in readings.values()], advances), use_cache=False, segments=steps
        ).last_hidden_state
        read = ends(steps, self._device)[_as_asked(batch, [*joined, *apart])]
        return Forward(self._model.lm_head(hidden[0, read]).float(), steps)

    def _readings(self, prefixes: Sequence[KeptPrefix]) -> dict[KeptPrefix, FirstReading]:
        waiting = ((prefix, prefix.unread) for prefix in dict.fromkeys(prefixes))
        last = self._model.config.text_config.num_hidden_layers - 1
        return {
            prefix: FirstReading(prefix, unread, last, self._folds, self._prefixes)
            for prefix, unread in waiting
            if unread is not None
        }

    def _given(self, unread: Sequence[Unread], advances: Sequence[Advance | Together]) -> dict[str, Any]:
        """What the language model is given: unread prefixes, one after the other, then the tokens of all rows."""
        ids = torch.tensor([[token for step in advances for token in step.ids]], device=self._device)
        places = torch.tensor([place for step in advances for place in step.positions], device=self._device)
        words = self._model.get_input_embeddings()(ids)
        given = {
            "inputs_embeds": torch.cat([*(each.embedded[None] for each in unread), words], dim=1),
            "position_ids": torch.cat([*(each.positions for each in unread), places.expand(3, -1)], dim=1)[:, None],
        }
        if not any(each.deepstack for each in unread):
            return given
        is_picture = torch.cat([*(each.is_picture for each in unread), torch.zeros_like(places, dtype=torch.bool)])
        layers = zip(*(each.deepstack for each in unread), strict=True)
        return given | {
            "visual_pos_masks": is_picture[None],
            "deepstack_visual_embeds": [torch.cat(layer) for layer in layers],
        }


def _as_asked(batch: Sequence[Continued], made: Sequence[Continued]) -> list[int]:
    """Where each row of `batch` stands among those of `made`, the same ones in another order."""
    counts = [len(tokens) for _, tokens in made]
    firsts = dict(zip((rows for rows, _ in made), accumulate(counts, initial=0), strict=False))
    return [firsts[rows] + row for rows, tokens in batch for row in range(len(tokens))]


def _last_picture(hidden: Tensor, patches: Patches, merged: int) -> Tensor:
    """[rows, columns, width] of the last of all pictures' patches, which come in squares of those that are merged."""
    _, rows, columns = patches.grid[-1].tolist()
    squares = hidden[-rows * columns :].reshape(rows // merged, columns // merged, merged, merged, -1)
    return squares.transpose(1, 2).reshape(rows, columns, -1)
