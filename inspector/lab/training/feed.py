"""Training pictures by step number: the same seed and step give the same batch, so that training can be resumed."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from inspector.domain import prompts as view
from inspector.lab.synthetic import PRODUCTS, RARE, Sample, draw
from inspector.lab.training.architecture import ASKED_SIDE, SIDE
from inspector.lab.training.lessons import Kind, Lesson, Seen, lessons, reports
from inspector.lab.training.shots import Labels, Shot, Window, detail, disturb, part, shoot, stray, whole
from inspector.lab.training.wordings import random_pipeline

TRAINING_SEEDS: Final = 1_000_000  # from here on; smaller ones are for evaluation, demo and tests
MOST_FLAWS: Final = 8
FLAWS: Final = (0.3, 0.21, *(0.07,) * 7)  # how often a frame has none, one, two …
EASY_STEPS: Final = 600  # plain flaws and few disturbances first: seeing starts sooner
HARDNESS: Final = (0.3, 0.5, 0.5)
FRAMES_A_STEP: Final = 16
PART_SIDE: Final = 192  # pixels: a third of the work of a whole picture, and most of its flaws
PARTS: Final = 2  # of each picture: drawing it takes as long as learning from one
PRODUCT_SHARES: Final = {"washer": 0.2, "board": 0.4, "cap": 0.4}  # what is learned slowly is shown more often
KIND_WEIGHTS: Final = RARE | {
    "dent": 0.3,
    "stain": 0.3,
    "missing_hole": 0.3,
    "crack": 0.5,
    "short": 0.7,
    "burr": 1.4,
    "scratch": 1.4,
    "open": 1.9,
    "misprint": 1.8,
    "missing_print": 1.9,
}
INCOMPLETE: Final = 0.5  # of the comparisons
WORKERS: Final = 2
YIELDING: Final = 10
SHOWN: Final = {False: view.Pictures.FRAME, True: view.Pictures.ZOOM}


Batch = TypeVar("Batch")


class Case(NamedTuple):
    """One row of a language lesson: what is shown of a product, in which pictures (the last is asked about), its
    preamble and its lessons."""

    product: str
    asked: view.Pictures
    shots: tuple[Shot, ...]
    preamble: str
    lessons: tuple[Lesson, ...]

    @property
    def judged(self) -> bool:
        """Whether the first lesson asks for a verdict, not for a report alone."""
        return self.lessons[0].kind is Kind.VERDICT


class Patches(NamedTuple):
    """Pictures, their classes per patch, the boxes per visual token, the outlines of flaws in each patch; class and box
    of each picture's plainest flaw."""

    pictures: NDArray[np.uint8]
    labels: Labels
    boxes: NDArray[np.float32]
    outlines: NDArray[np.bool_]
    main_class: NDArray[np.int64]
    main_box: NDArray[np.float32]


class PatchLessons(Dataset[Patches]):
    """For the vision tower: each drawn frame as a whole and in a detail, with none to MOST_FLAWS flaws; in the first
    `parts` steps of the training PARTS parts of both instead, of half as many frames."""

    def __init__(self, seed: int, first: int, last: int, parts: int = 0) -> None:
        self.seed, self.steps, self.parts = seed, range(first, last), parts

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, index: int) -> Patches:
        step = self.steps[index]
        rng = np.random.default_rng([self.seed, 1, step])
        side, each = (PART_SIDE, PARTS) if step < self.parts else (SIDE, 1)
        frames = range(FRAMES_A_STEP // each)
        return stack([shot for _ in frames for shot in _whole_and_detail(rng, step < EASY_STEPS, side, each)])


def _whole_and_detail(rng: np.random.Generator, easy: bool, side: int, each: int) -> list[Shot]:
    flaws = int(rng.choice(MOST_FLAWS + 1, p=FLAWS))
    sample = random_sample(rng, flaws, hard=0.0 if easy else None, weights=KIND_WEIGHTS)
    seen = sample.pixels if easy and rng.random() < 0.7 else disturb(rng, sample.pixels)
    windows = [whole(rng, len(seen)), detail(rng, sample)] * each
    if side < SIDE:
        windows = [part(rng, sample, window, side) for window in windows]
    return [shoot(rng, sample, seen, window, side) for window in windows]


class Conversations(Dataset[list[Case]]):
    """For the whole model: mostly whole frames, and details, comparisons, pictures of something else."""

    def __init__(self, seed: int, first: int, last: int) -> None:
        self.seed, self.steps = seed, range(first, last)

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, index: int) -> list[Case]:
        rng = np.random.default_rng([self.seed, 2, self.steps[index]])
        return [make(rng) for make, count in CASES for _ in range(count)]


def _frame_case(rng: np.random.Generator) -> Case:
    sample = random_sample(rng, _few(rng))
    return _case(rng, sample.product, (_asked_about(rng, sample),), view.Pictures.FRAME)


def _detail_case(rng: np.random.Generator) -> Case:
    sample = random_sample(rng, _few(rng))
    return _case(rng, sample.product, (_asked_about(rng, sample, closer=True),), view.Pictures.ZOOM)


def _compare_case(rng: np.random.Generator) -> Case:
    """A golden sample first; as the compare view, or as a pipeline's reference."""
    sample = _incomplete(rng) if rng.random() < INCOMPLETE else random_sample(rng, _few(rng))
    good = draw(sample.product, TRAINING_SEEDS + int(rng.integers(2**40)), flaws=0, variant=sample.variant)
    reference, shot = _golden(rng, good), _asked_about(rng, sample)
    asked = view.Pictures.COMPARE if rng.random() < 0.75 else view.Pictures.FRAME
    return _case(rng, sample.product, (reference, shot), asked)


