"""Reads logits: the verdict at the verdict token, and the next token of a sampled text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from inspector.adapters.vlm.verdict import Reading, read_verdict


class VerdictTokens(NamedTuple):
    """The tokens that spell NG, and those that spell OK."""

    ng: Sequence[int]
    ok: Sequence[int]


def read_verdicts(logits: Tensor, words: Sequence[VerdictTokens]) -> list[Reading]:
    """Read the verdict of each row, all spellings summed."""
    shares = torch.softmax(logits.double(), dim=-1)
    sides = [tokens for spelled in words for tokens in spelled]  # two per row
    side = torch.tensor([number for number, tokens in enumerate(sides) for _ in tokens], device=logits.device)
    token = torch.tensor([token for tokens in sides for token in tokens], device=logits.device)
    said = shares.new_zeros(len(sides)).index_add(0, side, shares[side // 2, token]).tolist()
    return [read_verdict(ng, ok) for ng, ok in zip(said[::2], said[1::2], strict=True)]


def draw(logits: Tensor, temperatures: Sequence[float], chances: Sequence[float]) -> list[int]:
    """Draw one token per row: the likeliest at temperature 0, else by the row's chance (0..1) in the cumulated
    probability.

    A row's token depends on its own logits and chance only, not on other rows.
    """
    likeliest = logits.argmax(dim=-1, keepdim=True)
    if not any(temperatures):
        return likeliest.flatten().tolist()
    heat = logits.new_tensor(temperatures, dtype=torch.float64)[:, None]
    shares = torch.softmax(logits.double() / heat.clamp(min=1e-3), dim=-1).cumsum(dim=-1)
    place = logits.new_tensor(chances, dtype=torch.float64)[:, None] * shares[:, -1:]
    drawn = torch.searchsorted(shares, place, right=True).clamp(max=logits.shape[-1] - 1)
    return torch.where(heat > 0, drawn, likeliest).flatten().tolist()
