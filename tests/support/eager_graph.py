"""Captured work for any device: the same work on the same memory, done again operation by operation."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from inspector.adapters.vlm.transformers.cuda_graph import GraphCache, Work

CPU = torch.device("cpu")


class EagerGraph:
    """`cuda_graph.CapturedWork` that a CPU can do."""

    captured = 0

    def __init__(self, work: Work, *inputs: torch.Tensor) -> None:
        self._inputs, self._work = [each.clone() for each in inputs], work
        EagerGraph.captured += 1

    def replay(self, *inputs: torch.Tensor) -> Sequence[torch.Tensor]:
        for mine, given in zip(self._inputs, inputs, strict=True):
            mine.copy_(given)
        return self._work(*self._inputs)


def eager_graphs() -> GraphCache:
    EagerGraph.captured = 0
    return GraphCache(CPU, EagerGraph)
