"""Pictures that show none of the products: some of the kinds used in training, and some that training never shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import cv2
import numpy as np

from inspector.lab.synthetic.sample import Pixels
from inspector.lab.training.training_pictures import TAUGHT_OUT_OF_SCOPE

FRAME_SIDE_PX: Final = 640  # as the products' frames
TAUGHT_SIDE_PX: Final = 320  # side of the kinds that training shows
PictureMaker = Callable[[np.random.Generator], Pixels]


def _black(_: np.random.Generator) -> Pixels:
    return np.zeros((FRAME_SIDE_PX, FRAME_SIDE_PX, 3), np.uint8)


def _stripes(rng: np.random.Generator) -> Pixels:
    angle, pitch = rng.uniform(0, np.pi), rng.uniform(6, 60)
    rows, columns = np.indices((FRAME_SIDE_PX, FRAME_SIDE_PX))
    wave = np.sin((columns * np.cos(angle) + rows * np.sin(angle)) * 2 * np.pi / pitch)
    return np.asarray(
        np.clip(128 + 70 * wave[..., None] + rng.normal(0, 6, (FRAME_SIDE_PX, FRAME_SIDE_PX, 3)), 0, 255), np.uint8
    )


def _portrait(rng: np.random.Generator) -> Pixels:
    """Draw head and shoulders in front of a soft background, in skin and cloth tones, shaded and slightly blurred."""
    backdrop = rng.uniform(40, 220, (3, 3, 3)).astype(np.float32)
    scene = (
        cv2.resize(backdrop, (FRAME_SIDE_PX, FRAME_SIDE_PX), interpolation=cv2.INTER_CUBIC)
        .clip(0, 255)
        .astype(np.uint8)
    )
    skin = (int(rng.integers(140, 235)), int(rng.integers(100, 180)), int(rng.integers(80, 150)))
    cloth = tuple(int(tone) for tone in rng.integers(20, 200, 3))
    x, y = (int(value) for value in rng.uniform((260, 220), (380, 280)))
    cv2.ellipse(scene, (x, 660), (270, 260), 0, 0, 360, cloth, -1, cv2.LINE_AA)
    cv2.ellipse(scene, (x, y - 40), (125, 150), 0, 0, 360, tuple(tone // 4 for tone in skin), -1, cv2.LINE_AA)
    cv2.ellipse(scene, (x, y), (105, 145), 0, 0, 360, skin, -1, cv2.LINE_AA)
    for side in (-42, 42):
        cv2.ellipse(scene, (x + side, y - 20), (18, 9), 0, 0, 360, (50, 40, 40), -1, cv2.LINE_AA)
    cv2.ellipse(scene, (x, y + 75), (38, 10), 0, 0, 360, (150, 80, 80), -1, cv2.LINE_AA)
    shade = cv2.resize(
        rng.normal(0, 22, (5, 5, 1)).astype(np.float32), (FRAME_SIDE_PX, FRAME_SIDE_PX), interpolation=cv2.INTER_CUBIC
    )
    grain = rng.normal(0, 4, (FRAME_SIDE_PX, FRAME_SIDE_PX, 3))
    return np.asarray(np.clip(cv2.GaussianBlur(scene, (0, 0), 2.0) + shade[..., None] + grain, 0, 255), np.uint8)


OUT_OF_SCOPE_PICTURES: Final[Mapping[str, PictureMaker]] = {
    **{maker.__name__.strip("_"): partial(maker, side=TAUGHT_SIDE_PX) for maker in TAUGHT_OUT_OF_SCOPE},
    "black": _black,
    "stripes (never taught)": _stripes,
    "portrait (never taught)": _portrait,
}
