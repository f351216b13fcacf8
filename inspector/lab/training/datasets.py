"""Training batches by step number: the same seed and step give the same batch, so that training can be resumed."""

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
from inspector.lab.synthetic import DEFAULT_FLAW_WEIGHTS, PRODUCTS, Sample, draw
from inspector.lab.training.architecture import QUESTION_SIDE_PX, TOWER_SIDE_PX
from inspector.lab.training.training_examples import (
    ExampleKind,
    PictureTruth,
    TrainingExample,
    random_examples,
    report_examples,
)
from inspector.lab.training.training_pictures import (
    Labels,
    TrainingPicture,
    Window,
    crop_window,
    detail_window,
    disturb,
    out_of_scope_picture,
    training_picture,
    whole_window,
)
from inspector.lab.training.wordings import random_pipeline

FIRST_TRAINING_SEED: Final = 1_000_000  # smaller seeds belong to evaluation, the demo and the tests
MAX_FLAWS: Final = 8
FLAW_COUNT_SHARES: Final = (0.3, 0.21, *(0.07,) * 7)  # of frames with 0, 1, 2 … flaws
EASY_STEPS: Final = 600  # first steps with clear flaws and few disturbances: the tower learns sooner
HARDNESS_CHOICES: Final = (0.3, 0.5, 0.5)  # `hard` of a frame, each with the same chance
FRAMES_PER_STEP: Final = 16
CROP_SIDE_PX: Final = 192  # a crop costs a third of a whole picture and shows most of its flaws
CROPS_PER_PICTURE: Final = 2  # drawing a frame takes as long as one training step on it
PRODUCT_SHARES: Final = {"washer": 0.2, "board": 0.4, "cap": 0.4}  # products that are learned slowly get more frames
TRAINING_FLAW_WEIGHTS: Final = DEFAULT_FLAW_WEIGHTS | {
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
INCOMPLETE_SHARE: Final = 0.5  # of the compare conversations: caps that lack the star or have none
DATA_WORKERS: Final = 2
WORKER_NICENESS: Final = 10  # added to the priority value of a data worker
VIEW_PICTURES: Final = {False: view.Pictures.FRAME, True: view.Pictures.ZOOM}


Batch = TypeVar("Batch")


class Conversation(NamedTuple):
    """One training row about one part: pictures, the preamble, and questions with answers.

    The questions are about the last picture. `view_pictures` says which pictures the service would show.
    """

    product: str
    view_pictures: view.Pictures
    pictures: tuple[TrainingPicture, ...]
    preamble: str
    examples: tuple[TrainingExample, ...]

    @property
    def asks_verdict(self) -> bool:
        """Tell whether the first question asks for a verdict; otherwise all ask for reports."""
        return self.examples[0].kind is ExampleKind.VERDICT


class TowerBatch(NamedTuple):
    """A batch for the vision tower.

    Per picture: pixels, a class per patch, a box per visual token, the flaw's outline in each patch, and class and box
    of the main flaw (class 0 and NaN without a flaw).
    """

    pictures: NDArray[np.uint8]
    labels: Labels
    boxes: NDArray[np.float32]
    outlines: NDArray[np.bool_]
    main_class: NDArray[np.int64]
    main_box: NDArray[np.float32]


class PatchDataset(Dataset[TowerBatch]):
    """Batches for the vision tower: each drawn frame as a whole and in a detail, with 0 to MAX_FLAWS flaws.

    In the first `crop_steps` steps a batch holds CROPS_PER_PICTURE crops of both instead, of half as many frames.
    """

    def __init__(self, seed: int, first: int, last: int, crop_steps: int = 0) -> None:
        self.seed, self.steps, self.crop_steps = seed, range(first, last), crop_steps

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, index: int) -> TowerBatch:
        """Return the batch of one step."""
        step = self.steps[index]
        rng = np.random.default_rng([self.seed, 1, step])
        side, each = (CROP_SIDE_PX, CROPS_PER_PICTURE) if step < self.crop_steps else (TOWER_SIDE_PX, 1)
        frames = range(FRAMES_PER_STEP // each)
        pairs = [_whole_and_detail(rng, step < EASY_STEPS, side, each) for _ in frames]
        return stack_pictures([picture for pair in pairs for picture in pair])


def _whole_and_detail(rng: np.random.Generator, easy: bool, side: int, each: int) -> list[TrainingPicture]:
    """Draw one frame; return `each` whole windows and details of it."""
    flaws = int(rng.choice(MAX_FLAWS + 1, p=FLAW_COUNT_SHARES))
    sample = random_sample(rng, flaws, hard=0.0 if easy else None, weights=TRAINING_FLAW_WEIGHTS)
    pixels = sample.pixels if easy and rng.random() < 0.7 else disturb(rng, sample.pixels)
    windows = [whole_window(rng, len(pixels)), detail_window(rng, sample)] * each
    if side < TOWER_SIDE_PX:
        windows = [crop_window(rng, sample, window, side) for window in windows]
    return [training_picture(rng, sample, pixels, window, side) for window in windows]


class ConversationDataset(Dataset[list[Conversation]]):
    """Batches for the whole model: mostly whole frames, and details, comparisons, reports, out-of-scope pictures."""

    def __init__(self, seed: int, first: int, last: int) -> None:
        self.seed, self.steps = seed, range(first, last)

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, index: int) -> list[Conversation]:
        """Return the conversations of one step."""
        rng = np.random.default_rng([self.seed, 2, self.steps[index]])
        return [make(rng) for make, count in CONVERSATION_MIX for _ in range(count)]


