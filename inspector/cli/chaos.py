"""`inspector chaos`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from inspector.cli.options import AsJson
from inspector.cli.output import print_json, say
from inspector.lab.chaos.schedule import FaultKind


def chaos(
    faults: Annotated[
        str, typer.Option(help="Which, with commas. The relay lives in the station's process: relay means station.")
    ] = ",".join(FaultKind),
    kills: Annotated[int, typer.Option(help="How often each fault strikes.", min=1)] = 1,
    duration: Annotated[
        float | None, typer.Option(help="Seconds over which they are spread; default: 4 a fault.", min=1.0)
    ] = None,
    rate: Annotated[float, typer.Option(help="Frames a second.", min=0.5, max=1000.0)] = 8.0,
    seed: Annotated[int, typer.Option(help="Same seed, same order of faults and same pictures.", min=0)] = 1,
    replicas: Annotated[int, typer.Option(help="Model replicas.", min=1)] = 2,
    deadline: Annotated[float, typer.Option(help="Milliseconds from capture to the gate.", min=50.0)] = 15_000.0,
    database: Annotated[
        Literal["sqlite", "postgresql"], typer.Option(help="What keeps the ledger; either is made anew.")
    ] = "sqlite",
    model: Annotated[
        Path | None, typer.Option("--model", help="Card of the model that judges; default: a stub.")
    ] = None,
    folder: Annotated[Path | None, typer.Option(help="Keep databases and logs here; default: removed.")] = None,
    as_json: AsJson = False,
) -> None:
    """Prove on this machine that no part is lost: broker, service and a virtual line run while parts of them die.

    Nothing of your own plant is touched. Exit code 1 when a part was lost or decided twice, or a PASS was wrong or
    late. In full: [bold]inspector chaos --kills 20 --rate 60[/]
    """
    from inspector.lab.chaos.schedule import default_duration_s, parse_faults
    from inspector.lab.chaos.testbed import RunOptions
    from inspector.operations import chaos as drill

    try:
        wanted = parse_faults(faults)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--faults") from error
    lasting_s = duration or default_duration_s(wanted, kills)
    card = model.absolute() if model else None
    orders = RunOptions(wanted, kills, lasting_s, seed, rate, replicas, deadline, card)
    result = drill.chaos(orders, database, folder, say)
    if as_json:
        print_json(result)
    else:
        Console().print(drill.table(result))
    raise typer.Exit(0 if result["clean"] else 1)
