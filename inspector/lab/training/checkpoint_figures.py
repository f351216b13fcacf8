"""Measures a checkpoint on held-out frames: the figures of its model page.

Held out are the seeds, the wordings, the disturbances as a set, and some kinds of out-of-scope pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from inspector.domain.declared import Disposition
from inspector.lab.synthetic import PRODUCTS, Sample, draw, encode
from inspector.lab.synthetic.sample import Pixels
from inspector.lab.training.checkpoint_evaluator import (
    CheckpointEvaluator,
    LadderVerdict,
    ReportScore,
    held_out_frames,
    incomplete_caps,
)
from inspector.lab.training.disturbances import DISTURBANCES
from inspector.lab.training.out_of_scope_pictures import OUT_OF_SCOPE_PICTURES
from inspector.lab.training.scores import (
    FAINT_SHARE,
    ScoredSamples,
    balanced_accuracy_at,
    best_threshold,
    by_product,
    recall_by_class,
    recall_by_decile,
)
from inspector.numerics.classification_metrics import auroc, calibration_error

OUT_OF_SCOPE_PER_FRAME: Final = 0.02  # pictures of each out-of-scope kind, per held-out frame
MIN_BOX_IOU: Final = 0.5  # IoU from which a box counts as right
DIRECT: Final = "direct"
StageProgress = Callable[[str, int, int], None]  # stage, frames done, total frames
CountProgress = Callable[[int, int], None]  # frames done, total frames


@dataclass(frozen=True, slots=True)
class CheckpointFigures:
    """Figures on held-out frames; shares are 0..1, times are in ms.

    `threshold` and `ladder_threshold` were chosen on the same number of other frames. `views` are AUROCs. `products`
    and `robustness` are balanced accuracies. `classes` and `deciles` are shares of NG frames found. `missing_features`
    are AUROCs without and with a golden sample, on parts whose flaw only a golden sample shows. `out_of_scope` gives,
    per kind of picture, the mean p_ng and the share that the line would pass.
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


class VerdictScores(NamedTuple):
    """The scores of the direct view and of the ladder for the same samples."""

    direct: ScoredSamples
    ladder: ScoredSamples
    votes_mean: float
    direct_ms: float


async def measure(
    evaluator: CheckpointEvaluator, *, frames: int, seed: int, progress: StageProgress = lambda *_: None
) -> CheckpointFigures:
    """Measure all figures; the thresholds are chosen on the same number of other frames."""
    calibration = await _verdict_scores(
        evaluator, held_out_frames(frames, seed + frames), _count_progress(progress, "calibration")
    )
    threshold, ladder_threshold = best_threshold(calibration.direct), best_threshold(calibration.ladder)
    verdicts = await _verdict_scores(evaluator, held_out_frames(frames, seed), _count_progress(progress, "verdicts"))
    scored = verdicts.direct
    views = await _view_scores(evaluator, scored.samples, _count_progress(progress, "views"))
    reports = await _report_scores(evaluator, scored, threshold, _count_progress(progress, "reports"))
    disturbed = await _disturbed_scores(evaluator, scored.samples, _count_progress(progress, "disturbances"))
    rows = {"undisturbed": scored, **disturbed, "held-out wordings": views.pop("held-out wording")}
    return CheckpointFigures(
        frames=frames,
        threshold=threshold,
        ladder_threshold=ladder_threshold,
        balanced_accuracy=balanced_accuracy_at(scored, threshold),
        balanced_accuracy_half=balanced_accuracy_at(scored, 0.5),
        balanced_accuracy_clear=balanced_accuracy_at(scored, threshold, FAINT_SHARE),
        balanced_accuracy_ladder=balanced_accuracy_at(verdicts.ladder, ladder_threshold),
        balanced_accuracy_ladder_clear=balanced_accuracy_at(verdicts.ladder, ladder_threshold, FAINT_SHARE),
        auroc=auroc(scored.p_ng, scored.ng),
        auroc_ladder=auroc(verdicts.ladder.p_ng, scored.ng),
        ece=calibration_error(scored.p_ng, scored.ng),
        defect_accuracy=_share(report.right_class for report in reports),
        iou50=_share(report.iou >= MIN_BOX_IOU for report in reports),
        votes_mean=verdicts.votes_mean,
        direct_ms=verdicts.direct_ms,
        report_ms=float(np.median([report.ms for report in reports])) if reports else 0.0,
        views={DIRECT: auroc(scored.p_ng, scored.ng)} | {name: auroc(v.p_ng, v.ng) for name, v in views.items()},
        products=by_product(scored, threshold),
        classes=recall_by_class(scored, threshold),
        deciles={str(k): share for k, share in enumerate(recall_by_decile(scored, threshold), 1)},
        missing_features=await _missing_features(evaluator, frames, seed),
        robustness={name: balanced_accuracy_at(row, threshold) for name, row in rows.items()},
        out_of_scope=await _out_of_scope(evaluator, frames, seed, _count_progress(progress, "out of scope")),
    )


def _count_progress(progress: StageProgress, what: str) -> CountProgress:
    """Return a progress callback for one stage."""
    return lambda done, of: progress(what, done, of)