def _frame_conversation(rng: np.random.Generator) -> Conversation:
    sample = random_sample(rng, _random_flaw_count(rng))
    return _conversation(rng, sample.product, (_question_picture(rng, sample),), view.Pictures.FRAME)


def _detail_conversation(rng: np.random.Generator) -> Conversation:
    sample = random_sample(rng, _random_flaw_count(rng))
    return _conversation(rng, sample.product, (_question_picture(rng, sample, closer=True),), view.Pictures.ZOOM)


def _compare_conversation(rng: np.random.Generator) -> Conversation:
    """Return a conversation with a golden sample first: as the compare view, or as a pipeline's reference."""
    incomplete = rng.random() < INCOMPLETE_SHARE
    sample = _incomplete_or_good(rng) if incomplete else random_sample(rng, _random_flaw_count(rng))
    good = draw(sample.product, FIRST_TRAINING_SEED + int(rng.integers(2**40)), flaws=0, variant=sample.variant)
    reference, picture = _golden_picture(rng, good), _question_picture(rng, sample)
    view_pictures = view.Pictures.COMPARE if rng.random() < 0.75 else view.Pictures.FRAME
    return _conversation(rng, sample.product, (reference, picture), view_pictures)


def _incomplete_or_good(rng: np.random.Generator) -> Sample:
    """Draw a cap without a star, or the variant that has none: only a golden sample tells them apart."""
    seed = FIRST_TRAINING_SEED + int(rng.integers(2**40))
    if rng.random() < 0.5:
        return draw("cap", seed, flaws=1, only="missing_star")
    return draw("cap", seed, flaws=0, variant=1)


def _report_conversation(rng: np.random.Generator) -> Conversation:
    """Return a conversation that asks only for the report about an NG frame or detail.

    Boxes take longest to learn, so they get more rows.
    """
    sample = random_sample(rng, int(rng.choice([1, 2, 3], p=[0.8, 0.12, 0.08])))
    closer = rng.random() < 0.5
    picture, view_pictures = _question_picture(rng, sample, closer), VIEW_PICTURES[closer]
    pipeline = random_pipeline(rng, sample.product)
    examples = report_examples(rng, pipeline, PictureTruth(picture.flaws))
    examples = examples or random_examples(rng, pipeline, PictureTruth(()), view_pictures)
    preamble = view.preamble(pipeline, view_pictures)
    return Conversation(sample.product, view_pictures, (picture,), preamble, tuple(examples))


def _out_of_scope_conversation(rng: np.random.Generator) -> Conversation:
    """Return a conversation about another product than the pipeline's, or about no product, in any view."""
    product = list(PRODUCTS)[int(rng.integers(len(PRODUCTS)))]
    choices = (view.Pictures.FRAME, view.Pictures.FRAME, view.Pictures.ZOOM, view.Pictures.COMPARE)
    view_pictures = choices[int(rng.integers(len(choices)))]
    other = rng.random() < 0.6
    picture = _other_product(rng, product, view_pictures) if other else out_of_scope_picture(rng, QUESTION_SIDE_PX)
    if view_pictures is not view.Pictures.COMPARE:
        return _conversation(rng, product, (picture,), view_pictures)
    good = draw(product, FIRST_TRAINING_SEED + int(rng.integers(2**40)), flaws=0)
    return _conversation(rng, product, (_golden_picture(rng, good), picture), view_pictures)


