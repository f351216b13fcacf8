"""The questions that a model wrote for a line, what came of trying them, and what to do next, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from inspector.operations.write_checklist import ChecklistResult
from inspector.tuning.checklist_trial import TrialResult

LEGEND: Final = (
    "golden: the highest p_ng about a golden sample; alone: NG parts that no question about another class sees; "
    "wrong: OK parts called NG"
)


def checklist_table(found: ChecklistResult) -> Group:
    tried = Group(_questions(found), Text(LEGEND, style="dim")) if found.tried else Group()
    dropped = (Text(each, style="yellow") for each in _dropped(found))
    advice = (Text(each) for each in (_advice(found) if found.kept else _no_advice(found)))
    return Group(Text(_title(found), style="bold"), tried, *dropped, *advice)


def _title(found: ChecklistResult) -> str:
    written, classes = len(found.reading.usable), len(found.live.pipeline.defects)
    stored = f"version {found.version} is stored" if found.version else "nothing is stored"
    return f"{found.live.pipeline.line}: {written} usable questions about {classes} classes; {stored}"


def _questions(found: ChecklistResult) -> Table:
    """Model text goes into cells as Text, where it can't become markup."""
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    for place, column in enumerate(("class", "question", "golden", "AUROC", "alone", "wrong", "")):
        table.add_column(column, justify="right" if 2 <= place <= 5 else "left", ratio=1 if place == 1 else None)
    for each in found.tried:
        kept = each.candidate in found.kept
        cells = (each.candidate.defect, each.candidate.text, *_figures(each), _fate(each, kept))
        table.add_row(*map(Text, cells), style="" if kept else "dim")
    return table


def _figures(tried: TrialResult) -> tuple[str, ...]:
    """The highest p_ng about a golden sample, and how reviewed parts are told apart."""
    highest = max((p_ng for p_ng in tried.golden if p_ng is not None), default=None)
    golden = "-" if highest is None else f"{highest:.2f}"
    told = tried.discrimination
    return (golden, f"{told.auroc:.2f}", str(told.alone), str(told.wrong)) if told else (golden, "-", "-", "-")


def _fate(tried: TrialResult, kept: bool) -> str:
    if tried.fault:
        return "dropped"
    if kept:
        return "kept" if tried.candidate.written else "stands in"
    return ""


def _dropped(found: ChecklistResult) -> Iterator[str]:
    for each in found.reading.refused:
        quoted = f" ({each.text!r})" if each.text else ""
        yield f"not usable: {each.defect}: {each.why}{quoted}"
    for tried in found.tried:
        if tried.fault:
            yield f"dropped: {tried.candidate.text!r}: {tried.fault}"
    asked = {each.defect for each in found.kept}
    for defect in found.live.pipeline.defects if found.kept else ():
        if defect not in asked:
            yield f"the checklist asks nothing about {defect}; write a question yourself (checklist in the pipeline)"


def _advice(found: ChecklistResult) -> Iterator[str]:
    line, asked_so_far = found.live.pipeline.line, found.live.pipeline.checklist
    yield from _tried_on(found)
    if asked_so_far == found.pipeline.checklist:
        yield "these are the questions that it asks already"
        return
    if asked_so_far:
        yield f"in place of: {' '.join(asked_so_far)}"
    yield (
        "scores change with it: thresholds were tuned for the old questions, and what was learned from votes holds no "
        f"more; once parts are reviewed under it: inspector plan {line} and inspector learn {line}"
    )
    yield (
        f"the file that declares {line} does not have these questions, and applying it again takes them out: put them "
        "there as its checklist, or have the file written with --write"
        if found.version
        else "to keep it: leave out --dry-run, or have the line's file written with --write, and apply that"
    )


def _tried_on(found: ChecklistResult) -> Iterator[str]:
    line, heard = found.live.pipeline.line, found.heard
    golden = f"tried on {len(heard.golden)} golden sample(s)"
    if heard.ok and heard.ng:
        yield f"{golden}, {len(heard.ok)} OK and {len(heard.ng)} NG reviewed parts"
    else:
        yield (
            f"{golden} alone, as no reviewed parts of both kinds are known: that these questions find anything is not "
            f"shown yet; later: inspector review FILE --line {line}, then inspector checklist {line} --replace"
        )
    if heard.missing:
        yield f"{heard.missing} reviewed parts left out: their pictures are gone, or can't be read"


def _no_advice(found: ChecklistResult) -> Iterator[str]:
    line = found.live.pipeline.line
    holds = any(each.candidate.written and not each.fault for each in found.tried)
    why = "that tells more than the plain one about its class" if holds else "that can be used"
    yield f"the model wrote no question {why}, and the line goes on asking what it asks"
    yield f"another model may do better: inspector checklist {line} --model CARD; or declare a checklist yourself"
