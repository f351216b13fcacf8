"""`inspector check`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from inspector.cli.options import AsJson, ModelCardPath, read_settings
from inspector.cli.output import escaped, print_json


def check(
    model: ModelCardPath = None,
    ask: Annotated[bool, typer.Option("--ask", help="Also ask the model a question: loads it, or its server.")] = False,
    as_json: AsJson = False,
) -> None:
    """The doctor: disk, database, broker, model, GPU and ports, each with a remedy. Exit code 1 when one is ill."""
    from inspector.operations.check import as_json as findings_json
    from inspector.operations.check import check as look

    findings = look(read_settings(model=model), ask=ask)
    if as_json:
        print_json(findings_json(findings))
    else:
        table = Table("", "check", "found", "remedy")
        for finding in findings:
            mark = "[green]ok[/]" if finding.ok else "[red]ill[/]"
            table.add_row(mark, finding.check, escaped(finding.found), escaped(finding.remedy))
        Console().print(table)
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)
