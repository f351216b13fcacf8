"""The report of a teaching in sentences, as `inspector teach` prints it and the service's job returns it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group
from rich.text import Text


def teaching_table(report: Mapping[str, Any], *, may_declare: bool = False) -> Group:
    """The report for a terminal of 80 columns. `may_declare`: its model is stored, and a draft may name it."""
    stored = f"version {report['new_version']} is stored" if report["new_version"] else "no version is stored"
    title = Text(f"{report['line']}: {stored}", style="bold")
    declaration = map(Text, _declaration(report)) if may_declare and not report["refused"] else ()
    return Group(title, *map(Text, _sentences(report)), *_warnings(report), *declaration)


def _sentences(report: Mapping[str, Any]) -> Iterator[str]:
    used, measured, price = report["used"], report["measured"], report["price"]
    yield (
        f"taught with {used['ok']} OK and {used['ng']} NG parts of {used['groups']} groups, grouped by "
        f"{report['grouped_by']}"
    )
    yield f"methods: {', '.join(report['members'])}; advice: {report['advice']}"
    yield f"newest fifth: escape {_share(measured['escape'])}, overkill {_share(measured['overkill'])}"
    if report["auroc"] is not None:
        yield f"held-back groups: AUROC {report['auroc']:.3f}"
    if len(report["curve"]) > 1:
        yield f"learning curve, AUROC on the newest fifth by NG parts: {', '.join(map(_point, report['curve']))}"
    moved = ", ".join(f"{count} from {step}" for step, count in price["moved"].items())
    yield f"stored reviewed parts that would have ended otherwise, of {price['parts']}: {moved or 'none'}"
    if report["without_picture"]:
        yield f"{report['without_picture']} reviewed part(s) have no stored picture any more"
    if left_out := report["left_out_for_challenge_set"]:
        yield f"{left_out} reviewed part(s) are left out: they or their group belong to the challenge set"
    if report["new_version"]:
        yield "keep it in the pipeline file as second_opinion: {by: taught}"


def _declaration(report: Mapping[str, Any]) -> Iterator[str]:
    yield "a model is stored; declare it in a draft, or on the line's page Teach:"
    yield f"second_opinion: {json.dumps(report['second_opinion'])}"


def _warnings(report: Mapping[str, Any]) -> Iterator[Text]:
    if report["refused"]:
        yield Text(f"refused: {report['refused']}", style="red")
    yield from (Text(f"missing: {each}", style="yellow") for each in report["missing"])
    for name in report["left_out"]:
        yield Text(f"left out, unlike all other good parts: {name}", style="yellow")


def _point(step: Mapping[str, Any]) -> str:
    ranking = step["measured"]["auroc"]
    return f"{step['ng']}: {'unknown' if ranking is None else f'{ranking:.3f}'}"


def _share(share: Mapping[str, Any]) -> str:
    if share["value"] is None or share["low"] is None or share["high"] is None:
        return "unknown (no such part)"
    return f"{share['found']} of {share['parts']} ({share['low']:.1%} … {share['high']:.1%})"
