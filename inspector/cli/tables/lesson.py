"""What was learned from a line's votes, for a terminal of 80 columns."""

from __future__ import annotations

from rich.console import Group
from rich.table import Table
from rich.text import Text

from inspector.domain.learned import LearnedSettings
from inspector.operations.learn import LearningResult
from inspector.tuning.counterfactual import Impact
from inspector.tuning.learning import LearningReport


def lesson_table(found: LearningResult) -> Group:
    learned, line = found.lesson.learned, found.records.live.pipeline.line
    stored = f"version {found.version} is stored" if found.version else "nothing is stored"
    return Group(
        Text(f"{line}: {len(found.records.history.parts)} parts looked at; {stored}", style="bold"),
        _pairs(learned),
        _rungs(found.lesson),
        *(
            Text(each)
            for each in (*_calibration(learned), *_fusion(learned), *_slope(found.lesson), *_priced(found.price))
        ),
        *(Text(f"not learned: {each}", style="yellow") for each in found.lesson.missing),
    )


def _pairs(learned: LearnedSettings) -> Table:
    table = _table("votes of", "and", "correlation")
    for pair in learned.correlations:
        table.add_row(pair.one, pair.other, f"{pair.rho:.2f}")
    return table


def _rungs(lesson: LearningReport) -> Table:
    table = _table("rung", "parts", "rescued", "harmed", "p", "")
    for change in lesson.rungs:
        capped = "not asked any more" if change.rung in lesson.learned.capped else ""
        counts = (change.rung + 1, change.parts, change.rescued, change.harmed)
        table.add_row(*map(str, counts), f"{change.p_value:.3f}", capped)
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column)
    return table


def _calibration(learned: LearnedSettings) -> list[str]:
    platt = learned.calibration
    if platt is None:
        return []
    odds = f"log-odds of NG = {platt.slope:.2f} times the vote's {platt.intercept:+.2f}"
    return [f"calibration: {odds}; {platt.ng_share:.1%} of the parts are NG"]


def _fusion(learned: LearnedSettings) -> list[str]:
    weights = learned.fusion
    if weights is None:
        return []
    return [f"second opinion: log-odds = {weights.votes:.2f} times the votes' + {weights.patches:.2f} times its own"]


def _slope(lesson: LearningReport) -> list[str]:
    if lesson.slope is None:
        return []
    bend = lesson.slope
    said = "longer asking makes it worse" if bend.is_inverse else "no sign that longer asking harms"
    interval = f"{bend.estimate:+.2f} ({bend.low:+.2f} … {bend.high:+.2f})"
    return [f"log-odds of being right per factor e of tokens: {interval}: {said}"]


def _priced(cost: Impact) -> list[str]:
    moved = ", ".join(f"{count} from {old} to {new}" for (old, new), count in sorted(cost.moved.items())) or "none"
    votes = " → ".join(f"{mean:.2f}" for mean in cost.votes)
    lines = [
        f"of {cost.parts} stored parts these would have ended otherwise: {moved}",
        f"votes a part: {votes}; {cost.unknown} more parts hold too few votes to tell",
    ]
    if cost.reviewed:
        escapes, overkill = (f"{before} → {after}" for before, after in (cost.escapes, cost.overkill))
        lines.append(f"among {cost.reviewed} reviewed: escapes {escapes}, overkill {overkill}")
    return lines