def _other_product(rng: np.random.Generator, product: str, view_pictures: view.Pictures) -> TrainingPicture:
    """Return a picture that usually shows another product; by chance it may show the right one."""
    other = random_sample(rng, 0)
    picture = _question_picture(rng, other, closer=view_pictures is view.Pictures.ZOOM)
    return picture if other.product == product else replace(picture, in_scope=False)


def _conversation(
    rng: np.random.Generator, product: str, pictures: tuple[TrainingPicture, ...], view_pictures: view.Pictures
) -> Conversation:
    """Return a conversation with random questions about the last picture."""
    references = 1 if view_pictures is view.Pictures.FRAME and len(pictures) == 2 else 0
    pipeline = random_pipeline(rng, product, references)
    truth = PictureTruth(pictures[-1].flaws, pictures[-1].in_scope)
    return Conversation(
        product,
        view_pictures,
        pictures,
        view.preamble(pipeline, view_pictures),
        tuple(random_examples(rng, pipeline, truth, view_pictures)),
    )


def _question_picture(rng: np.random.Generator, sample: Sample, closer: bool = False) -> TrainingPicture:
    """Return the disturbed frame, or a closer look at it."""
    window = detail_window(rng, sample) if closer else whole_window(rng, len(sample.pixels))
    return training_picture(rng, sample, disturb(rng, sample.pixels), window, QUESTION_SIDE_PX)


def _golden_picture(rng: np.random.Generator, good: Sample) -> TrainingPicture:
    """Return the undisturbed frame as a golden sample."""
    return training_picture(rng, good, good.pixels, Window(0.0, 0.0, len(good.pixels)), QUESTION_SIDE_PX)


def _random_flaw_count(rng: np.random.Generator) -> int:
    """Return the number of flaws of a conversation's frame: 0 or 1 in most cases, at most 5."""
    return int(rng.choice([0, 1, 2, 3, 5], p=[0.46, 0.36, 0.08, 0.05, 0.05]))


CONVERSATION_MIX: Final = (
    (_frame_conversation, 6),
    (_detail_conversation, 3),
    (_compare_conversation, 4),
    (_out_of_scope_conversation, 3),
    (_report_conversation, 5),
)


def random_sample(
    rng: np.random.Generator, flaws: int, hard: float | None = None, weights: Mapping[str, float] = DEFAULT_FLAW_WEIGHTS
) -> Sample:
    """Draw a frame of any product with a seed that evaluation never uses."""
    product = str(rng.choice(list(PRODUCT_SHARES), p=list(PRODUCT_SHARES.values())))
    hardness = float(rng.choice(HARDNESS_CHOICES)) if hard is None else hard
    variant = int(rng.integers(len(PRODUCTS[product].variants)))
    seed = FIRST_TRAINING_SEED + int(rng.integers(2**40))
    return draw(product, seed, flaws=flaws, hard=hardness, variant=variant, weights=weights)


def stack_pictures(pictures: Sequence[TrainingPicture]) -> TowerBatch:
    """Stack pictures and their labels into one batch."""
    pixels, labels, boxes, outlines = (
        np.stack(arrays) for arrays in zip(*((s.pixels, s.labels, s.boxes, s.outline) for s in pictures), strict=True)
    )
    classes, mains = zip(*(picture.main for picture in pictures), strict=True)
    corners = [(math.nan,) * 4 if box is None else (box.x0, box.y0, box.x1, box.y1) for box in mains]
    return TowerBatch(pixels, labels, boxes, outlines, np.array(classes, np.int64), np.array(corners, np.float32))


def stream_batches(dataset: Dataset[Batch], workers: int = DATA_WORKERS) -> Iterator[Batch]:
    """Return the batches in order, prepared by `workers` processes."""
    loader: DataLoader[Batch] = DataLoader(
        dataset,
        batch_size=None,
        num_workers=workers,
        worker_init_fn=_init_worker,
        prefetch_factor=6 if workers else None,
    )
    return iter(loader)


def _init_worker(_: int) -> None:
    """Give the training threads priority: they wait for one another, so each interruption costs twice."""
    os.nice(WORKER_NICENESS)
    cv2.setNumThreads(0)
