"""The `inspector` command: registers every command of this room and turns InspectorError into one line and exit code 1.

The folders mirror the command line: `inspector eval folder` is `cli/eval/folder.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import typer

from inspector.cli.apply import apply
from inspector.cli.backup import backup
from inspector.cli.bench.engine import bench_engine
from inspector.cli.bench.ledger import bench_ledger
from inspector.cli.bench.service import bench_service
from inspector.cli.chaos import chaos
from inspector.cli.check import check
from inspector.cli.checklist import checklist
from inspector.cli.db.upgrade import db_upgrade
from inspector.cli.demo import demo
from inspector.cli.eval.folder import eval_folder
from inspector.cli.eval.mmad import eval_mmad
from inspector.cli.eval.simulation import eval_simulation
from inspector.cli.eval.synthetic import eval_synthetic
from inspector.cli.export.contract import export_contract
from inspector.cli.export.parts import export_parts
from inspector.cli.export.pipelines import export_pipelines
from inspector.cli.learn import learn
from inspector.cli.ledger import ledger
from inspector.cli.output import escaped, screen
from inspector.cli.plan import plan
from inspector.cli.replay import replay
from inspector.cli.restore import restore
from inspector.cli.review import review
from inspector.cli.serve import serve
from inspector.cli.simulate import simulate
from inspector.cli.train_demo import train_demo
from inspector.errors import InspectorError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Visual inspection on factory lines by a vision-language model.\n\n"
    "Start with [bold]inspector demo[/]. On a real line: [bold]inspector check[/], [bold]inspector apply[/], "
    "[bold]inspector serve[/].\n\nWhere it runs is set by INSPECTOR_… environment variables or a .env file "
    "(INSPECTOR_BROKER_HOST, INSPECTOR_DATA, INSPECTOR_MODEL, …).",
)
# packages that an extra of the distribution brings
EXTRAS = {
    "torch": "engine",
    "transformers": "engine",
    "tokenizers": "engine",
    "safetensors": "engine",
    "llguidance": "engine",
    "threadpoolctl": "engine",
    "nicegui": "console",
    "matplotlib": "lab",
    "iotcore": "lab",
}
COMMANDS: tuple[Callable[..., None], ...] = (
    demo, serve, simulate, replay, check, apply, review, plan, learn, checklist, ledger, backup, restore, chaos,
    train_demo,
)  # fmt: skip
GROUPS: dict[str, tuple[str, dict[str, Callable[..., None]]]] = {
    "db": ("The ledger's database.", {"upgrade": db_upgrade}),
    "eval": (
        "How good a model's answers are.",
        {"synthetic": eval_synthetic, "folder": eval_folder, "simulation": eval_simulation, "mmad": eval_mmad},
    ),
    "bench": (
        "Measurements, side by side in one run.",
        {"service": bench_service, "ledger": bench_ledger, "engine": bench_engine},
    ),
    "export": (
        "Take parts, pipelines or the wire contract out.",
        {"parts": export_parts, "pipelines": export_pipelines, "contract": export_contract},
    ),
}


def main() -> None:
    """Run the command line."""
    try:
        app()
    except InspectorError as error:
        _fail(error)
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").split(".")[0])
        if extra is None:
            raise
        _fail(f"this command needs {error.name}, not installed here; pip install 'inspector[{extra}]'")


def _fail(error: object) -> None:
    screen.print(f"[bold red]error:[/] {escaped(error)}", soft_wrap=True)
    sys.exit(1)


def _register() -> None:
    for command in COMMANDS:
        app.command(command.__name__.replace("_", "-"))(command)
    for group, (text, commands) in GROUPS.items():
        sub = typer.Typer(no_args_is_help=True, help=text)
        for name, command in commands.items():
            sub.command(name)(command)
        app.add_typer(sub, name=group)


_register()