async def _verdict_scores(
    evaluator: CheckpointEvaluator, samples: Sequence[Sample], progress: CountProgress
) -> VerdictScores:
    """Collect the direct verdict (timed) and the ladder's verdict for each sample."""
    direct, ladder = [], []
    for done, sample in enumerate(samples, 1):
        data = encode(sample)
        direct.append(await evaluator.direct_verdict(sample.product, data))
        ladder.append(await evaluator.ladder_verdict(sample.product, data, sample.variant))
        progress(done, len(samples))
    return VerdictScores(
        ScoredSamples(samples, np.array([read.p_ng for read in direct])),
        ScoredSamples(samples, np.array([verdict.p_ng for verdict in ladder])),
        float(np.mean([verdict.votes for verdict in ladder])),
        float(np.median([read.ms for read in direct])),
    )


async def _view_scores(
    evaluator: CheckpointEvaluator, samples: Sequence[Sample], progress: CountProgress
) -> dict[str, ScoredSamples]:
    """Collect the scores of every other view for each sample."""
    scores: list[dict[str, float]] = []
    for done, sample in enumerate(samples, 1):
        scores.append(await evaluator.view_scores(sample))
        progress(done, len(samples))
    return {name: ScoredSamples(samples, np.array([each[name] for each in scores])) for name in scores[0]}


async def _report_scores(
    evaluator: CheckpointEvaluator, scored: ScoredSamples, threshold: float, progress: CountProgress
) -> list[ReportScore]:
    """Score the reports about the NG frames that the direct view found."""
    called = zip(scored.samples, scored.p_ng, strict=True)
    true_alarms = [sample for sample, p_ng in called if sample.ng and p_ng > threshold]
    reports = []
    for done, sample in enumerate(true_alarms, 1):
        reports.append(await evaluator.report_score(sample))
        progress(done, len(true_alarms))
    return reports


def _share(hits: Iterable[bool]) -> float:
    """Return the share of hits, or 0 without any tries."""
    tried = list(hits)
    return sum(tried) / max(1, len(tried))


async def _disturbed_scores(
    evaluator: CheckpointEvaluator, samples: Sequence[Sample], progress: CountProgress
) -> dict[str, ScoredSamples]:
    """Collect direct verdicts about disturbed frames, per disturbance."""
    rng, rows, done = np.random.default_rng(0), {}, 0
    for name, disturb in DISTURBANCES.items():
        scores = []
        for sample in samples:
            scores.append(await _direct_p_ng(evaluator, sample.product, disturb(sample.pixels, rng)))
            done += 1
            progress(done, len(samples) * len(DISTURBANCES))
        rows[name] = ScoredSamples(samples, np.array(scores))
    return rows


async def _direct_p_ng(evaluator: CheckpointEvaluator, product: str, pixels: Pixels) -> float:
    """Return p_ng of the direct view for a picture."""
    return (await evaluator.direct_verdict(product, encode(_as_frame(product, pixels)))).p_ng


def _as_frame(product: str, pixels: Pixels) -> Sample:
    """Wrap a picture as a sample, so that it can be encoded."""
    return Sample(product, 0, pixels, pixels[..., 0], ())


async def _missing_features(evaluator: CheckpointEvaluator, frames: int, seed: int) -> dict[str, float]:
    """Return AUROCs on caps without a star, without and with a golden sample."""
    samples = incomplete_caps(max(12, frames // 5), seed)
    ng = np.array([sample.ng for sample in samples])
    alone = np.array([(await evaluator.direct_verdict(sample.product, encode(sample))).p_ng for sample in samples])
    with_golden = np.array([await evaluator.compare_score(sample) for sample in samples])
    return {"no reference": auroc(alone, ng), "golden sample": auroc(with_golden, ng)}


async def _out_of_scope(
    evaluator: CheckpointEvaluator, frames: int, seed: int, progress: CountProgress
) -> dict[str, dict[str, float]]:
    """Inspect pictures that do not show the pipeline's product; each one that passes is a wrong, confident OK."""
    rng, names = np.random.default_rng(seed), list(PRODUCTS)
    count = max(len(names), round(OUT_OF_SCOPE_PER_FRAME * frames))
    pictures = {
        kind: [(names[k % len(names)], maker(rng)) for k in range(count)]
        for kind, maker in OUT_OF_SCOPE_PICTURES.items()
    }
    pictures["another product"] = [
        (name, draw(other, seed + k, ng=False).pixels)
        for k in range(max(1, count // 6))
        for name in names
        for other in names
        if name != other
    ]
    table = {}
    for done, (kind, shown_pictures) in enumerate(pictures.items(), 1):
        table[kind] = _out_of_scope_row(
            [await evaluator.inspection_verdict(name, encode(_as_frame(name, p))) for name, p in shown_pictures]
        )
        progress(done, len(pictures))
    return table


def _out_of_scope_row(verdicts: Sequence[LadderVerdict]) -> dict[str, float]:
    """Return the mean p_ng and the share of passed pictures."""
    passed = [each.disposition is Disposition.PASS for each in verdicts]
    return {"p_ng": float(np.mean([each.p_ng for each in verdicts])), "passed": float(np.mean(passed))}
