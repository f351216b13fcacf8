"""The memory for keys and values, counted in tokens: how much there is, and who holds some.

Parts may take three quarters. The rest stays free for their rows, so that every admitted part can be answered.
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
GPU_SHARE: Final = 0.85  # of a GPU's memory; the rest is for activations
GIB: Final = 2**30
REMEDY: Final = "lower pixels.max or max_ongoing_requests, or raise kv_gib, in the model card"


class MemoryBudget:
    """Room for `tokens` of `token_bytes` each. Thread-safe. A prefix that is garbage collected frees its room even if
    never closed.
    """

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
        """Return the tokens left for rows; `promised` are the tokens that other rows may still take."""
        return self.tokens - promised - self._held()

    def admits(self, tokens: int, promised: int) -> bool:
        """Return whether a part of this many tokens fits now."""
        return tokens <= min(self.free(promised), self._for_parts - self._held())

    def check_part(self, tokens: int) -> None:
        """Raise ModelError if the part would never fit."""
        if tokens > self._for_parts:
            raise ModelError(f"{self.lack(tokens, self._for_parts)}; {REMEDY}")

    def check_row(self, tokens: int) -> None:
        """Raise ModelError if the row might never fit."""
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
    """Return the card's declared bytes, else what its share of the GPU leaves after the weights.

    On a CPU it is half of the free memory. All replicas share it.
    """
    if card.kv_gib is not None:
        return int(card.kv_gib * GIB)
    if model.device.type == "cuda":
        share = min(card.num_gpus, 1.0) * torch.cuda.get_device_properties(model.device).total_memory
        return max(0, int(GPU_SHARE * share - model.get_memory_footprint()))
    return int(psutil.virtual_memory().available) // 2 // (card.max_replicas or card.replicas)
