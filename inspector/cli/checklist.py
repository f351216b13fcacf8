"""`inspector checklist`, with its table of tried questions."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from inspector.cli.options import AsJson, LineArgument, ModelCardPath, WritePath, read_settings
from inspector.cli.output import print_json, print_status, print_table, stderr_console
from inspector.cli.progress import progress_bars

if TYPE_CHECKING:
    from inspector.operations.write_checklist import ChecklistResult
    from inspector.tuning.checklist_trial import TrialResult

LEGEND: Final = (
    "golden: highest p_ng on a golden sample; alone: NG parts that no question about another class finds; "
    "wrong: OK parts called NG"
)


def checklist(
    line: LineArgument,
    model: ModelCardPath = None,
    most: Annotated[int, typer.Option(help="Reviewed parts of each class to try the questions on.", min=0)] = 20,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the checklist that the line has.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the questions and store nothing.")] = False,
    write: WritePath = None,
    as_json: AsJson = False,
) -> None:
    """Let the model write a checklist for a line, and try it on golden samples and reviewed parts.

    Questions that call a golden sample NG, or that do not separate OK from NG parts, are dropped. The others become a
    new version of the line. Exits 1 if no question remains.
    """
    from inspector.adapters.vlm import load
    from inspector.bootstrap.evidence import open_evidence
    from inspector.bootstrap.from_settings import absolute, card_of
    from inspector.operations.write_checklist import ChecklistResources, write_checklist, write_file

    settings = absolute(read_settings(model=model))
    open_engine = partial(load, card_of(settings), settings.model.parent, settings.threads)
    resources = ChecklistResources(settings.database, open_evidence(settings), open_engine)
    with progress_bars(stderr_console) as progress:
        result = write_checklist(resources, line, most=most, replace=replace, dry_run=dry_run, progress=progress)
    if as_json:
        print_json(result.as_json())
    else:
        print_table(checklist_table(result))
    if write and result.chosen:
        write_file(result, write)
        print_status(f"{write}: review this file, then run: inspector apply {write}")
    raise typer.Exit(0 if result.chosen else 1)


def checklist_table(result: ChecklistResult) -> Group:
    """The tried questions, the reasons for dropped ones, and the next steps. Model text cannot become markup."""
    questions: list[Table | Text] = [_questions(result), Text(LEGEND, style="dim")] if result.tried else []
    dropped = (Text(reason, style="yellow") for reason in _dropped(result))
    advice = (Text(sentence) for sentence in (_advice(result) if result.chosen else _no_advice(result)))
    return Group(Text(_title(result), style="bold"), *questions, *dropped, *advice)


def _title(result: ChecklistResult) -> str:
    written, classes = len(result.written.usable), len(result.live.pipeline.defects)
    stored = f"version {result.version} is stored" if result.version else "nothing is stored"
    return f"{result.live.pipeline.line}: {written} usable questions about {classes} classes; {stored}"


def _questions(result: ChecklistResult) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    for place, column in enumerate(("class", "question", "golden", "AUROC", "alone", "wrong", "")):
        table.add_column(column, justify="right" if 2 <= place <= 5 else "left", ratio=1 if place == 1 else None)
    for trial in result.tried:
        is_chosen = trial.candidate in result.chosen
        cells = (trial.candidate.defect, trial.candidate.text, *_figures(trial), _status(trial, is_chosen))
        table.add_row(*map(Text, cells), style="" if is_chosen else "dim")
    return table


def _figures(trial: TrialResult) -> tuple[str, ...]:
    """The highest p_ng on a golden sample, and how well the question separates reviewed parts."""
    highest = max((p_ng for p_ng in trial.golden if p_ng is not None), default=None)
    golden = "-" if highest is None else f"{highest:.2f}"
    reviewed = trial.discrimination
    if reviewed is None:
        return golden, "-", "-", "-"
    return golden, f"{reviewed.auroc:.2f}", str(reviewed.alone), str(reviewed.wrong)


def _status(trial: TrialResult, is_chosen: bool) -> str:
    if trial.fault:
        return "dropped"
    if is_chosen:
        return "kept" if trial.candidate.written else "stands in"
    return ""


def _dropped(result: ChecklistResult) -> Iterator[str]:
    for refused in result.written.refused:
        quoted = f" ({refused.text!r})" if refused.text else ""
        yield f"not usable: {refused.defect}: {refused.why}{quoted}"
    for trial in result.tried:
        if trial.fault:
            yield f"dropped: {trial.candidate.text!r}: {trial.fault}"
    covered = {candidate.defect for candidate in result.chosen}
    for defect in result.live.pipeline.defects if result.chosen else ():
        if defect not in covered:
            yield f"no question covers {defect}; add one yourself (checklist in the pipeline)"


def _advice(result: ChecklistResult) -> Iterator[str]:
    line, current = result.live.pipeline.line, result.live.pipeline.checklist
    yield from _tried_on(result)
    if current == result.pipeline.checklist:
        yield "the line already asks these questions"
        return
    if current:
        yield f"replaced: {' '.join(current)}"
    yield (
        "scores change: thresholds were tuned for the old questions, and values learned from votes no longer apply; "
        f"after new reviews run: inspector plan {line} and inspector learn {line}"
    )
    yield (
        f"the pipeline file of {line} lacks these questions, and applying it again removes them: copy them into its "
        "checklist, or write the file with --write"
        if result.version
        else "to keep them: run again without --dry-run, or write the pipeline file with --write and apply it"
    )


def _tried_on(result: ChecklistResult) -> Iterator[str]:
    line, answers = result.live.pipeline.line, result.answers
    golden = f"tried on {len(answers.golden)} golden sample(s)"
    if answers.ok and answers.ng:
        yield f"{golden}, {len(answers.ok)} OK and {len(answers.ng)} NG reviewed parts"
    else:
        yield (
            f"{golden} only, because reviewed OK and NG parts are missing: nothing shows yet that these questions find "
            f"defects; later run: inspector review FILE --line {line}, then inspector checklist {line} --replace"
        )
    if answers.missing:
        yield f"{answers.missing} reviewed parts left out: their pictures are missing or unreadable"


def _no_advice(result: ChecklistResult) -> Iterator[str]:
    line = result.live.pipeline.line
    any_holds = any(trial.candidate.written and not trial.fault for trial in result.tried)
    problem = "that separates parts better than the plain one about its class" if any_holds else "that can be used"
    yield f"the model wrote no question {problem}; the line keeps its current questions"
    yield f"try another model: inspector checklist {line} --model CARD; or write a checklist in the pipeline yourself"
