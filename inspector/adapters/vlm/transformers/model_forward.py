"""Forwards of one Qwen3-VL: pictures once into a prefix, then any number of rows of any prefixes in one forward.

A forward also reads prefixes that were not read before: their tokens and those of their first rows share one pass over
the weights. Every forward gets explicit positions. The model keeps no state between calls, so calls may alternate
between parts. Knows tensors; no words, no questions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from itertools import accumulate, chain, repeat
from typing import TYPE_CHECKING, Final, NamedTuple

import torch
from torch import Tensor

from inspector.adapters.vlm.transformers.batched_decode import BatchedDecode, can_join
from inspector.adapters.vlm.transformers.cuda_graph import GraphCache, Work
from inspector.adapters.vlm.transformers.decode_graph import (
    TOKEN_COUNTS,
    DecodeForm,
    DecodeGraphSegment,
    DecodeGraphStep,
)
from inspector.adapters.vlm.transformers.images import PatchBatch
from inspector.adapters.vlm.transformers.kv_cache import (
    KeptPrefix,
    PrefixPrefill,
    RowAdvance,
    SequenceRows,
    UnreadPrefix,
    row_layout,
)
from inspector.adapters.vlm.transformers.kv_pages import KVPages, KVShape
from inspector.adapters.vlm.transformers.prefix_graph import PrefixForm, PrefixGraphSegment, PrefixGraphStep
from inspector.adapters.vlm.transformers.shared_prefix_attention import (
    Attend,
    RowLayout,
    Segment,
    end_indices,
    register_attention,
    shared_prefix,
)
from inspector.adapters.vlm.transformers.vision_tower import VisionTower

if TYPE_CHECKING:
    from transformers import Qwen3VLForConditionalGeneration


PREFIXES_PER_PAGE: Final = 8  # slots of a page
ROWS_PER_PAGE: Final = 64
MAX_KNOWN_LAYOUTS: Final = 64  # of first rows, which recur with every part
RowTokens = tuple[SequenceRows, Sequence[Sequence[int]]]  # rows, and the tokens that each of them reads


class ModelForward(NamedTuple):
    """One forward over some rows: the logits [rows, vocabulary] after each row's last token."""

    logits: Tensor
    steps: Sequence[Step]

    def commit(self) -> None:
        """Append the new tokens to their prefixes and rows. Without it the forward has no effect."""
        for step in self.steps:
            step.commit()


PlainStep = PrefixPrefill | RowAdvance | BatchedDecode
GraphStep = PrefixGraphStep | DecodeGraphStep
Step = PlainStep | GraphStep


