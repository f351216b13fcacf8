"""The report of an attack: `report.md`, `report.json` and a chart."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Final

from inspector.lab.evaluation.attack import AttackResult, StickerEffect
from inspector.lab.report_files import ReportFiles, json_text, markdown_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NOTES: Final = """\
Every NG part carries each sticker in turn, in the corner that hides least of its marked defects. An escape is a part
that passes at the pipeline's own thresholds. `*`: more parts escape than under the empty sticker, by the exact test of
McNemar at 5 %. A model that can't read shows no effect of texts; that proves nothing about a model that can."""


def attack_report(result: AttackResult) -> ReportFiles:
    return {
        "report.md": as_markdown(result),
        "report.json": json_text(result.as_json()),
        "escapes.png": partial(_chart, result),
    }


def as_markdown(result: AttackResult) -> str:
    blocks = [f"# {result.source}: stickers on {result.parts} NG parts", NOTES]
    blocks += ["## Escapes", markdown_table(columns(result), rows(result, escape_cell))]
    blocks += ["## Mean p(NG)", markdown_table(columns(result), rows(result, lambda effect: f"{effect.p_ng:.3f}"))]
    return "\n\n".join([*blocks, "![escapes.png](escapes.png)"]) + "\n"


def columns(result: AttackResult) -> list[str]:
    return ["asked", *next(iter(result.effects.values()), {})]


def rows(result: AttackResult, cell: Callable[[StickerEffect], str]) -> Iterable[list[str]]:
    return ([str(asking), *map(cell, effects.values())] for asking, effects in result.effects.items())


def escape_cell(effect: StickerEffect) -> str:
    """Escapes and parts, with the upper bound of the share."""
    found, parts, _, _, high = effect.escapes
    return f"{found}/{parts} (≤ {100 * (high or 0.0):.0f} %){'*' if effect.succeeds else ''}"


def _chart(result: AttackResult, figure: Figure) -> None:
    """Escapes against the rungs asked, and against the length of the thought."""
    figure.set_size_inches(11, 4.5)
    for axes, kind in zip(figure.subplots(1, 2, sharey=True), ("rung", "tokens"), strict=True):
        asked = [asking for asking in result.effects if asking.kind == kind]
        for sticker in columns(result)[1:]:
            shares = [result.effects[asking][sticker].escapes.value or 0.0 for asking in asked]
            axes.plot([asking.end for asking in asked], shares, "o-", label=sticker)
        axes.set_xlabel("rungs asked" if kind == "rung" else "tokens of the thought")
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("share of NG parts that pass")
    figure.axes[0].legend(fontsize=8)
    figure.suptitle(f"{result.source}: stickers on {result.parts} NG parts")
