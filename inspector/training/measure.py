"""How good a checkpoint is, on frames it never saw: the figures of its model card.

Frames pass through what a camera's do: JPEG, then the processor's own resizing. Held out are the seeds, the ten
wordings below, and the strengths of the disturbances as a set.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inspector import view
from inspector.pipeline import Pipeline
from inspector.products import PRODUCTS, Flaw, Sample, draw, encode, golden
from inspector.products.sample import Pixels
from inspector.report import Box, read_words
from inspector.training.architecture import SIDE
from inspector.training.disturbances import DISTURBANCES, Spoil
from inspector.training.shots import STRAYS
from inspector.training.vision_stage import auroc
from inspector.training.witness import Witness

FAINT_SHARE: Final = 0.3  # of the NG frames, by contrast, that "clear" figures leave out
BINS: Final = 10
GOLDEN_SEED: Final = 1
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
Frames = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured on held-out frames; shares in 0..1."""

    frames: int
    threshold: float
    balanced_accuracy: float
    balanced_accuracy_half: float
    balanced_accuracy_clear: float
    auroc: float
    ece: float
    defect_accuracy: float
    iou50: float
    products: Mapping[str, float]
    classes: Mapping[str, float]
    deciles: Sequence[float]
    views: Mapping[str, float]
    robustness: Mapping[str, float]
    out_of_scope: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Scored:
    """Samples with the model's p_ng for each."""

    samples: Sequence[Sample]
    p_ng: NDArray[np.float64]

    @property
    def ng(self) -> NDArray[np.bool_]:
        return np.array([sample.ng for sample in self.samples])

    def balanced(self, threshold: float, kept: NDArray[np.bool_] | None = None) -> float:
        chosen = np.ones(len(self.samples), bool) if kept is None else kept
        called = self.p_ng > threshold
        return float(
            ((called & chosen)[self.ng].sum() / max(1, chosen[self.ng].sum()) + 1 - called[~self.ng].mean()) / 2
        )


def measure(witness: Witness, pipelines: Mapping[str, Pipeline], *, frames: int, seed: int) -> Figures:
    """All figures. The threshold is calibrated on other frames of the same number."""
    threshold = _best_threshold(_direct(witness, pipelines, held_out(frames, seed + frames)))
    scored = _direct(witness, pipelines, held_out(frames, seed))
    found = _reports(
        witness,
        pipelines,
        [sample for sample, p in zip(scored.samples, scored.p_ng, strict=True) if sample.ng and p > threshold],
    )
    return Figures(
        frames=frames,
        threshold=threshold,
        balanced_accuracy=scored.balanced(threshold),
        balanced_accuracy_half=scored.balanced(0.5),
        balanced_accuracy_clear=scored.balanced(threshold, ~_faint(scored)),
        auroc=auroc(scored.p_ng, scored.ng),
        ece=calibration_error(scored),
        defect_accuracy=float(np.mean([right for right, _ in found] or [0.0])),
        iou50=float(np.mean([overlap >= 0.5 for _, overlap in found] or [0.0])),
        products=_by_product(scored, threshold),
        classes=_recall_by_class(scored, threshold),
        deciles=_recall_by_decile(scored, threshold),
        views=_views(witness, pipelines, scored.samples),
        robustness=_robustness(witness, pipelines, scored.samples, threshold),
        out_of_scope=_out_of_scope(witness, pipelines, seed),
    )


