"""How good a checkpoint is on frames it never saw: the figures of its model card.

Held out are the seeds, the wordings, the disturbances as a set, and some kinds of pictures that show no product.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from inspector.domain.declared import Disposition
from inspector.lab.synthetic import PRODUCTS, Sample, draw, encode
from inspector.lab.synthetic.sample import Pixels
from inspector.lab.training.bench import Bench, Climbed, Reported, held_out, incomplete
from inspector.lab.training.disturbances import DISTURBANCES
from inspector.lab.training.scores import (
    FAINT_SHARE,
    Scored,
    balanced_accuracy_at,
    best_threshold,
    by_product,
    recall_by_class,
    recall_by_decile,
)
from inspector.lab.training.strangers import STRANGERS
from inspector.tuning.classification_metrics import auroc, calibration_error

STRANGERS_PER_FRAME: Final = 0.02  # of each kind of strange picture
FITS: Final = 0.5  # overlap from which a box counts as right
DIRECT: Final = "direct"
LADDER: Final = "ladder"
Progress = Callable[[str, int, int], None]  # what is measured, frames done, frames in all


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured on held-out frames; shares in 0..1, times in ms.

    `threshold` and `ladder_threshold` were calibrated on as many other frames. `views` are AUROCs; `products`,
    `robustness` balanced accuracies; `classes`, `deciles` shares of NG frames found; `missing_features` AUROCs without
    and with a golden sample, on parts that lack something only that can show; `out_of_scope` per kind of strange
    picture the mean p_ng and the share that the line would pass.
    """

    frames: int
    threshold: float
    ladder_threshold: float
    balanced_accuracy: float
    balanced_accuracy_half: float
    balanced_accuracy_clear: float
    balanced_accuracy_ladder: float
    balanced_accuracy_ladder_clear: float
    auroc: float
    auroc_ladder: float
    ece: float
    defect_accuracy: float
    iou50: float
    votes_mean: float
    direct_ms: float
    report_ms: float
    views: Mapping[str, float]
    products: Mapping[str, float]
    classes: Mapping[str, float]
    deciles: Mapping[str, float]
    missing_features: Mapping[str, float]
    robustness: Mapping[str, float]
    out_of_scope: Mapping[str, Mapping[str, float]]


class Looked(NamedTuple):
    """Frames with the direct verdict and the ladder's about each."""

    direct: Scored
    ladder: Scored
    votes_mean: float
    direct_ms: float


async def measure(bench: Bench, *, frames: int, seed: int, progress: Progress = lambda *_: None) -> Figures:
    """All figures; thresholds are calibrated on as many other frames."""
    calibration = await _looked(bench, held_out(frames, seed + frames), _told(progress, "calibration"))
    threshold, ladder_threshold = best_threshold(calibration.direct), best_threshold(calibration.ladder)
    looked = await _looked(bench, held_out(frames, seed), _told(progress, "verdicts"))
    scored = looked.direct
    views = await _views(bench, scored.samples, _told(progress, "views"))
    reports = await _reports(bench, scored, threshold, _told(progress, "reports"))
    spoilt = await _spoilt(bench, scored.samples, _told(progress, "disturbances"))
    rows = {"undisturbed": scored, **spoilt, "held-out wordings": views.pop("held-out wording")}
    return Figures(
        frames=frames,
        threshold=threshold,
        ladder_threshold=ladder_threshold,
        balanced_accuracy=balanced_accuracy_at(scored, threshold),
        balanced_accuracy_half=balanced_accuracy_at(scored, 0.5),
        balanced_accuracy_clear=balanced_accuracy_at(scored, threshold, FAINT_SHARE),
        balanced_accuracy_ladder=balanced_accuracy_at(looked.ladder, ladder_threshold),
        balanced_accuracy_ladder_clear=balanced_accuracy_at(looked.ladder, ladder_threshold, FAINT_SHARE),
        auroc=auroc(scored.p_ng, scored.ng),
        auroc_ladder=auroc(looked.ladder.p_ng, scored.ng),
        ece=calibration_error(scored.p_ng, scored.ng),
        defect_accuracy=_share(report.right_class for report in reports),
        iou50=_share(report.iou >= FITS for report in reports),
        votes_mean=looked.votes_mean,
        direct_ms=looked.direct_ms,
        report_ms=float(np.median([report.ms for report in reports])) if reports else 0.0,
        views={DIRECT: auroc(scored.p_ng, scored.ng)} | {name: auroc(v.p_ng, v.ng) for name, v in views.items()},
        products=by_product(scored, threshold),
        classes=recall_by_class(scored, threshold),
        deciles={str(k): share for k, share in enumerate(recall_by_decile(scored, threshold), 1)},
        missing_features=await _missing_features(bench, frames, seed),
        robustness={name: balanced_accuracy_at(row, threshold) for name, row in rows.items()},
        out_of_scope=await _out_of_scope(bench, frames, seed, _told(progress, "out of scope")),
    )


