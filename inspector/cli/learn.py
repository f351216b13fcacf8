"""`inspector learn`, with its tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from inspector.cli.options import AcceptedEscapes, AsJson, ChangeReason, LineArgument, read_settings
from inspector.cli.output import print_json, print_table

if TYPE_CHECKING:
    from inspector.domain.learned import LearnedSettings
    from inspector.operations.learn import LearningResult
    from inspector.tuning.counterfactual import Impact
    from inspector.tuning.learning import LearningReport


def learn(
    line: LineArgument,
    fuse: Annotated[bool, typer.Option("--fuse", help="Weigh the second opinion into the scores.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the result and store nothing.")] = False,
    reason: ChangeReason = "",
    accept_escapes: AcceptedEscapes = None,
    as_json: AsJson = False,
) -> None:
    """Learn vote correlation, calibration and harmful rungs from a line's stored votes and reviews.

    Prints how stored parts would have ended otherwise, and stores a new version of the line. Values that too few parts
    support are listed and not learned. Parts that people called NG and that would newly pass block the version, unless
    --accept-escapes gives their number.
    """
    from inspector.bootstrap.from_settings import absolute
    from inspector.lines.change_effect import ChangeApproval
    from inspector.operations.learn import learn_line
    from inspector.operations.line_states import user_name

    approval = ChangeApproval(user_name(), reason, accept_escapes)
    result = learn_line(absolute(read_settings()), line, approval, fuse=fuse, dry_run=dry_run)
    if as_json:
        print_json(result.as_json())
    else:
        print_table(learning_table(result))


def learning_table(result: LearningResult) -> Group:
    """The learned values, the rungs, and the effect on stored parts, for a terminal of 80 columns."""
    lesson, line = result.lesson, result.records.live.pipeline.line
    stored = f"version {result.version} is stored" if result.version else "nothing is stored"
    title = f"{line}: {len(result.records.history.parts)} parts used; {stored}"
    sentences = (*_calibration(lesson.learned), *_fusion(lesson.learned), *_slope(lesson), *_impact(result.price))
    return Group(
        Text(title, style="bold"),
        _correlations(lesson.learned),
        _rungs(lesson),
        *map(Text, sentences),
        *_right(result),
        *(Text(f"not learned: {value}", style="yellow") for value in lesson.missing),
    )


def _correlations(learned: LearnedSettings) -> Table:
    table = _empty_table("votes of", "and", "correlation")
    for pair in learned.correlations:
        table.add_row(pair.one, pair.other, f"{pair.rho:.2f}")
    return table


def _rungs(lesson: LearningReport) -> Table:
    table = _empty_table("rung", "parts", "rescued", "harmed", "p", "")
    for change in lesson.rungs:
        capped = "no longer asked" if change.rung in lesson.learned.capped else ""
        counts = (change.rung + 1, change.parts, change.rescued, change.harmed)
        table.add_row(*map(str, counts), f"{change.p_value:.3f}", capped)
    return table


def _empty_table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column)
    return table


def _calibration(learned: LearnedSettings) -> Iterator[str]:
    if learned.calibration:
        slope, intercept = learned.calibration.slope, learned.calibration.intercept
        log_odds = f"log-odds of NG = {slope:.2f} times the vote's {intercept:+.2f}"
        yield f"calibration: {log_odds}; {learned.calibration.ng_share:.1%} of the parts are NG"


def _fusion(learned: LearnedSettings) -> Iterator[str]:
    if learned.fusion:
        votes, patches = learned.fusion.votes, learned.fusion.patches
        yield f"second opinion: log-odds = {votes:.2f} times the votes' + {patches:.2f} times its own"


def _slope(lesson: LearningReport) -> Iterator[str]:
    if lesson.slope:
        finding = "more tokens do harm" if lesson.slope.is_inverse else "no sign that more tokens do harm"
        interval = f"{lesson.slope.estimate:+.2f} ({lesson.slope.low:+.2f} … {lesson.slope.high:+.2f})"
        yield f"log-odds of being right per factor e of tokens: {interval}: {finding}"


def _right(result: LearningResult) -> Iterator[Text]:
    if escapes := result.effect.price.escapes if result.effect else ():
        yield Text(f"{len(escapes)} part(s) that people called NG would newly pass", style="bold red")
    if result.effect and result.effect.right:
        yield Text(result.effect.right.text)


def _impact(price: Impact) -> Iterator[str]:
    moved = ", ".join(f"{count} from {old} to {new}" for (old, new), count in sorted(price.moved.items())) or "none"
    yield f"stored parts that would have ended otherwise, of {price.parts}: {moved}"
    votes = " → ".join(f"{mean:.2f}" for mean in price.votes)
    yield f"votes a part: {votes}; {price.unknown} more parts hold too few votes to decide"
    if price.reviewed:
        escapes, overkill = (f"{before} → {after}" for before, after in (price.escapes, price.overkill))
        yield f"of {price.reviewed} reviewed parts: escapes {escapes}, overkill {overkill}"