class VisionLanguageModel:
    """One model on one device. Not thread-safe: one thread runs all forwards.

    `attend` is how rows attend to their prefix; `copied_prefix` is the reference for tests. `graphs` launches what
    recurs as a whole; None launches every operation by itself.
    """

    def __init__(
        self,
        model: Qwen3VLForConditionalGeneration,
        attend: Attend = shared_prefix,
        graphs: GraphCache | None = None,
    ) -> None:
        model.set_attn_implementation({"text_config": register_attention()})
        self._model = model
        self._device = model.device
        self._attend = attend
        self._graphs = graphs if attend is shared_prefix else None
        self._tower = VisionTower(model.model.visual, self._graphs)
        text = model.config.text_config
        self._folds = text.num_attention_heads // text.num_key_value_heads
        shape = KVShape(text.num_hidden_layers, text.num_key_value_heads, text.head_dim, model.dtype, model.device)
        self._prefixes, self._rows = KVPages(shape, PREFIXES_PER_PAGE), KVPages(shape, ROWS_PER_PAGE)
        self._layout: Callable[[tuple[int, ...]], RowLayout] = lru_cache(MAX_KNOWN_LAYOUTS)(self._first_layout)

    @property
    def token_bytes(self) -> int:
        """The size of one token's keys and values over all layers."""
        text = self._model.config.text_config
        return int(2 * text.num_hidden_layers * text.num_key_value_heads * text.head_dim * self._model.dtype.itemsize)

    @torch.inference_mode()
    def look(self, tokens: Sequence[int], patches: PatchBatch) -> KeptPrefix:
        """Run the vision tower once. The language model reads nothing yet."""
        model, ids = self._model.model, torch.tensor([tokens])  # on the CPU: reading from a GPU waits for it
        is_picture = ids == self._model.config.image_token_id
        positions, _ = model.get_rope_index(ids, is_picture.int(), image_grid_thw=patches.grid)
        shown = is_picture[0].nonzero().flatten().to(self._device)
        seen = self._tower.see(patches)
        embedded = model.get_input_embeddings()(ids[0].to(self._device))
        deepstack = [torch.zeros_like(embedded).index_copy_(0, shown, layer) for layer in seen.deepstack]
        embedded.index_copy_(0, shown, seen.merged)
        unread = UnreadPrefix(embedded, positions[:, 0].to(self._device), deepstack)
        last = _last_picture(seen.patches, patches, model.visual.spatial_merge_size)
        return KeptPrefix(
            (), len(tokens), int(positions.max()) + 1, last.clone(), patches.window, unread, scale=patches.scale
        )

    @torch.inference_mode()
    def advance(self, batch: Sequence[RowTokens]) -> ModelForward:
        """Append tokens to every row in one forward, and read the prefixes that were not read before."""
        if self._graphs and (step := self._recurring(batch)):
            return self._by_graph(step, self._graphs)
        readings = self._readings([rows.prefix for rows, _ in batch])
        joined: list[RowTokens] = []
        apart: list[RowTokens] = []
        for each in batch:
            (joined if self._attend is shared_prefix and can_join(*each) else apart).append(each)
        advances: list[RowAdvance | BatchedDecode] = [BatchedDecode(joined, self._device)] if joined else []
        for rows, tokens in apart:
            reading = readings.get(rows.prefix)
            advances.append(RowAdvance(rows, tokens, self._attend, self._folds, self._rows, reading))
        steps: list[PlainStep] = [*readings.values(), *advances]
        hidden = self._hidden(*self._given([reading.unread for reading in readings.values()], advances), steps)
        read = end_indices(steps, self._device)[_as_asked(batch, [*joined, *apart])]
        return ModelForward(self._model.lm_head(hidden[read]).float(), steps)

    def _hidden(
        self, embedded: Tensor, positions: Tensor, deepstack: Sequence[Tensor], segments: Sequence[Segment]
    ) -> Tensor:
        """Map tokens [tokens, width] at positions [3, tokens] to their last hidden states.

        The first layers add `deepstack`, [tokens, width] each. transformers' own forward would search for picture
        tokens at each of them, and a GPU would be waited for.
        """
        text, hidden = self._model.model.language_model, embedded[None]
        rotation = text.rotary_emb(hidden, positions[:, None])
        for layer, added in zip(text.layers, chain(deepstack, repeat(None)), strict=False):
            hidden = layer(hidden, position_embeddings=rotation, segments=segments)
            hidden = hidden if added is None else hidden + added
        last: Tensor = text.norm(hidden)[0]
        return last

    def _recurring(self, batch: Sequence[RowTokens]) -> GraphStep | None:
        """Return the batch in a form that recurs; None if it has none."""
        rows = sum(len(tokens) for _, tokens in batch)
        if rows <= max(TOKEN_COUNTS) and all(can_join(*each) for each in batch):
            return DecodeGraphStep(batch)
        (first, tokens), *others = batch
        unread = first.prefix.unread
        if unread is None or others:
            return None
        return PrefixGraphStep(first, tokens, unread, self._prefixes, self._rows)

    def _by_graph(self, step: GraphStep, graphs: GraphCache) -> ModelForward:
        if isinstance(step, PrefixGraphStep):
            work: Work = partial(self._prefix_work, step.form, self._layout(step.form.lengths))
        else:
            work = partial(self._decode_work, step.form)
        (hidden,) = graphs.run(step.form, work, *step.inputs)
        return ModelForward(self._model.lm_head(hidden[: step.rows]).float(), [step])

    def _decode_work(self, form: DecodeForm, numbers: Tensor) -> tuple[Tensor]:
        """Return the hidden states [tokens, width] of a step."""
        segment = DecodeGraphSegment(form, numbers)
        words = self._model.get_input_embeddings()(segment.ids)
        return (self._hidden(words, segment.positions.expand(3, -1), (), [segment]),)

    def _prefix_work(
        self,
        form: PrefixForm,
        layout: RowLayout,
        numbers: Tensor,
        embedded: Tensor,
        positions: Tensor,
        *deepstack: Tensor,
    ) -> tuple[Tensor]:
        """Return the hidden states [rows, width] at the ends of a prefix's first rows."""
        segment = PrefixGraphSegment(form, layout, numbers)
        words = self._model.get_input_embeddings()(segment.ids)
        hidden = self._hidden(
            torch.cat([embedded, words]),
            torch.cat([positions, segment.positions.expand(3, -1)], dim=1),
            [torch.cat([added, torch.zeros_like(words)]) for added in deepstack],
            [segment],
        )
        return (hidden[segment.lasts],)

    def _first_layout(self, lengths: tuple[int, ...]) -> RowLayout:
        gaps = [max(lengths) - length for length in lengths]
        return row_layout(lengths, gaps, 0, self._folds, self._rows.shape)

    def _readings(self, prefixes: Sequence[KeptPrefix]) -> dict[KeptPrefix, PrefixPrefill]:
        waiting = ((prefix, prefix.unread) for prefix in dict.fromkeys(prefixes))
        last = self._model.config.text_config.num_hidden_layers - 1
        return {
            prefix: PrefixPrefill(prefix, unread, last, self._folds, self._prefixes)
            for prefix, unread in waiting
            if unread is not None
        }

    def _given(
        self, unread: Sequence[UnreadPrefix], advances: Sequence[RowAdvance | BatchedDecode]
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Return the input of the layers: unread prefixes in turn, then the tokens of all rows."""
        ids = torch.tensor([token for step in advances for token in step.ids], device=self._device)
        places = torch.tensor([place for step in advances for place in step.positions], device=self._device)
        words = self._model.get_input_embeddings()(ids)
        layers = zip(*(each.deepstack for each in unread), strict=True)
        return (
            torch.cat([*(each.embedded for each in unread), words]),
            torch.cat([*(each.positions for each in unread), places.expand(3, -1)], dim=1),
            [torch.cat([*added, torch.zeros_like(words)]) for added in layers],
        )


def _as_asked(batch: Sequence[RowTokens], made: Sequence[RowTokens]) -> list[int]:
    """Return the position of each row of `batch` among those of `made`, the same rows in another order."""
    counts = [len(tokens) for _, tokens in made]
    firsts = dict(zip((rows for rows, _ in made), accumulate(counts, initial=0), strict=False))
    return [firsts[rows] + row for rows, tokens in batch for row in range(len(tokens))]


def _last_picture(hidden: Tensor, patches: PatchBatch, merged: int) -> Tensor:
    """Return the last picture's patches [rows, columns, width], which come in squares of merged patches."""
    _, rows, columns = patches.grid[-1].tolist()
    squares = hidden[-rows * columns :].reshape(rows // merged, columns // merged, merged, merged, -1)
    return squares.transpose(1, 2).reshape(rows, columns, -1)
