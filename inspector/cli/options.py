"""Options that several commands share, and the settings that they override."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError

from inspector.cli.output import print_error
from inspector.settings import Settings

PIPELINES: Final = Path("pipelines")
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")]
LineArgument = Annotated[str, typer.Argument(help="Name of the line.")]
CameraArgument = Annotated[str, typer.Argument(help="Name of the camera.")]
AcceptedEscapes = Annotated[
    int | None, typer.Option("--accept-escapes", help="The number of NG parts that would newly pass, as shown.", min=0)
]
ChangeReason = Annotated[str, typer.Option(help="Why; kept with the change.")]
PipelinesFolder = Annotated[Path, typer.Option("--pipelines", help="Folder of pipeline files.")]
ModelCardPath = Annotated[Path | None, typer.Option("--model", help="Model card. Default: INSPECTOR_MODEL.")]
ServiceUrl = Annotated[
    str | None,
    typer.Option("--url", help="Ask the service at this address, such as http://127.0.0.1:8080; load no model here."),
]
TokenFile = Annotated[
    Path | None, typer.Option(help="File with the token for --url. Default: api.token in INSPECTOR_DATA.")
]
Fps = Annotated[float, typer.Option(help="Frames a second over all lines together.", min=0.01, max=10_000)]
Seed = Annotated[int, typer.Option(help="Random seed; the same seed gives the same result.", min=0)]
Threads = Annotated[int, typer.Option(help="CPU threads.", min=1)]
Strategies = Annotated[
    list[str] | None,
    typer.Option(
        "--strategy",
        help="default, ladder, direct, draft, majority-3, fixed-9, weighted-9, best-of-9-margin, best-of-9-short, "
        "adaptive-consistency, esc, sprt, cges, majority-3-zoom or compute-optimal. Asked only when named: separate, "
        "and with long thoughts cot, budget-64, budget-128, budget-256, budget-by-margin, cot-gated, cot-tip, "
        "beam or revise. Where "
        "P(True) is asked also: best-of-9-p-true. On lines with golden samples also: patches, direct-fused, "
        "ladder-fused, zoom, zoom-pointed or ladder-pointed. Repeatable.",
    ),
]
Backbones = Annotated[
    list[str] | None,
    typer.Option(
        "--backbone",
        help="lite0, tower (of the model card), or the folder of a vision transformer. Repeatable. Default: lite0.",
    ),
]
VotesPath = Annotated[
    Path | None,
    typer.Option("--votes", help="File of recorded answers, read and extended. Default: a file in INSPECTOR_DATA."),
]
Hard = Annotated[
    float, typer.Option(help="How faint the defects are, from 0 (all plain) to 1 (mostly faint).", min=0.0, max=1.0)
]
WritePath = Annotated[Path | None, typer.Option("--write", help="Pipeline file to write, for inspector apply.")]


def read_settings(**overrides: Any) -> Settings:
    """Read the settings from the environment; overrides other than None win. Exits 2 for an invalid setting."""
    try:
        settings = Settings()
    except ValidationError as error:
        for fault in error.errors():
            name = "INSPECTOR_" + "_".join(str(part) for part in fault["loc"]).upper()
            print_error(f"{name}: {fault['msg'].removeprefix('Value error, ')}")
        raise typer.Exit(2) from error
    except (SettingsError, UnicodeDecodeError) as error:
        print_error(f"the environment or .env can't be read: {error}; correct the setting")
        raise typer.Exit(2) from error
    settings.remember_secrets()
    return settings.model_copy(update={name: value for name, value in overrides.items() if value is not None})


def read_database_url() -> str:
    """Return the URL of the ledger's database. Exits 2 for an invalid setting."""
    from inspector.bootstrap.from_settings import absolute

    return absolute(read_settings()).database