def held_out(frames: int, seed: int) -> list[Sample]:
    """Frames of all products in turn, half of them NG."""
    names = list(PRODUCTS)
    return [draw(names[k % len(names)], seed + k, ng=k // len(names) % 2 == 1) for k in range(frames)]


def as_sent(pixels: Pixels, quality: int = 90) -> Frames:
    """The frame after JPEG and the processor's resizing."""
    data = encode(Sample("", 0, pixels, pixels[..., 0], ()), quality)
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def calibration_error(scored: Scored) -> float:
    """Expected calibration error over equal bins of p_ng."""
    places = np.minimum((scored.p_ng * BINS).astype(int), BINS - 1)
    gaps = [
        abs(scored.p_ng[places == k].mean() - scored.ng[places == k].mean()) * (places == k).mean() for k in set(places)
    ]
    return float(sum(gaps))


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    width, height = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
    shared = max(width, 0.0) * max(height, 0.0)
    areas = [(box.x1 - box.x0) * (box.y1 - box.y0) for box in (a, b)]
    return shared / (sum(areas) - shared)


def _direct(
    witness: Witness, pipelines: Mapping[str, Pipeline], samples: Sequence[Sample], spoil: Spoil | None = None
) -> Scored:
    rng = np.random.default_rng(0)
    seen = [sample.pixels if spoil is None else spoil(sample.pixels, rng) for sample in samples]
    asked = [pipelines[sample.product] for sample in samples]
    p_ng = [_asked_about(witness, pipeline, pixels) for pixels, pipeline in zip(seen, asked, strict=True)]
    return Scored(samples, np.array(p_ng))


def _best_threshold(scored: Scored) -> float:
    candidates = np.unique(np.concatenate(([0.5], scored.p_ng)))
    return float(max(candidates, key=lambda threshold: scored.balanced(float(threshold))))


def _faint(scored: Scored) -> NDArray[np.bool_]:
    """NG frames among the faintest by the contrast of their plainest flaw."""
    limit = np.quantile([_plain(sample).contrast for sample in scored.samples if sample.ng], FAINT_SHARE)
    return np.array([sample.ng and _plain(sample).contrast < limit for sample in scored.samples])


def _plain(sample: Sample) -> Flaw:
    flaw = sample.main
    if flaw is None:
        raise ValueError("an OK frame has no flaw")
    return flaw


def _by_product(scored: Scored, threshold: float) -> dict[str, float]:
    return {
        name: Scored(
            [s for s in scored.samples if s.product == name], scored.p_ng[[s.product == name for s in scored.samples]]
        ).balanced(threshold)
        for name in PRODUCTS
    }


def _recall_by_class(scored: Scored, threshold: float) -> dict[str, float]:
    called: dict[str, list[bool]] = {}
    for sample, p in zip(scored.samples, scored.p_ng, strict=True):
        if sample.ng:
            called.setdefault(_plain(sample).defect, []).append(bool(p > threshold))
    return {name: float(np.mean(right)) for name, right in sorted(called.items())}


def _recall_by_decile(scored: Scored, threshold: float) -> list[float]:
    """Share of NG frames called NG, faintest tenth first."""
    contrast = np.array([_plain(sample).contrast for sample in scored.samples if sample.ng])
    called = scored.p_ng[scored.ng][np.argsort(contrast)] > threshold
    return [float(part.mean()) for part in np.array_split(called, BINS)]


def _reports(
    witness: Witness, pipelines: Mapping[str, Pipeline], samples: Sequence[Sample]
) -> list[tuple[bool, float]]:
    """For each NG frame: was a class that is there named, and how well the box fits the nearest flaw."""
    found = []
    for sample in samples:
        pipeline = pipelines[sample.product]
        text = witness.write(
            (as_sent(sample.pixels),),
            view.preamble(pipeline, view.Pictures.FRAME),
            view.report_request(pipeline),
            '{"defect": "',
            view.REPORT_TOKENS,
        )
        named = read_words(text, pipeline).main
        boxes = (
            [overlap(named.bbox_norm, flaw.box_norm) for flaw in sample.flaws] if named and named.bbox_norm else [0.0]
        )
        found.append((named is not None and named.defect in {flaw.defect for flaw in sample.flaws}, max(boxes)))
    return found


def _views(witness: Witness, pipelines: Mapping[str, Pipeline], samples: Sequence[Sample]) -> dict[str, float]:
    """AUROC of every other way of asking, on the same frames."""
    return {
        name: auroc(
            np.array([ask(witness, pipelines[s.product], s) for s in samples]), np.array([s.ng for s in samples])
        )
        for name, ask in VIEWS.items()
    }


def _paraphrased(witness: Witness, pipeline: Pipeline, sample: Sample) -> float:
    wording = view.PARAPHRASES[sample.seed % len(view.PARAPHRASES)].format(product=pipeline.product) + view.ANSWER
    return _ask(witness, pipeline, sample.pixels, [wording])[0]


def _inverted(witness: Witness, pipeline: Pipeline, sample: Sample) -> float:
    asked = f"Is this {pipeline.product} free of any defect?{view.ANSWER}"
    return 1.0 - _ask(witness, pipeline, sample.pixels, [asked])[0]


def _worst_of_checklist(witness: Witness, pipeline: Pipeline, sample: Sample) -> float:
    return max(_ask(witness, pipeline, sample.pixels, [item + view.ANSWER for item in view.checklist(pipeline)]))


def _compared(witness: Witness, pipeline: Pipeline, sample: Sample) -> float:
    shown = (as_sent(golden(sample.product, GOLDEN_SEED).pixels), as_sent(sample.pixels))
    asked = f"Compared with the good {pipeline.product}, does the second one show any defect?{view.ANSWER}"
    return witness.p_yes(shown, view.preamble(pipeline, view.Pictures.COMPARE), [asked])[0]


def _zoomed(witness: Witness, pipeline: Pipeline, sample: Sample) -> float:
    """Where the model itself points, at native resolution."""
    preamble = view.preamble(pipeline, view.Pictures.FRAME)
    box = witness.locate((as_sent(sample.pixels),), preamble)
    height, width = sample.pixels.shape[:2]
    x, y = (0.5, 0.5) if box is None else ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)
    left, top = (int(np.clip(place * side - SIDE / 2, 0, side - SIDE)) for place, side in ((x, width), (y, height)))
    crop = np.ascontiguousarray(sample.pixels[top : top + SIDE, left : left + SIDE])
    asked = f"Does this detail of the {pipeline.product} show any defect?{view.ANSWER}"
    return witness.p_yes((as_sent(crop),), view.preamble(pipeline, view.Pictures.ZOOM), [asked])[0]


def _robustness(
    witness: Witness, pipelines: Mapping[str, Pipeline], samples: Sequence[Sample], threshold: float
) -> dict[str, float]:
    """Balanced accuracy under each disturbance, and in the held-out wordings, at the same threshold."""
    rows = {
        name: _direct(witness, pipelines, samples, spoil).balanced(threshold) for name, spoil in DISTURBANCES.items()
    }
    return rows | {"held-out wordings": _reworded(witness, pipelines, samples).balanced(threshold)}


def _reworded(witness: Witness, pipelines: Mapping[str, Pipeline], samples: Sequence[Sample]) -> Scored:
    """Each frame asked about in one of the held-out wordings."""
    answers = []
    for k, sample in enumerate(samples):
        pipeline = pipelines[sample.product]
        text = WORDINGS[k // (2 * len(PRODUCTS)) % len(WORDINGS)].format(product=pipeline.product) + view.ANSWER
        answers += _ask(witness, pipeline, sample.pixels, [text])
    return Scored(samples, np.array(answers))


def _out_of_scope(witness: Witness, pipelines: Mapping[str, Pipeline], seed: int) -> dict[str, float]:
    """Mean p_ng of pictures that show no such product; low would be a confident OK."""
    rng = np.random.default_rng(seed)
    asked = list(pipelines.values())
    rows: dict[str, list[float]] = {}
    for k in range(8 * len(STRAYS)):
        maker, pipeline = STRAYS[k % len(STRAYS)], asked[k % len(asked)]
        rows.setdefault(maker.__name__.strip("_"), []).append(_asked_about(witness, pipeline, maker(rng)))
    for name in PRODUCTS:
        for pipeline in (pipelines[other] for other in pipelines if other != name):
            rows.setdefault("another product", []).append(_asked_about(witness, pipeline, golden(name, seed).pixels))
    return {name: float(np.mean(values)) for name, values in rows.items()}


def _asked_about(witness: Witness, pipeline: Pipeline, pixels: Pixels) -> float:
    return _ask(witness, pipeline, pixels, [pipeline.question])[0]


def _ask(witness: Witness, pipeline: Pipeline, pixels: Pixels, questions: Sequence[str]) -> list[float]:
    return witness.p_yes((as_sent(pixels),), view.preamble(pipeline, view.Pictures.FRAME), questions)


VIEWS: Final[Mapping[str, Callable[[Witness, Pipeline, Sample], float]]] = {
    "paraphrase": _paraphrased,
    "inverted": _inverted,
    "checklist": _worst_of_checklist,
    "compare": _compared,
    "zoom": _zoomed,
}
