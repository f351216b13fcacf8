"""Reads what the model's logits say: the verdict at the verdict token, and the next token of a sampled text."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from inspector.vlm.verdict import share_of_ng


def p_ng(logits: Tensor, ng: Sequence[int], ok: Sequence[int]) -> float | None:
    """The share of NG among NG and OK, all spellings summed; None when the model says something else."""
    shares = torch.softmax(logits.double(), dim=-1)
    return share_of_ng(float(shares[list(ng)].sum()), float(shares[list(ok)].sum()))


def draw(logits: Tensor, temperatures: Sequence[float], chances: Sequence[float]) -> list[int]:
    """One token a row: the likeliest at temperature 0, else the one at the row's chance (0..1) of the cumulated
    probability. A row's token depends on its own logits and chance only, whichever rows stand beside it."""
    heat = logits.new_tensor(temperatures, dtype=torch.float64)[:, None]
    shares = torch.softmax(logits.double() / heat.clamp(min=1e-3), dim=-1).cumsum(dim=-1)
    place = logits.new_tensor(chances, dtype=torch.float64)[:, None] * shares[:, -1:]
    drawn = torch.searchsorted(shares, place, right=True).clamp(max=logits.shape[-1] - 1)
    return torch.where(heat > 0, drawn, logits.argmax(dim=-1, keepdim=True)).flatten().tolist()
