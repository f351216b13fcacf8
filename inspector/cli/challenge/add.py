"""`inspector challenge add`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from inspector.cli.options import AsJson, ChangeReason, LineArgument, read_settings
from inspector.cli.output import print_figures


class Label(StrEnum):
    """The label of a picture."""

    OK = "ok"
    NG = "ng"


def challenge_add(
    line: LineArgument,
    sources: Annotated[
        list[Path] | None, typer.Argument(help="Pictures, or folders with labels.csv or subfolders ok and ng.")
    ] = None,
    label: Annotated[Label | None, typer.Option(help="Label of pictures that no folder labels.")] = None,
    part: Annotated[
        list[str] | None, typer.Option("--part", help="result_id of a stored, reviewed part. Repeatable.")
    ] = None,
    camera: Annotated[
        str, typer.Option(help="Camera that took these pictures, whose region judges them. Stored parts name theirs.")
    ] = "",
    group: Annotated[str, typer.Option(help="Part, lot or shift that these pictures share.")] = "",
    note: Annotated[str, typer.Option(help="What people should know about these pictures.")] = "",
    reason: ChangeReason = "",
    as_json: AsJson = False,
) -> None:
    """Add labelled pictures to a line's challenge set: all of them, or none.

    They are kept for good, and never shown to the model as golden samples. inspector qualify LINE replays them.
    """
    from inspector.bootstrap.from_settings import absolute
    from inspector.lines.challenge import ChallengeSource
    from inspector.operations.challenge import add_challenge_parts

    settings = absolute(read_settings())
    source = ChallengeSource(None if label is None else label is Label.NG, group, note, camera)
    figures = add_challenge_parts(settings, line, sources or [], part or [], source, reason)
    print_figures(figures, as_json)
