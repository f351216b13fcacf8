"""A checkpoint asked about held-out frames, in every view.

Frames pass through what a camera's do: JPEG, then the processor's own resizing.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inspector import view
from inspector.pipeline import Pipeline
from inspector.products import PRODUCTS, Sample, draw, encode, golden
from inspector.products.sample import Pixels
from inspector.report import read_words
from inspector.training.architecture import SIDE
from inspector.training.disturbances import Spoil
from inspector.training.scores import Scored, overlap
from inspector.training.witness import Witness

GOLDEN_SEED: Final = 1
REPORT_START: Final = '{"defect": "'
WORDINGS: Final = (
    "Do any imperfections appear on this {product}?",
    "Could a customer complain about this {product}?",
    "Is some area of the {product} not the way it was designed?",
    "Would you set this {product} aside for rework?",
    "Can damage or contamination be seen?",
    "Is there something on the {product} that should not be there?",
    "Has production of this {product} gone wrong somewhere?",
    "Is at least one defect present on the {product}?",
    "Should an alarm be raised for this {product}?",
    "Do you spot a fault in this image of a {product}?",
)


class Reported(NamedTuple):
    """How good the report of one NG frame is: a class that is there was named; best overlap with a flaw."""

    right_class: bool
    iou: float


@dataclass(frozen=True, slots=True)
class Bench:
    """One checkpoint and the pipelines (by product) whose words it is asked in."""

    witness: Witness
    pipelines: Mapping[str, Pipeline]

    def score(self, samples: Sequence[Sample], ask: Ask) -> Scored:
        """p_ng of every sample, asked in one way."""
        return Scored(samples, np.array([ask(self, sample) for sample in samples]))

    def disturbed(self, samples: Sequence[Sample], spoil: Spoil) -> Scored:
        """p_ng of every sample, its picture spoilt."""
        rng = np.random.default_rng(0)
        return Scored(samples, np.array([self.about(s.product, spoil(s.pixels, rng)) for s in samples]))

    def about(self, product: str, pixels: Pixels, question: str | None = None) -> float:
        """Probability of Yes to a question about a picture; to the pipeline's own where none is given."""
        pipeline = self.pipelines[product]
        return self.yes(view.Pictures.FRAME, product, (pixels,), question or pipeline.question + view.ANSWER)

    def yes(self, shown: view.Pictures, product: str, pictures: Sequence[Pixels], question: str) -> float:
        preamble = view.preamble(self.pipelines[product], shown)
        return self.witness.p_yes([as_sent(pixels) for pixels in pictures], preamble, [question])[0]

    def report(self, sample: Sample) -> Reported:
        """The report that is written about an NG frame."""
        pipeline = self.pipelines[sample.product]
        request, preamble = view.report_request(pipeline), view.preamble(pipeline, view.Pictures.FRAME)
        text = self.witness.write([as_sent(sample.pixels)], preamble, request, REPORT_START, view.REPORT_TOKENS)
        named = read_words(text, pipeline).main
        if named is None:
            return Reported(False, 0.0)
        ious = [overlap(named.bbox_norm, flaw.box_norm) for flaw in sample.flaws] if named.bbox_norm else [0.0]
        return Reported(named.defect in {flaw.defect for flaw in sample.flaws}, max(ious))


Ask = Callable[[Bench, Sample], float]


def held_out(frames: int, seed: int) -> list[Sample]:
    """Frames of all products in turn, half of them NG."""
    names = list(PRODUCTS)
    return [draw(names[k % len(names)], seed + k, ng=k // len(names) % 2 == 1) for k in range(frames)]


def as_sent(pixels: Pixels) -> NDArray[np.uint8]:
    """The picture after JPEG and the processor's resizing."""
    data = encode(Sample("", 0, pixels, pixels[..., 0], ()))
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def direct(bench: Bench, sample: Sample) -> float:
    return bench.about(sample.product, sample.pixels)


def reworded(bench: Bench, sample: Sample) -> float:
    """In one of the held-out wordings."""
    return _worded(bench, sample, WORDINGS[sample.seed // (2 * len(PRODUCTS)) % len(WORDINGS)])


def _paraphrased(bench: Bench, sample: Sample) -> float:
    return _worded(bench, sample, view.PARAPHRASES[sample.seed % len(view.PARAPHRASES)])


def _inverted(bench: Bench, sample: Sample) -> float:
    return 1.0 - _worded(bench, sample, "Is this {product} free of any defect?")


def _worded(bench: Bench, sample: Sample, wording: str) -> float:
    text = wording.format(product=bench.pipelines[sample.product].product) + view.ANSWER
    return bench.about(sample.product, sample.pixels, text)


def _worst_of_checklist(bench: Bench, sample: Sample) -> float:
    pipeline = bench.pipelines[sample.product]
    items = [item + view.ANSWER for item in view.checklist(pipeline)]
    preamble = view.preamble(pipeline, view.Pictures.FRAME)
    return max(bench.witness.p_yes([as_sent(sample.pixels)], preamble, items))


def _compared(bench: Bench, sample: Sample) -> float:
    """Beside a golden sample."""
    name = bench.pipelines[sample.product].product
    question = f"Compared with the good {name}, does the second one show any defect?{view.ANSWER}"
    pictures = (golden(sample.product, GOLDEN_SEED).pixels, sample.pixels)
    return bench.yes(view.Pictures.COMPARE, sample.product, pictures, question)


def _zoomed(bench: Bench, sample: Sample) -> float:
    """Where the model itself points, at native resolution."""
    pipeline = bench.pipelines[sample.product]
    box = bench.witness.locate([as_sent(sample.pixels)], view.preamble(pipeline, view.Pictures.FRAME))
    x, y = ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2) if box else (0.5, 0.5)
    size = len(sample.pixels)
    left, top = (int(np.clip(place * size - SIDE / 2, 0, size - SIDE)) for place in (x, y))
    crop = np.ascontiguousarray(sample.pixels[top : top + SIDE, left : left + SIDE])
    question = f"Does this detail of the {pipeline.product} show any defect?{view.ANSWER}"
    return bench.yes(view.Pictures.ZOOM, sample.product, (crop,), question)


VIEWS: Final[Mapping[str, Ask]] = {
    "direct": direct,
    "paraphrase": _paraphrased,
    "inverted": _inverted,
    "checklist": _worst_of_checklist,
    "compare": _compared,
    "zoom": _zoomed,
}
