"""The price of a change as sentences, with the NG parts that would newly pass."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group
from rich.table import Table
from rich.text import Text

from inspector.lines.pricing import NewEscape, Price


def price_view(price: Price) -> Group:
    """Show what the change would do to stored parts, for a terminal of 80 columns."""
    return Group(*_sentences(price), *([_escapes(price.escapes)] if price.escapes else []))


def _sentences(price: Price) -> Iterator[Text]:
    if price.objection:
        yield Text(f"  {price.objection}", style="yellow")
        return
    sums = price.sums()
    moved = ", ".join(f"{count} from {way}" for way, count in sums["moved"].items()) or "none"
    yield Text(f"  priced on {sums['parts']} stored parts, {sums['reviewed']} of them reviewed; would change: {moved}")
    escapes, overkill = (f"{before} → {after}" for before, after in (sums["escapes"], sums["overkill"]))
    yield Text(f"  escapes {escapes}, overkill {overkill}")
    yield Text(f"  unknown: {sums['unknown']} parts whose votes end too early, {price.unknown_ng} of them reviewed NG")
    cut_short, ng = price.cut_short
    if cut_short:
        yield Text(f"  not counted: {cut_short} parts that a deadline or a fault ended, {ng} of them reviewed NG")
    if price.escapes:
        yield Text(f"  {len(price.escapes)} part(s) that people called NG would newly pass:", style="bold red")


def _escapes(escapes: tuple[NewEscape, ...]) -> Table:
    table = Table("camera", "trigger_id", "part_id", "p(NG)", "was", "sure")
    for each in escapes:
        score = "" if each.p_ng is None else f"{each.p_ng:.3f}"
        doubt = "yes" if each.is_certain else "no"
        cells = (each.camera, each.trigger_id, each.part_id or "", score, each.disposition, doubt)
        table.add_row(*map(Text, cells))
    return table