Tell = Callable[[int, int], None]


def _told(progress: Progress, what: str) -> Tell:
    return lambda done, of: progress(what, done, of)


async def _looked(bench: Bench, samples: Sequence[Sample], tell: Tell) -> Looked:
    """The direct verdict (timed) and the ladder's, frame by frame."""
    direct, ladder = [], []
    for done, sample in enumerate(samples, 1):
        data = encode(sample)
        direct.append(await bench.direct(sample.product, data))
        ladder.append(await bench.judged(sample.product, data, sample.variant))
        tell(done, len(samples))
    return Looked(
        Scored(samples, np.array([read.p_ng for read in direct])),
        Scored(samples, np.array([climbed.p_ng for climbed in ladder])),
        float(np.mean([climbed.votes for climbed in ladder])),
        float(np.median([read.ms for read in direct])),
    )


async def _views(bench: Bench, samples: Sequence[Sample], tell: Tell) -> dict[str, Scored]:
    found: list[dict[str, float]] = []
    for done, sample in enumerate(samples, 1):
        found.append(await bench.views(sample))
        tell(done, len(samples))
    return {name: Scored(samples, np.array([each[name] for each in found])) for name in found[0]}


async def _reports(bench: Bench, scored: Scored, threshold: float, tell: Tell) -> list[Reported]:
    """Reports of the NG frames that were found."""
    called = zip(scored.samples, scored.p_ng, strict=True)
    found = [sample for sample, p_ng in called if sample.ng and p_ng > threshold]
    reports = []
    for done, sample in enumerate(found, 1):
        reports.append(await bench.report(sample))
        tell(done, len(found))
    return reports


def _share(hits: Iterable[bool]) -> float:
    """Share of hits; 0 where nothing was tried."""
    tried = list(hits)
    return sum(tried) / max(1, len(tried))


async def _spoilt(bench: Bench, samples: Sequence[Sample], tell: Tell) -> dict[str, Scored]:
    """Direct verdicts about disturbed frames."""
    rng, rows, done = np.random.default_rng(0), {}, 0
    for name, spoil in DISTURBANCES.items():
        scores = []
        for sample in samples:
            scores.append(await _about(bench, sample.product, spoil(sample.pixels, rng)))
            done += 1
            tell(done, len(samples) * len(DISTURBANCES))
        rows[name] = Scored(samples, np.array(scores))
    return rows


async def _about(bench: Bench, product: str, pixels: Pixels) -> float:
    return (await bench.direct(product, encode(_as_frame(product, pixels)))).p_ng


def _as_frame(product: str, pixels: Pixels) -> Sample:
    return Sample(product, 0, pixels, pixels[..., 0], ())


async def _missing_features(bench: Bench, frames: int, seed: int) -> dict[str, float]:
    samples = incomplete(max(12, frames // 5), seed)
    ng = np.array([sample.ng for sample in samples])
    alone = np.array([(await bench.direct(sample.product, encode(sample))).p_ng for sample in samples])
    beside = np.array([await bench.compared(sample) for sample in samples])
    return {"no reference": auroc(alone, ng), "golden sample": auroc(beside, ng)}


async def _out_of_scope(bench: Bench, frames: int, seed: int, tell: Tell) -> dict[str, dict[str, float]]:
    """Pictures that show no such product: what passes here is a confident OK about nothing."""
    rng, names = np.random.default_rng(seed), list(PRODUCTS)
    count = max(len(names), round(STRANGERS_PER_FRAME * frames))
    pictures = {kind: [(names[k % len(names)], maker(rng)) for k in range(count)] for kind, maker in STRANGERS.items()}
    pictures["another product"] = [
        (name, draw(other, seed + k, ng=False).pixels)
        for k in range(max(1, count // 6))
        for name in names
        for other in names
        if name != other
    ]
    table = {}
    for done, (kind, shown) in enumerate(pictures.items(), 1):
        table[kind] = _outcome([await bench.inspected(name, encode(_as_frame(name, p))) for name, p in shown])
        tell(done, len(pictures))
    return table


def _outcome(climbed: Sequence[Climbed]) -> dict[str, float]:
    passed = [each.disposition is Disposition.PASS for each in climbed]
    return {"p_ng": float(np.mean([each.p_ng for each in climbed])), "passed": float(np.mean(passed))}
