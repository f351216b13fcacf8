"""The memory for keys and values, counted in tokens: how much there is, and who holds some. Parts may take three
quarters; the rest stays free for the rows that continue them, so that a part that was let in can always be answered.
"""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Final

import psutil
import torch

from inspector.adapters.vlm.transformers.kv_cache import KeptPrefix
from inspector.domain.model_card import ModelCard
from inspector.errors import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

PARTS_SHARE: Final = 0.75
GPU_SHARE: Final = 0.85  # of a GPU; the rest is for the forwards themselves
GIB: Final = 2**30
REMEDY: Final = "lower pixels.max or max_ongoing_requests, or raise kv_gib, in the model card"


class Memory:
    """Room for `tokens`, of `token_bytes` each. Safe for threads. A prefix that nobody holds any more frees its room
    even where it was never closed."""

    def __init__(self, tokens: int, token_bytes: int = 1) -> None:
        self.tokens = tokens
        self._token_bytes = token_bytes
        self._prefixes: weakref.WeakSet[KeptPrefix] = weakref.WeakSet()
        self._lock = threading.Lock()

    @property
    def open_prefixes(self) -> int:
        return sum(prefix.held > 0 for prefix in self._known())

    def keep(self, prefix: KeptPrefix) -> None:
        with self._lock:
            self._prefixes.add(prefix)

    def free(self, promised: int) -> int:
        """What is left for rows; `promised` are the tokens that other rows may still come to hold."""
        return self.tokens - promised - self._held()

    def admits(self, tokens: int, promised: int) -> bool:
        """Whether a part of so many tokens fits now."""
        return tokens <= min(self.free(promised), self._for_parts - self._held())

    def check_part(self, tokens: int) -> None:
        """Raises ModelError when the part would never fit."""
        if tokens > self._for_parts:
            raise ModelError(f"{self.lack(tokens, self._for_parts)}; {REMEDY}")

    def check_row(self, tokens: int) -> None:
        """Raises ModelError when the row might never fit."""
        if tokens > self.tokens - self._for_parts:
            raise ModelError(f"{self.lack(tokens, self.tokens - self._for_parts)}; {REMEDY}")

    def lack(self, tokens: int, available: int) -> str:
        needed, there = (count * self._token_bytes / GIB for count in (tokens, available))
        return f"{tokens} tokens need {needed:.3f} GiB of key-value memory, and there is {there:.3f} GiB"

    @property
    def _for_parts(self) -> int:
        return int(self.tokens * PARTS_SHARE)

    def _held(self) -> int:
        return sum(prefix.held for prefix in self._known())

    def _known(self) -> list[KeptPrefix]:
        with self._lock:
            return list(self._prefixes)


def key_value_bytes(card: ModelCard, model: PreTrainedModel) -> int:
    """What the card declares; else what its share of the GPU leaves beside the weights, or half of a machine's free
    memory, shared by all replicas."""
    if card.kv_gib is not None:
        return int(card.kv_gib * GIB)
    if model.device.type == "cuda":
        share = min(card.num_gpus, 1.0) * torch.cuda.get_device_properties(model.device).total_memory
        return max(0, int(GPU_SHARE * share - model.get_memory_footprint()))
    return int(psutil.virtual_memory().available) // 2 // (card.max_replicas or card.replicas)
