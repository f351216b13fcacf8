"""Work on a GPU that is launched as a whole (CUDA graphs).

Launching the thousands of operations of a forward one by one takes longer than computing them. Work that comes for the
second time is captured, compared with a plain run, and replayed from then on. Knows torch; no model.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

import torch
from torch import Tensor

MAX_KNOWN_WORKS: Final = 64  # the one that was not used for longest is forgotten first
MAX_DEVIATION: Final = 0.05  # of a replay from a plain run, as a share of the result's norm: bfloat16 takes up to 0.03
Work = Callable[..., Sequence[Tensor]]  # of tensors
_LOG = logging.getLogger(__name__)


class CapturedWork(Protocol):
    """Captured work: the same operations on the same memory for any numbers."""

    def replay(self, *inputs: Tensor) -> Sequence[Tensor]: ...


class CudaGraph:
    """One CUDA graph. Graphs share `pool`, the memory of their intermediate results."""

    def __init__(self, pool: Any, work: Work, *inputs: Tensor) -> None:
        self._work = work  # its tensors are read by every replay
        self._inputs, self._graph = [each.clone() for each in inputs], torch.cuda.CUDAGraph()
        capture = torch.cuda.graph(self._graph, pool=pool, capture_error_mode="thread_local")
        with torch.cuda.stream(torch.cuda.current_stream()), capture:  # a failed capture would leave its stream behind
            self._results = work(*self._inputs)

    def replay(self, *inputs: Tensor) -> Sequence[Tensor]:
        for mine, given in zip(self._inputs, inputs, strict=True):
            mine.copy_(given)
        self._graph.replay()
        return self._results


@dataclass(slots=True)
class KnownWork:
    """Work that has run at least once."""

    captured: CapturedWork | None = None
    is_capturable: bool = True


class GraphCache:
    """Runs the work of one thread on one device. Results are valid until it runs other work."""

    def __init__(self, device: torch.device, capture: Callable[..., CapturedWork]) -> None:
        self._device, self._capture = device, capture
        self._known: dict[Hashable, KnownWork] = {}

    @classmethod
    def of(cls, device: torch.device) -> GraphCache | None:
        """Return a cache for this device, or None if it has no graphs."""
        return cls(device, partial(CudaGraph, torch.cuda.graph_pool_handle())) if device.type == "cuda" else None

    def run(self, key: Hashable, work: Work, *inputs: Tensor) -> Sequence[Tensor]:
        """Return what `work` makes of the inputs, which may lie elsewhere.

        With the same key it must do the same operations on the same memory each time.
        """
        before = self._known.pop(key, None)
        self._known[key] = known = before or KnownWork()
        if len(self._known) > MAX_KNOWN_WORKS:
            del self._known[next(iter(self._known))]
        if known.captured:
            return known.captured.replay(*inputs)
        moved = [each.to(self._device) for each in inputs]
        results = work(*moved)
        if before and known.is_capturable:
            self._try_capture(known, work, moved, results)
        return results

    def _try_capture(self, known: KnownWork, work: Work, inputs: Sequence[Tensor], results: Sequence[Tensor]) -> None:
        try:
            captured = self._capture(work, *inputs)
            deviation = _deviation(captured.replay(*inputs), results)
        except RuntimeError as error:  # no memory, or an operation that can't be captured: it runs without
            self._give_up(known, str(error).partition("\n")[0])
            return
        if deviation <= MAX_DEVIATION:
            known.captured = captured
        else:
            self._give_up(known, f"its replay differs from a plain run by {deviation:.2g}")

    def _give_up(self, known: KnownWork, reason: str) -> None:
        known.is_capturable = False
        _LOG.warning("a forward is launched operation by operation, which is slower: %s", reason)


def _deviation(replayed: Sequence[Tensor], plain: Sequence[Tensor]) -> float:
    """Return the largest distance of a result from the plain one, as a share of its norm; NaN in both is no distance.

    Tokens that only fill a form up may read memory that holds no numbers.
    """
    return max(_relative_distance(one.float(), other.float()) for one, other in zip(replayed, plain, strict=True))


def _relative_distance(one: Tensor, other: Tensor) -> float:
    same_nan = one.isnan() & other.isnan()
    one, other = one.masked_fill(same_nan, 0.0), other.masked_fill(same_nan, 0.0)
    distance = float((one - other).norm())
    if not distance < torch.inf:  # NaN or infinite in one of them only
        return torch.inf
    return distance / max(float(other.norm()), torch.finfo(torch.float32).tiny)
