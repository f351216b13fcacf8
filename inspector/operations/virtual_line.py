"""Simulated lines: seeded synthetic products, photographed one after another."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice
from typing import Final

from inspector.adapters.mqtt.line_client import Exposure
from inspector.lab.synthetic import PRODUCTS, draw, encode
from inspector.operations.replay import PublishedLine

CAMERA: Final = "cam1"
FIRST_UNTRAINED_SEED: Final = 2**40  # far above all seeds that the embedded model was trained on
NG_SHARE: Final = 0.3  # far above a real line's, so that a short run shows every verdict


def virtual_lines(
    seed: int, frames: int | None, *, hard: float, run: str, products: list[str] | None = None
) -> list[PublishedLine]:
    """One line per product; `frames` are shared balanced_sample between them, None never ends."""
    names = products or list(PRODUCTS)
    shares = [
        None if frames is None else frames // len(names) + (place < frames % len(names)) for place in range(len(names))
    ]
    return [
        PublishedLine(name, CAMERA, exposures(name, seed, share, hard=hard, run=run))
        for name, share in zip(names, shares, strict=True)
    ]


def exposures(
    product: str, seed: int, frames: int | None, *, hard: float = 0.5, run: str = "sim"
) -> Iterator[Exposure]:
    """Exposures of one product; the same seed gives the same pictures. `frames` None never ends."""
    endless = (_exposure(product, seed, number, hard, run) for number in count())
    return islice(endless, frames)


def _exposure(product: str, seed: int, number: int, hard: float, run: str) -> Exposure:
    frame_seed = FIRST_UNTRAINED_SEED + seed * 1_000_003 + number
    is_ng = (frame_seed * 2_654_435_761 % 2**32) / 2**32 < NG_SHARE
    sample = draw(product, frame_seed, ng=is_ng, hard=hard)
    return Exposure(
        trigger_id=f"{run}-{product}-{number}",
        payload=encode(sample),
        seq=number,
        product=product,
        part_id=f"{product}-{frame_seed}",
        is_ng=sample.ng,
    )
