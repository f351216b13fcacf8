"""The report of a recommended ladder: `plan.md`, `plan.json` and `plan.png`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from inspector.lab.report_files import ReportFiles, json_text, markdown_table
from inspector.tuning.ladder_search import EvaluatedLadder
from inspector.tuning.recommendation import Recommendation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
SIZE_INCHES: Final = (11, 3.8)
NOTES: Final = """\
Shares: escape of the NG parts, overkill of the OK parts, review of all; accuracy is the mean share of OK parts that
were not rejected and of NG parts that were not passed. Votes, tokens and milliseconds are means per part, as if every
vote of a rung were asked; the service cancels some. The ladder is chosen on one half of the parts and checked on the
other half, which had no part in the choice. Certify it on the line's own reviewed parts before you trust it."""


def plan_report(title: str, advice: Recommendation) -> ReportFiles:
    return {
        "plan.md": as_markdown(title, advice),
        "plan.json": json_text(advice.as_json()),
        "plan.png": partial(_chart, title, advice),
    }


def as_markdown(title: str, advice: Recommendation) -> str:
    compared = [("chosen", advice.checked), ("declared", advice.declared)]
    checked = [[f"{name}: {cells(plan)[0]}", *cells(plan)[1:]] for name, plan in compared if plan]
    blocks = [
        f"# The ladder of {title}",
        f"{advice.ok} OK and {advice.ng} NG parts.",
        *sentences(advice),
        NOTES,
        "## On the checking half",
        markdown_table(COLUMNS, checked),
        "## Plans that no other plan beats, on the choosing half",
        markdown_table(COLUMNS, [cells(plan) for plan in advice.front]),
        "![accuracy against cost](plan.png)",
    ]
    return "\n\n".join(blocks) + "\n"


def sentences(advice: Recommendation) -> list[str]:
    """The recommendation in sentences."""
    limits = ", ".join(f"{name} {value:.1%}" for name, value in advice.limits._asdict().items() if value < 1.0)
    if advice.chosen is None or advice.checked is None or advice.bound is None:
        return [
            f"No ladder is proved to keep {limits} on the choosing half. Its {advice.ng // 2} NG parts prove "
            f"{advice.provable:.1%} at best: raise a limit, review more NG parts, or give the model better questions."
        ]
    result = [
        f"Cheapest within {limits}: {ladder(advice.chosen)}",
        f"On the checking half: escape {advice.checked.escape:.1%} (below {advice.bound:.1%} at 95 %), "
        f"{advice.checked.ms:.0f} ms and {advice.checked.votes:.2f} votes a part; as declared now: escape "
        f"{advice.declared.escape:.1%}, {advice.declared.ms:.0f} ms and {advice.declared.votes:.2f} votes.",
    ]
    if not advice.is_proved:
        result.append(
            f"That does not prove the wanted escape share: the checking half needs {advice.wanted_ng} NG parts, none "
            "of them missed."
        )
    return result


def ladder(plan: EvaluatedLadder) -> str:
    """The views of a ladder, such as `direct → paraphrase + compare`."""
    return " → ".join(" + ".join(views) for views in plan.ladder)


def cells(plan: EvaluatedLadder) -> list[str]:
    """The cells of a plan, in the order of COLUMNS."""
    thresholds = (f"{plan.thresholds.pass_below:g}", f"{plan.thresholds.reject_above:g}")
    shares = (plan.escape, plan.overkill, plan.review, plan.balanced_accuracy)
    costs = (f"{plan.votes:.2f}", f"{plan.tokens:.1f}", f"{plan.ms:.0f}")
    return [ladder(plan), *thresholds, *(f"{share:.3f}" for share in shares), *costs]


def _chart(title: str, advice: Recommendation, figure: Figure) -> None:
    """The front: accuracy and review share against time, votes and tokens, with the chosen plan marked."""
    figure.set_size_inches(*SIZE_INCHES)
    figure.suptitle(title)
    for axes, cost in zip(figure.subplots(1, 3, sharey=True), ("ms", "votes", "tokens"), strict=True):
        _front(axes, advice, cost)
    figure.axes[0].set_ylabel("balanced accuracy")
    figure.axes[0].legend(fontsize=8)


def _front(axes: Any, advice: Recommendation, cost: str) -> None:
    points = axes.scatter(
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
        axes.figure.colorbar(points, ax=axes, label="share reviewed")