def _incomplete(rng: np.random.Generator) -> Sample:
    """A part that only its golden sample tells from a good one, or that good one."""
    seed = TRAINING_SEEDS + int(rng.integers(2**40))
    if rng.random() < 0.5:
        return draw("cap", seed, flaws=1, only="missing_star")
    return draw("cap", seed, flaws=0, variant=1)


def _report_case(rng: np.random.Generator) -> Case:
    """An NG frame, or a detail of one, of which only the report is wanted: pointing takes longest to learn."""
    sample = random_sample(rng, int(rng.choice([1, 2, 3], p=[0.8, 0.12, 0.08])))
    closer = rng.random() < 0.5
    shot, shown = _asked_about(rng, sample, closer), SHOWN[closer]
    pipeline = random_pipeline(rng, sample.product)
    asked = reports(rng, pipeline, Seen(shot.flaws)) or lessons(rng, pipeline, Seen(()), shown)
    return Case(sample.product, shown, (shot,), view.preamble(pipeline, shown), tuple(asked))


def _stray_case(rng: np.random.Generator) -> Case:
    """No product, or another product than the pipeline's, under any view."""
    product = list(PRODUCTS)[int(rng.integers(len(PRODUCTS)))]
    asked = (view.Pictures.FRAME, view.Pictures.FRAME, view.Pictures.ZOOM, view.Pictures.COMPARE)[int(rng.integers(4))]
    shot = _other_product(rng, product, asked) if rng.random() < 0.6 else stray(rng, ASKED_SIDE)
    if asked is not view.Pictures.COMPARE:
        return _case(rng, product, (shot,), asked)
    good = draw(product, TRAINING_SEEDS + int(rng.integers(2**40)), flaws=0)
    return _case(rng, product, (_golden(rng, good), shot), asked)


def _other_product(rng: np.random.Generator, product: str, asked: view.Pictures) -> Shot:
    """Mostly: now and then it is the right one after all."""
    other = random_sample(rng, 0)
    known = _asked_about(rng, other, closer=asked is view.Pictures.ZOOM)
    return known if other.product == product else replace(known, in_scope=False)


def _case(rng: np.random.Generator, product: str, shots: tuple[Shot, ...], asked: view.Pictures) -> Case:
    references = 1 if asked is view.Pictures.FRAME and len(shots) == 2 else 0
    pipeline = random_pipeline(rng, product, references)
    seen = Seen(shots[-1].flaws, shots[-1].in_scope)
    return Case(product, asked, shots, view.preamble(pipeline, asked), tuple(lessons(rng, pipeline, seen, asked)))


def _asked_about(rng: np.random.Generator, sample: Sample, closer: bool = False) -> Shot:
    """The frame or a closer look at it, disturbed."""
    window = detail(rng, sample) if closer else whole(rng, len(sample.pixels))
    return shoot(rng, sample, disturb(rng, sample.pixels), window, ASKED_SIDE)


def _golden(rng: np.random.Generator, good: Sample) -> Shot:
    return shoot(rng, good, good.pixels, Window(0.0, 0.0, len(good.pixels)), ASKED_SIDE)


def _few(rng: np.random.Generator) -> int:
    """None, mostly one, or some flaws."""
    return int(rng.choice([0, 1, 2, 3, 5], p=[0.46, 0.36, 0.08, 0.05, 0.05]))


CASES: Final = ((_frame_case, 6), (_detail_case, 3), (_compare_case, 4), (_stray_case, 3), (_report_case, 5))


def random_sample(
    rng: np.random.Generator, flaws: int, hard: float | None = None, weights: Mapping[str, float] = RARE
) -> Sample:
    """A frame of any product, from seeds that evaluation never uses."""
    product = str(rng.choice(list(PRODUCT_SHARES), p=list(PRODUCT_SHARES.values())))
    hardness = float(rng.choice(HARDNESS)) if hard is None else hard
    variant = int(rng.integers(len(PRODUCTS[product].variants)))
    seed = TRAINING_SEEDS + int(rng.integers(2**40))
    return draw(product, seed, flaws=flaws, hard=hardness, variant=variant, weights=weights)


def stack(shots: Sequence[Shot]) -> Patches:
    pixels, labels, boxes, outlines = (
        np.stack(part) for part in zip(*((s.pixels, s.labels, s.boxes, s.outline) for s in shots), strict=True)
    )
    classes, mains = zip(*(shot.main for shot in shots), strict=True)
    corners = [(math.nan,) * 4 if box is None else (box.x0, box.y0, box.x1, box.y1) for box in mains]
    return Patches(pixels, labels, boxes, outlines, np.array(classes, np.int64), np.array(corners, np.float32))


def stream(lessons: Dataset[Batch], workers: int = WORKERS) -> Iterator[Batch]:
    """The batches in order, made by `workers` processes."""
    loader: DataLoader[Batch] = DataLoader(
        lessons,
        batch_size=None,
        num_workers=workers,
        worker_init_fn=_one_thread,
        prefetch_factor=6 if workers else None,
    )
    return iter(loader)


def _one_thread(_: int) -> None:
    """Behind the threads that learn: those wait for one another, so that each interruption costs twice."""
    os.nice(YIELDING)
    cv2.setNumThreads(0)
