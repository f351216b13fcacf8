"""Options that several commands share, and the settings they start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer
from pydantic import ValidationError

from inspector.cli.output import escaped, screen
from inspector.settings import Settings

PIPELINES: Final = Path("pipelines")
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")]
PipelinesFolder = Annotated[Path, typer.Option("--pipelines", help="Folder of pipeline declarations.")]
ModelCardPath = Annotated[Path | None, typer.Option("--model", help="Model card; default INSPECTOR_MODEL.")]
Fps = Annotated[float, typer.Option(help="Frames a second, over all lines.", min=0.01, max=10_000)]
Seed = Annotated[int, typer.Option(help="Same seed, same pictures.", min=0)]
Strategies = Annotated[
    list[str] | None,
    typer.Option(
        "--strategy",
        help="default, ladder, direct, greedy, majority-3, fixed-9, adaptive-consistency, esc or sprt; beside golden "
        "samples: patches, direct-fused, ladder-fused, zoom, zoom-pointed or ladder-pointed; repeatable.",
    ),
]
VotesPath = Annotated[Path | None, typer.Option("--votes", help="Answers to go on from; default: in INSPECTOR_DATA.")]
Hard = Annotated[float, typer.Option(help="0: plain defects only, 1: mostly faint ones.", min=0.0, max=1.0)]


def read_settings(**options: Any) -> Settings:
    """The environment's; options that were given come first."""
    try:
        settings = Settings()
    except ValidationError as error:
        for fault in error.errors():
            name = "INSPECTOR_" + "_".join(str(part) for part in fault["loc"]).upper()
            screen.print(f"[bold red]error:[/] {name}: {escaped(fault['msg'])}", soft_wrap=True)
        raise typer.Exit(2) from error
    return settings.model_copy(update={name: value for name, value in options.items() if value is not None})
