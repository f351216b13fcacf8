"""The products by name, and how a frame of one is drawn: same product, seed and knobs, same bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final

import cv2
import numpy as np

from inspector.domain.declared import Severity
from inspector.lab.synthetic import board, cap, washer
from inspector.lab.synthetic.canvas import Canvas
from inspector.lab.synthetic.sample import Sample
from inspector.lab.synthetic.scene import photograph
from inspector.lab.synthetic.surface_flaws import FlawPainter

MIN_FRAME_PX: Final = 160
MAX_FRAME_PX: Final = 1280
FLAW_ATTEMPTS: Final = 6
DEFAULT_FLAW_WEIGHTS: Final = {"missing_star": 0.15}  # how often against the other kinds


@dataclass(frozen=True, slots=True)
class Product:
    """One drawn product: its flaws with their severity, and how a good one of each variant is painted."""

    name: str
    defects: Mapping[str, Severity]
    variants: tuple[Callable[[np.random.Generator, int], tuple[Canvas, dict[str, FlawPainter]]], ...]


_MINOR, _MAJOR, _CRITICAL = Severity.MINOR, Severity.MAJOR, Severity.CRITICAL
PRODUCTS: Final[Mapping[str, Product]] = MappingProxyType(
    {
        "washer": Product(
            "washer",
            {"scratch": _MINOR, "dent": _MAJOR, "crack": _CRITICAL, "stain": _MINOR, "burr": _MAJOR},
            (washer.paint,),
        ),
        "board": Product(
            "board",
            {
                "short": _CRITICAL,
                "open": _CRITICAL,
                "missing_hole": _MAJOR,
                "spurious_copper": _MAJOR,
                "scratch": _MINOR,
                "stain": _MINOR,
            },
            (board.paint,),
        ),
        "cap": Product(
            "cap",
            {
                "misprint": _MAJOR,
                "missing_print": _MAJOR,
                "scratch": _MINOR,
                "dent": _MAJOR,
                "crack": _CRITICAL,
                "stain": _MINOR,
            },
            (partial(cap.paint, star=True), partial(cap.paint, star=False)),
        ),
    }
)


def draw(
    product: str,
    seed: int,
    *,
    ng: bool | None = None,
    hard: float = 0.5,
    size: int = 640,
    flaws: int | None = None,
    variant: int = 0,
    only: str | None = None,
    weights: Mapping[str, float] = DEFAULT_FLAW_WEIGHTS,
) -> Sample:
    """One frame. `ng` None lets the seed decide (one in two). `hard` 0 draws only plain flaws, 1 mostly faint ones.
    `flaws` sets how many there are; an NG part has one, now and then two. `only` names the one kind of flaw to draw."""
    if not MIN_FRAME_PX <= size <= MAX_FRAME_PX:
        raise ValueError(f"size {size} is not a frame; use {MIN_FRAME_PX} to {MAX_FRAME_PX} pixels")
    if not 0.0 <= hard <= 1.0:
        raise ValueError(f"hard {hard} is not a share; use 0 (plain) to 1 (faint)")
    kind = _product(product)
    if not 0 <= variant < len(kind.variants):
        raise ValueError(f"variant {variant} of {product} is not drawn here; use 0 to {len(kind.variants) - 1}")
    rng = np.random.default_rng([seed, *product.encode()])
    wanted = _flaw_count(rng, ng) if flaws is None else flaws
    canvas, painters = kind.variants[variant](rng, size)
    for _ in range(wanted):
        _add_flaw(canvas, painters, hard, only or _random_flaw(rng, list(painters), weights))
    return Sample(product, seed, photograph(rng, canvas.pixels), canvas.mask, tuple(canvas.flaws), variant)


def golden(product: str, seed: int, variant: int = 0) -> Sample:
    """A known good part of the same product."""
    return draw(product, seed, ng=False, variant=variant)


def encode(sample: Sample, quality: int = 90) -> bytes:
    """The frame as the camera sends it: JPEG."""
    flags = [cv2.IMWRITE_JPEG_QUALITY, quality]
    return bytes(cv2.imencode(".jpg", cv2.cvtColor(sample.pixels, cv2.COLOR_RGB2BGR), flags)[1])


def _product(name: str) -> Product:
    if name not in PRODUCTS:
        raise ValueError(f"product {name!r} is not drawn here; use one of {', '.join(PRODUCTS)}")
    return PRODUCTS[name]


def _flaw_count(rng: np.random.Generator, ng: bool | None) -> int:
    chance, second = rng.random(2)
    is_ng = chance < 0.5 if ng is None else ng
    return (1 + int(second < 0.15)) if is_ng else 0


def _add_flaw(canvas: Canvas, painters: dict[str, FlawPainter], hard: float, name: str) -> None:
    """One flaw; a place where nothing of it could be seen is tried again."""
    if name not in painters:
        raise ValueError(f"flaw {name!r} is not drawn on this variant; use one of {', '.join(painters)}")
    contrast = _random_contrast(canvas.rng, hard)
    for _ in range(FLAW_ATTEMPTS):
        if painters[name](contrast):
            return


def _random_flaw(rng: np.random.Generator, names: list[str], weights: Mapping[str, float]) -> str:
    """A random one; `weights` says how often against 1."""
    shares = np.cumsum([weights.get(name, 1.0) for name in names])
    return names[int(np.searchsorted(shares / shares[-1], rng.random(), "right"))]


def _random_contrast(rng: np.random.Generator, hard: float) -> float:
    """0..1. At the usual 0.5 it spreads from 0.25, faint, to 1, plain."""
    lowest, highest = 0.7 - 0.9 * hard, 1.0 - max(0.0, hard - 0.5)
    return float(rng.uniform(max(lowest, 0.08), highest))
