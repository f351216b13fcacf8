"""The advised ladder in words, a table and a plot: `plan.md`, `plan.json` and `plan.png` in one folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from inspector.errors import InspectorError
from inspector.tuning.ladder_search import EvaluatedLadder
from inspector.tuning.recommendation import Recommendation

COLUMNS: Final = (
    "ladder",
    "pass below",
    "reject above",
    "escape",
    "overkill",
    "review",
    "accuracy",
    "votes",
    "tokens",
    "ms",
)
NOTES: Final = """\
Shares: escape of the NG parts, overkill of the OK parts, review of all; accuracy is the mean share of OK parts that
were not rejected and of NG parts that were not passed. Votes, tokens and milliseconds are means per part, as if every
vote of a rung were paid; the service cancels some. The ladder is chosen on one half of the parts; what it did on the
other half had no say in the choice. Certify it on the line's own reviewed parts before it is trusted."""


def verdict(advice: Recommendation) -> list[str]:
    """What was found, in sentences."""
    limits = ", ".join(f"{name} {value:.1%}" for name, value in advice.limits._asdict().items() if value < 1.0)
    if advice.chosen is None or advice.checked is None or advice.bound is None:
        return [f"No ladder keeps {limits} on the choosing half; raise a limit, or give the model better questions."]
    said = [
        f"Cheapest within {limits}: {ladder(advice.chosen)}",
        f"On the checking half: escape {advice.checked.escape:.1%} (below {advice.bound:.1%} at 95 %), "
        f"{advice.checked.ms:.0f} ms and {advice.checked.votes:.2f} votes a part; as declared now: escape "
        f"{advice.declared.escape:.1%}, {advice.declared.ms:.0f} ms and {advice.declared.votes:.2f} votes.",
    ]
    if advice.bound > advice.limits.escape:
        said.append(
            f"That does not prove the wanted escape share: {advice.wanted_ng} NG parts are needed in the checking "
            "half, none of them missed."
        )
    return said


def ladder(plan: EvaluatedLadder) -> str:
    """`direct → paraphrase + compare`."""
    return " → ".join(" + ".join(views) for views in plan.ladder)


def row(plan: EvaluatedLadder) -> list[str]:
    """In the order of COLUMNS."""
    limits = plan.thresholds
    shares = (plan.escape, plan.overkill, plan.review, plan.balanced_accuracy)
    costs = (f"{plan.votes:.2f}", f"{plan.tokens:.1f}", f"{plan.ms:.0f}")
    marks = (f"{limits.pass_below:g}", f"{limits.reject_above:g}")
    return [ladder(plan), *marks, *(f"{share:.3f}" for share in shares), *costs]


def as_markdown(title: str, advice: Recommendation) -> str:
    compared = [("chosen", advice.checked), ("declared", advice.declared)]
    checked = [[f"{name}: {row(plan)[0]}", *row(plan)[1:]] for name, plan in compared if plan]
    blocks = [
        f"# The ladder of {title}",
        f"{advice.ok} OK and {advice.ng} NG parts.",
        *verdict(advice),
        NOTES,
        "## On the checking half",
        _table(checked),
        "## What no other plan beats, on the choosing half",
        _table([row(plan) for plan in advice.front]),
        "![what accuracy costs](plan.png)",
    ]
    return "\n\n".join(blocks) + "\n"


def write_page(title: str, advice: Recommendation, folder: Path) -> list[Path]:
    """Raises InspectorError where the folder can't be written."""
    page, document, picture = (folder / name for name in ("plan.md", "plan.json", "plan.png"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        page.write_text(as_markdown(title, advice), encoding="utf-8")
        document.write_text(json.dumps(advice.as_json(), indent=2) + "\n", encoding="utf-8")
        _plot(title, advice, picture)
    except OSError as error:
        raise InspectorError(f"{folder} can't be written: {error}; name another folder with --out") from error
    return [page, document, picture]


def _table(rows: Sequence[Sequence[str]]) -> str:
    lines = [COLUMNS, ["---", *["--:"] * (len(COLUMNS) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _plot(title: str, advice: Recommendation, path: Path) -> None:
    """The front: accuracy and review against time, votes and tokens; the chosen plan stands out."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.8), layout="constrained")
    figure.suptitle(title)
    for axes, cost in zip(figure.subplots(1, 3, sharey=True), ("ms", "votes", "tokens"), strict=True):
        _front(axes, advice, cost)
    figure.axes[0].set_ylabel("balanced accuracy")
    figure.axes[0].legend(fontsize=8)
    FigureCanvasAgg(figure).print_png(path)


def _front(axes: Any, advice: Recommendation, cost: str) -> None:
    shown = axes.scatter(
        [getattr(plan, cost) for plan in advice.front],
        [plan.balanced_accuracy for plan in advice.front],
        c=[plan.review for plan in advice.front],
        vmin=0.0,
        vmax=1.0,
        s=18,
    )
    for name, plan, marker in (("chosen", advice.chosen, "r*"), ("declared", advice.declared, "kD")):
        if plan:
            axes.plot(getattr(plan, cost), plan.balanced_accuracy, marker, markersize=9, label=name)
    axes.set_xlabel(f"{cost} a part")
    axes.grid(alpha=0.3)
    if cost == "tokens":
        axes.figure.colorbar(shown, ax=axes, label="share reviewed")
