"""The synthetic products by name, and the function that draws a frame of one.

The same product, seed and options give the same bytes.
"""

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

MIN_FRAME_PX: Final = 160  # side of a frame
MAX_FRAME_PX: Final = 1280
FLAW_ATTEMPTS: Final = 6  # places tried before a flaw is given up
DEFAULT_FLAW_WEIGHTS: Final = {"missing_star": 0.15}  # relative frequency of a kind of flaw; 1 for all others


@dataclass(frozen=True, slots=True)
class Product:
    """One synthetic product.

    `defects` maps each class to its severity; `variants` holds one function per variant, which draws a good part.
    """

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
    """Draw one frame.

    `ng` None lets the seed decide, with equal chances. `hard` 0 draws only clearly visible flaws, 1 mostly faint ones.
    `flaws` sets the number of flaws; without it an NG part has one, or two with a chance of 15 %. `only` names the one
    kind of flaw to draw. `weights` gives the relative frequency of kinds of flaws (default 1). Raises ValueError for an
    unknown product, variant or flaw, or for a size or `hard` out of range.
    """
    if not MIN_FRAME_PX <= size <= MAX_FRAME_PX:
        raise ValueError(f"size {size} is out of range; use {MIN_FRAME_PX} to {MAX_FRAME_PX} pixels")
    if not 0.0 <= hard <= 1.0:
        raise ValueError(f"hard {hard} is out of range; use 0 (clear flaws) to 1 (faint flaws)")
    chosen = _product(product)
    if not 0 <= variant < len(chosen.variants):
        raise ValueError(f"{product} has no variant {variant}; use 0 to {len(chosen.variants) - 1}")
    rng = np.random.default_rng([seed, *product.encode()])
    wanted = _flaw_count(rng, ng) if flaws is None else flaws
    canvas, painters = chosen.variants[variant](rng, size)
    for _ in range(wanted):
        _add_flaw(canvas, painters, hard, only or _random_flaw(rng, list(painters), weights))
    return Sample(product, seed, photograph(rng, canvas.pixels), canvas.mask, tuple(canvas.flaws), variant)


def golden(product: str, seed: int, variant: int = 0) -> Sample:
    """Draw a good part of the same product, for use as a golden sample."""
    return draw(product, seed, ng=False, variant=variant)


def encode(sample: Sample, quality: int = 90) -> bytes:
    """Encode the frame as a camera sends it: JPEG."""
    flags = [cv2.IMWRITE_JPEG_QUALITY, quality]
    return bytes(cv2.imencode(".jpg", cv2.cvtColor(sample.pixels, cv2.COLOR_RGB2BGR), flags)[1])


def _product(name: str) -> Product:
    if name not in PRODUCTS:
        raise ValueError(f"there is no synthetic product {name!r}; use one of {', '.join(PRODUCTS)}")
    return PRODUCTS[name]


def _flaw_count(rng: np.random.Generator, ng: bool | None) -> int:
    """Choose the number of flaws; draws two random numbers in every case, so that `ng` does not shift later ones."""
    chance, second = rng.random(2)
    is_ng = chance < 0.5 if ng is None else ng
    return (1 + int(second < 0.15)) if is_ng else 0


def _add_flaw(canvas: Canvas, painters: dict[str, FlawPainter], hard: float, name: str) -> None:
    """Paint one flaw; try another place, at most FLAW_ATTEMPTS times, while nothing of it is visible."""
    if name not in painters:
        raise ValueError(f"this variant has no flaw {name!r}; use one of {', '.join(painters)}")
    contrast = _random_contrast(canvas.rng, hard)
    for _ in range(FLAW_ATTEMPTS):
        if painters[name](contrast):
            return


def _random_flaw(rng: np.random.Generator, names: list[str], weights: Mapping[str, float]) -> str:
    """Choose a kind of flaw; `weights` gives relative frequencies, 1 where a name is missing."""
    shares = np.cumsum([weights.get(name, 1.0) for name in names])
    return names[int(np.searchsorted(shares / shares[-1], rng.random(), "right"))]


def _random_contrast(rng: np.random.Generator, hard: float) -> float:
    """Choose a contrast (0..1); the default `hard` of 0.5 gives 0.25 (faint) to 1 (clearly visible)."""
    lowest, highest = 0.7 - 0.9 * hard, 1.0 - max(0.0, hard - 0.5)
    return float(rng.uniform(max(lowest, 0.08), highest))
