"""Teaching: from labelled parts to a taught model, with what it may do and what is missing. Pure numbers.

With MIN_NG_FOR_HEADS NG parts and more, all methods are compared on held-back groups and the best logistic mean is
chosen. With fewer, only methods that learn from good parts compete: the template difference where frames name one, else
the memory of the first backbone; the limit comes from the good parts' own scores.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inspector.errors import InspectorError
from inspector.numerics.classification_metrics import auroc
from inspector.teaching.advice import (
    MIN_GROUPS,
    MIN_NG_FOR_HEADS,
    MIN_NG_TO_DECIDE,
    Advice,
    MeasuredRanking,
    TaughtEvidence,
    advise,
    evidence_of,
    missing_evidence,
)
from inspector.teaching.cross_validation import choose_members, held_back_scores, ranked
from inspector.teaching.methods import MethodKind, MethodName, available_methods, learn_method
from inspector.teaching.part_features import TaughtPart
from inspector.teaching.score_calibration import ScoreCalibration
from inspector.teaching.score_limits import (
    KNOWN_NG_MARGIN,
    ScoreLimits,
    assisting_limit,
    certified_limits,
    quantile_limit,
    spread_limit,
)
from inspector.teaching.taught_model import TaughtMember, TaughtModel

Array = NDArray[Any]
LOG_ODDS_PER_DEVIATION: Final = 1.0  # of a score that only good parts are known for
OUTLIER_DEVIATIONS: Final = 4.0  # robust ones, from which a golden sample is no good example
MAX_OUTLIER_SHARE: Final = 0.1  # of the good parts; more of them are another kind of good part
DEVIATION_PER_MAD: Final = 1.4826

ReportStep = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class TeachingReport:
    """A taught model and what is known of it.

    `methods` lists each method's ranking (AUROC) on held-back groups; empty without NG parts. `outliers` names good
    parts that were left out.
    """

    model: TaughtModel
    advice: Advice
    evidence: TaughtEvidence
    ranking: MeasuredRanking
    methods: dict[str, float]
    missing: tuple[str, ...]
    outliers: tuple[str, ...] = ()


def teach(
    parts: Sequence[TaughtPart],
    *,
    grouped: bool,
    declared: Collection[str] = (),
    backbones: Sequence[tuple[str, str]] = (),
    report: ReportStep = lambda *_: None,
) -> TeachingReport:
    """Teach a line with these parts. Raises InspectorError where nothing can be learned from them.

    `declared` holds the line's defect classes, `backbones` the name and fingerprint of each backbone.
    """
    good = [part for part in parts if not part.is_ng]
    if len({part.group for part in good}) < MIN_GROUPS:
        raise InspectorError(f"{len(good)} good parts of one group; add good parts of another part, lot or shift")
    outliers = _outliers(good)
    kept = [part for part in parts if part.name not in outliers]
    evidence = evidence_of(kept, grouped=grouped)
    learn = _from_both_kinds if evidence.ng >= MIN_NG_FOR_HEADS else _from_good_parts
    model, ranking, methods = learn(kept, evidence, report)
    advice = advise(evidence, ranking)
    used = {name.split("/")[0] for name in model.maps}
    named = TaughtModel(
        model.members,
        model.offset,
        model.limits,
        tuple(pair for pair in backbones if pair[0] in used),
        tuple(part.name for part in kept),
        tuple(sorted({part.group for part in kept})),
        str(advice),
    )
    missing = missing_evidence(evidence, ranking, declared, kept)
    return TeachingReport(named, advice, evidence, ranking, methods, tuple(missing), tuple(sorted(outliers)))


GOOD_LIMITS: Final = {MethodKind.MEMORY: spread_limit, MethodKind.TEMPLATE: quantile_limit}
Learned = tuple[TaughtModel, MeasuredRanking, dict[str, float]]


def _from_good_parts(parts: Sequence[TaughtPart], evidence: TaughtEvidence, report: ReportStep) -> Learned:
    name = _good_parts_method(parts)
    learned = learn_method(name, parts)
    report(1, 1)
    if learned.good_scores is None:
        raise InspectorError(f"{name} can't learn from good parts alone; add {MIN_NG_FOR_HEADS} NG parts")
    limit = GOOD_LIMITS[name.kind](learned.good_scores)
    calibration = ScoreCalibration(LOG_ODDS_PER_DEVIATION, -LOG_ODDS_PER_DEVIATION * limit)
    known_ng = _log_odds_of(parts, TaughtModel((TaughtMember(name, learned.method, calibration),), 0.0, _NO_LIMITS))
    pass_below = min(0.0, float(known_ng.min()) - KNOWN_NG_MARGIN) if len(known_ng) else 0.0
    model = TaughtModel((TaughtMember(name, learned.method, calibration),), 0.0, ScoreLimits(pass_below, None))
    ranking = None
    if len(known_ng):
        scores = np.concatenate([calibration.log_odds(learned.good_scores), known_ng])
        ranking = auroc(scores, np.arange(len(scores)) >= evidence.ok)
    return model, MeasuredRanking(ranking, False, None), {}


def _from_both_kinds(parts: Sequence[TaughtPart], evidence: TaughtEvidence, report: ReportStep) -> Learned:
    is_ng = np.array([part.is_ng for part in parts])
    scores = held_back_scores(parts, available_methods(parts), report)
    if not scores:
        raise InspectorError("no fold holds OK and NG parts of other groups; add parts of further groups")
    chosen = choose_members(scores, is_ng)
    members = tuple(
        TaughtMember(name, learn_method(name, parts).method, calibration)
        for name, calibration in zip(chosen.names, chosen.calibrations, strict=True)
    )
    known_ng = _log_odds_of(parts, TaughtModel(members, 0.0, _NO_LIMITS))
    may_reject = evidence.ng >= MIN_NG_TO_DECIDE
    scored = np.isfinite(chosen.log_odds)
    limits = certified_limits(chosen.log_odds[scored], is_ng[scored], known_ng, may_reject=may_reject)
    may_pass = limits.pass_below is not None
    if not may_pass and not may_reject:
        limits = limits._replace(pass_below=assisting_limit(known_ng))
    decided = scored & (limits.passes(chosen.log_odds) | limits.rejects(chosen.log_odds))
    ranking = MeasuredRanking(chosen.auroc, may_pass, float(decided.mean()))
    return TaughtModel(members, 0.0, limits), ranking, {str(name): ranked(each, is_ng) for name, each in scores.items()}


_NO_LIMITS: Final = ScoreLimits(None, None)


def _log_odds_of(parts: Sequence[TaughtPart], model: TaughtModel) -> Array:
    """Return the log-odds of the NG parts."""
    return np.array([model.opinion(part.features).log_odds for part in parts if part.is_ng])


def _good_parts_method(parts: Sequence[TaughtPart]) -> MethodName:
    names = available_methods(parts)
    wanted = (MethodKind.TEMPLATE, MethodKind.MEMORY)
    ranked = [name for kind in wanted for name in names if name.kind is kind]
    if not ranked:
        raise InspectorError("the parts have neither patch features nor templates; install inspector[backbones]")
    return ranked[0]


def _outliers(good: Sequence[TaughtPart]) -> set[str]:
    """Return the few good parts that are unlike all others."""
    own = learn_method(_good_parts_method(good), good).good_scores
    if own is None:
        return set()
    median = float(np.median(own))
    deviation = DEVIATION_PER_MAD * float(np.median(np.abs(own - median)))
    far = own > median + OUTLIER_DEVIATIONS * max(deviation, np.finfo(float).tiny)
    return {part.name for part, out in zip(good, far, strict=True) if out} if far.mean() <= MAX_OUTLIER_SHARE else set()
