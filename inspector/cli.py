"""The `inspector` command. Every table has `--json`; every error says what to do; nothing heavy is imported before a
command needs it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from inspector.chaos.schedule import Fault
from inspector.errors import InspectorError
from inspector.settings import Settings

if TYPE_CHECKING:
    from inspector.commands.evaluating import Plan, Source
    from inspector.mqtt.line import Journey

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Visual inspection on factory lines by a vision-language model.\n\n"
    "Start with [bold]inspector demo[/]. On a real line: [bold]inspector check[/], [bold]inspector apply[/], "
    "[bold]inspector serve[/].\n\nWhere it runs is set by INSPECTOR_… environment variables or a .env file "
    "(INSPECTOR_BROKER_HOST, INSPECTOR_DATA, INSPECTOR_MODEL, …).",
)
db = typer.Typer(no_args_is_help=True, help="The ledger's database.")
bench = typer.Typer(no_args_is_help=True, help="Measurements, side by side in one run.")
export = typer.Typer(no_args_is_help=True, help="Take parts, pipelines or the wire contract out.")
evaluate = typer.Typer(no_args_is_help=True, help="How good a model's answers are.")
app.add_typer(db, name="db")
app.add_typer(evaluate, name="eval")
app.add_typer(bench, name="bench")
app.add_typer(export, name="export")

screen = Console(stderr=True)
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


def main() -> None:
    """The entry point: runs a command and turns what inspector raises into one line and exit code 1."""
    try:
        app()
    except InspectorError as error:
        screen.print(f"[bold red]error:[/] {_escaped(error)}", soft_wrap=True)
        sys.exit(1)


@app.command()
def demo(
    frames: Annotated[int | None, typer.Option(help="Stop sending after this many; default: go on.", min=1)] = None,
    exit_after: Annotated[bool, typer.Option("--exit", help="Stop everything once all verdicts are in.")] = False,
    fps: Fps = 4.0,
    seed: Seed = 1,
    hard: Hard = 0.5,
    pipelines: PipelinesFolder = PIPELINES,
    model: ModelCardPath = None,
    as_json: AsJson = False,
) -> None:
    """Run the whole product here: broker, service, console, and a virtual line of three products.

    Ctrl-C stops everything. [bold]inspector demo --frames 60 --exit --json[/] runs it as a test and prints the figures.
    """
    from inspector.commands.demo import hold, run_demo

    settings = _settings(model=model)
    settings = settings.model_copy(update={"data": settings.data / "demo"})
    result = run_demo(
        settings,
        pipelines,
        frames=frames,
        fps=fps,
        seed=seed,
        hard=hard,
        say=_say,
        watch=_watch("three products on one machine", as_json),
        after=None if exit_after or frames is None else hold,
    )
    _show(result, as_json)


@app.command()
def serve(
    pipelines: PipelinesFolder = PIPELINES,
    model: ModelCardPath = None,
    ray_address: Annotated[
        str | None, typer.Option(help="Join a Ray cluster ('auto'); default: a private one.")
    ] = None,
    metrics_port: Annotated[
        int | None, typer.Option(help="Serve /metrics for Prometheus here too, beside the console.", min=1, max=65535)
    ] = None,
    log: Annotated[Literal["text", "json"] | None, typer.Option(help="How to log; default INSPECTOR_LOG.")] = None,
) -> None:
    """Run the service against the broker that INSPECTOR_BROKER_HOST and _PORT name, until Ctrl-C or SIGTERM.

    At the first start the pipelines are applied; later changes go live with [bold]inspector apply[/].
    """
    from inspector.commands.demo import hold
    from inspector.commands.service import service
    from inspector.telemetry.logs import log_to_stderr
    from inspector.wiring import metrics_server

    settings = _settings(model=model, metrics_port=metrics_port, log=log)
    log_to_stderr(settings.log, settings.log_level)
    with service(settings, pipelines, ray_address=ray_address) as running, metrics_server(running):
        _say(f"receiving from {running.broker_host}:{running.broker_port} under {running.topic_root}/")
        _say(f"console: {running.console_url}")
        hold(_say)


@app.command()
def simulate(
    frames: Annotated[int | None, typer.Option(help="How many frames; default: until Ctrl-C.", min=1)] = None,
    product: Annotated[list[str] | None, typer.Option(help="washer, board or cap; repeat for several.")] = None,
    fps: Fps = 4.0,
    seed: Seed = 1,
    hard: Hard = 0.5,
    as_json: AsJson = False,
) -> None:
    """Be a production line: send drawn products to a running service, and hear its verdicts."""
    import secrets

    from inspector.commands.virtual_line import lines
    from inspector.products import PRODUCTS

    unknown = set(product or ()) - set(PRODUCTS)
    if unknown:
        raise typer.BadParameter(f"no product {', '.join(sorted(unknown))}; there are {', '.join(PRODUCTS)}")
    run = f"sim-{secrets.token_hex(3)}"
    _run(lines(seed, frames, hard=hard, run=run, products=product), fps, run, as_json, f"virtual line, seed {seed}")


@app.command()
def replay(
    folder: Annotated[Path, typer.Argument(help="Folder with labels.csv (image,verdict,…) and the pictures it names.")],
    line: Annotated[str, typer.Option(help="Line to publish to.")],
    camera: Annotated[str, typer.Option(help="Camera to publish as.")] = "replay",
    fps: Fps = 5.0,
    frames: Annotated[int | None, typer.Option(help="How many; more than there are: over and over.", min=1)] = None,
    reviewed: Annotated[bool, typer.Option("--review", help="Keep the labels as reviews in the ledger.")] = False,
    as_json: AsJson = False,
) -> None:
    """Publish a labelled folder to a running service, as a camera would, and print what came of it."""
    import secrets

    from inspector.commands.replay import exposures, read_labels

    run = f"replay-{secrets.token_hex(3)}"
    source = exposures(read_labels(folder), frames, run)
    _run([(line, camera, source)], fps, run, as_json, f"{folder} as {line}/{camera}", reviewed=reviewed)


@app.command()
def check(
    model: ModelCardPath = None,
    ask: Annotated[bool, typer.Option("--ask", help="Also ask the model a question: loads it, or its server.")] = False,
    as_json: AsJson = False,
) -> None:
    """The doctor: disk, database, broker, model, GPU and ports, each with a remedy. Exit code 1 when one is ill."""
    from inspector.commands.checking import as_json as findings_json
    from inspector.commands.checking import check as look

    findings = look(_settings(model=model), ask=ask)
    if as_json:
        _print_json(findings_json(findings))
    else:
        table = Table("", "check", "found", "remedy")
        for finding in findings:
            mark = "[green]ok[/]" if finding.ok else "[red]ill[/]"
            table.add_row(mark, finding.check, _escaped(finding.found), _escaped(finding.remedy))
        Console().print(table)
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)


@app.command()
def apply(
    path: Annotated[Path, typer.Argument(help="A pipeline file, or a folder of them.")] = PIPELINES,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what changed in the declarations, and make a new version of each line that changed live within 2 s."""
    from inspector.commands.applying import plan, read_pipelines, store
    from inspector.ledger import FileEvidence
    from inspector.wiring import absolute

    settings = absolute(_settings())
    settings.data.mkdir(parents=True, exist_ok=True)
    changes = plan(read_pipelines(path), settings.database, FileEvidence(settings.evidence))
    versions = {} if dry_run else store(changes, settings.database)
    if as_json:
        _print_json(
            {
                "dry_run": dry_run,
                "lines": [
                    change.as_json() | {"new_version": versions.get(change.declared.pipeline.line)}
                    for change in changes
                ],
            }
        )
        return
    for change in changes:
        _show_change(change, versions)


@app.command()
def review(
    file: Annotated[Path, typer.Argument(help="CSV with trigger_id and verdict (ok or ng); camera and note if known.")],
    line: Annotated[str, typer.Option(help="The line whose parts these are.")],
    camera: Annotated[str | None, typer.Option(help="The camera, where the file has no such column.")] = None,
    reviewer: Annotated[str | None, typer.Option("--by", help="Who says so; default: you.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what decided parts really were: OK or NG. The latest answer counts; all are kept. All rows or none."""
    from inspector.commands.reviewing import read_told
    from inspector.commands.reviewing import review as keep
    from inspector.wiring import absolute

    _show(keep(absolute(_settings()).database, read_told(file, line, camera), reviewer), as_json)


@app.command()
def plan(
    line: Annotated[str, typer.Argument(help="The line.")],
    escape: Annotated[float, typer.Option(help="NG parts that may pass, as a share.", min=0.0, max=1.0)] = 0.01,
    overkill: Annotated[float, typer.Option(help="OK parts that may be rejected.", min=0.0, max=1.0)] = 1.0,
    reviews: Annotated[float, typer.Option("--review", help="Parts that may go to REVIEW.", min=0.0, max=1.0)] = 1.0,
    votes: Annotated[Path | None, typer.Option(help="Plan from answers that inspector eval kept in this file.")] = None,
    folder: Annotated[Path | None, typer.Option(help="With --votes: their labelled folder; default: drawn.")] = None,
    frames: Annotated[int | None, typer.Option(help="With --votes: how many parts were asked about.", min=1)] = None,
    seed: Annotated[int, typer.Option(help="With --votes: first seed of the drawn frames.")] = 5000,
    pipelines: PipelinesFolder = PIPELINES,
    write: Annotated[Path | None, typer.Option(help="Pipeline file to write, to be looked at and applied.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for plan.md, plan.json and plan.png.")] = None,
    as_json: AsJson = False,
) -> None:
    """Find the ladder and thresholds that are cheapest at a wanted escape level, and what no other ladder beats.

    From the line's reviewed parts whose whole ladder was asked (settle.shadow), or with [bold]--votes[/] from answers
    that [bold]inspector eval synthetic[/] or [bold]eval folder[/] recorded. Changes nothing by itself.
    """
    from inspector.commands.plan_table import plan_table
    from inspector.commands.planning import plan_line, plan_recorded, write_plan
    from inspector.evaluation.advice_page import write_page
    from inspector.planning import Limits
    from inspector.wiring import absolute

    limits = Limits(escape, overkill, reviews)
    if votes is None:
        planned = plan_line(absolute(_settings()).database, line, limits)
    else:
        planned = plan_recorded(_recorded(line, folder, frames, seed, pipelines), votes, line, limits)
    for path in write_page(planned.source, planned.advice, out) if out else []:
        _say(str(path))
    if write:
        write_plan(planned, write)
        _say(f"{write}: look at it, then inspector apply {write}")
    if as_json:
        _print_json({"source": planned.source} | planned.advice.as_json())
    else:
        Console().print(plan_table(planned))


@app.command()
def learn(
    line: Annotated[str, typer.Argument(help="The line.")],
    fuse: Annotated[bool, typer.Option("--fuse", help="Weigh the second opinion into scores.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show it, and its price.")] = False,
    as_json: AsJson = False,
) -> None:
    """Learn from a line's stored votes and reviews: how alike votes are, calibration, and which rungs do harm.

    Shows first what would have changed on stored parts. What too few parts show is not learned, and said.
    """
    from inspector.commands.learning import learn as study
    from inspector.commands.lesson_table import lesson_table
    from inspector.wiring import absolute

    found = study(absolute(_settings()).database, line, fuse=fuse, dry_run=dry_run)
    if as_json:
        _print_json(found.as_json())
    else:
        Console().print(lesson_table(found))


@app.command()
def checklist(
    line: Annotated[str, typer.Argument(help="The line.")],
    model: ModelCardPath = None,
    most: Annotated[int, typer.Option(help="Reviewed parts of each kind to try the questions on.", min=0)] = 20,
    replace: Annotated[bool, typer.Option("--replace", help="Also where the line has a checklist already.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be asked.")] = False,
    write: Annotated[Path | None, typer.Option(help="Pipeline file to write, to be looked at and applied.")] = None,
    as_json: AsJson = False,
) -> None:
    """Have the model write a line's checklist from its golden samples, and try it on them and on reviewed parts.

    Questions that call a golden sample NG, or tell nothing, are dropped, and said. What is left becomes a new version
    of the line. Exit code 1 when that is nothing.
    """
    from inspector.commands.checklist_table import checklist_table
    from inspector.commands.questioning import Desk, write_checklist, write_file
    from inspector.ledger import FileEvidence
    from inspector.vlm import load
    from inspector.wiring import absolute, card_of

    settings = absolute(_settings(model=model))
    open_engine = partial(load, card_of(settings), settings.model.parent, settings.threads)
    desk = Desk(settings.database, FileEvidence(settings.evidence), open_engine)
    found = write_checklist(screen, desk, line, most=most, replace=replace, dry_run=dry_run)
    if as_json:
        _print_json(found.as_json())
    else:
        Console().print(checklist_table(found))
    if write and found.kept:
        write_file(found, write)
        _say(f"{write}: look at it, then inspector apply {write}")
    raise typer.Exit(0 if found.kept else 1)


@app.command()
def ledger(
    line: Annotated[str, typer.Option(help="The line whose books are looked at.")],
    as_json: AsJson = False,
) -> None:
    """Whether the books of a line balance: triggers seen = decided + lost, decided = published + pending, and what
    the PLC counted. Exit code 1 when they don't."""
    from inspector.commands.balance import as_json as balance_json
    from inspector.commands.balance import line_balance
    from inspector.ports import utc_now
    from inspector.wiring import absolute

    books = balance_json(line_balance(absolute(_settings()).database, line, utc_now()))
    _show(books, as_json)
    raise typer.Exit(0 if books["balanced"] else 1)


@app.command()
def backup(
    to: Annotated[Path, typer.Argument(help="A new file (.tar), or a folder to put one into.")],
    pictures: Annotated[bool, typer.Option(help="With the pictures, or the database alone.")] = True,
    as_json: AsJson = False,
) -> None:
    """Copy ledger and pictures, as they are at one moment, into one file with checksums. The service may run on.

    Exit code 1 when pictures that the ledger names are missing; the rest is in the backup all the same.
    """
    from inspector.commands.backup import backup as write
    from inspector.ledger import FileEvidence
    from inspector.wiring import absolute

    settings = absolute(_settings())
    made = write(settings.database, FileEvidence(settings.evidence), to, pictures=pictures, say=_say)
    _show(made, as_json)
    raise typer.Exit(1 if made["missing_pictures"] else 0)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file that inspector backup made.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the ledger that is there, for good.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring a backup back, into SQLite or PostgreSQL, whichever it came from. Stop the service first.

    A damaged backup changes nothing; a ledger that holds anything is replaced only with --force.
    """
    from inspector.commands.restoring import restore as read
    from inspector.ledger import FileEvidence
    from inspector.wiring import absolute

    settings = absolute(_settings())
    _show(read(file, settings.database, FileEvidence(settings.evidence), force=force, say=_say), as_json)


@app.command()
def chaos(
    faults: Annotated[
        str, typer.Option(help="Which, with commas. The relay lives in the station's process: relay means station.")
    ] = ",".join(Fault),
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
    from inspector.chaos.plant import Orders
    from inspector.chaos.schedule import chosen, usual_duration_s
    from inspector.commands import chaos as drill

    try:
        wanted = chosen(faults)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--faults") from error
    lasting_s = duration or usual_duration_s(wanted, kills)
    card = model.absolute() if model else None
    orders = Orders(wanted, kills, lasting_s, seed, rate, replicas, deadline, card)
    result = drill.chaos(orders, database, folder, _say)
    if as_json:
        _print_json(result)
    else:
        Console().print(drill.table(result))
    raise typer.Exit(0 if result["clean"] else 1)


@db.command("upgrade")
def db_upgrade(as_json: AsJson = False) -> None:
    """Bring the database to the schema of this program. Refuses a database that a newer program made."""
    from inspector.ledger import schema_state, shown, upgrade
    from inspector.wiring import absolute

    settings = absolute(_settings())
    settings.data.mkdir(parents=True, exist_ok=True)
    before, _ = schema_state(settings.database)
    upgrade(settings.database)
    after, _ = schema_state(settings.database)
    if as_json:
        _print_json({"database": shown(settings.database), "before": before, "after": after})
    else:
        _say(f"{shown(settings.database)}: {before or 'empty'} → {after}")


@export.command("parts")
def export_parts(
    to: Annotated[Path, typer.Argument(help="File ending in .csv or .jsonl; - for CSV on standard output.")],
    line: Annotated[str | None, typer.Option(help="Only this line.")] = None,
    disposition: Annotated[str | None, typer.Option(help="Only PASS, REJECT or REVIEW.")] = None,
    limit: Annotated[int | None, typer.Option(help="At most this many, newest first.", min=1)] = None,
) -> None:
    """Decided parts, newest first, with verdict, votes and findings."""
    from inspector.commands import exporting
    from inspector.ledger import SqlArchive
    from inspector.ports import PartFilter
    from inspector.wiring import absolute

    rows = exporting.parts(SqlArchive(absolute(_settings()).database), PartFilter(line, None, disposition), limit)
    write = exporting.write_jsonl if to.suffix == ".jsonl" else exporting.write_csv
    with _opened(to) as out:
        count = write(rows, out)
    _say(f"{count} part(s) → {to}")


@export.command("pipelines")
def export_pipelines(folder: Annotated[Path, typer.Argument(help="Folder to write YAML files to.")]) -> None:
    """The live version of every line, as files that `inspector apply` takes."""
    from inspector.commands.exporting import write_pipelines
    from inspector.ledger import SqlArchive
    from inspector.wiring import absolute

    for path in write_pipelines(SqlArchive(absolute(_settings()).database), folder):
        _say(str(path))


@export.command("contract")
def export_contract(folder: Annotated[Path, typer.Argument(help="Folder to write to.")]) -> None:
    """The AsyncAPI document of all topics and the JSON Schema of every payload, for those who build the other end."""
    from inspector.commands.exporting import write_contract
    from inspector.wire import Topics

    for path in write_contract(Topics(_settings().topic_root), folder):
        _say(str(path))


@app.command("train-demo")
def train_demo(
    folder: Annotated[Path, typer.Option(help="Where the checkpoint goes.")] = Path("models/demo"),
    state: Annotated[Path | None, typer.Option(help="Where an interrupted run goes on from.")] = None,
    seed: Seed = 7,
    vision_steps: Annotated[int, typer.Option(help="Steps of the vision tower alone.", min=1)] = 8400,
    language_steps: Annotated[int, typer.Option(help="Steps of the language model behind it.", min=1)] = 1800,
    threads: Annotated[int, typer.Option(help="CPU threads.", min=1)] = 2,
) -> None:
    """Make the embedded model again, from random numbers, on drawn products. Resumable; curves land in its folder."""
    from inspector.commands.modelling import train_demo as train

    kept = state or _settings().data / "train-demo.pt"
    train(screen, folder, kept, seed=seed, vision_steps=vision_steps, language_steps=language_steps, threads=threads)


@evaluate.command("synthetic")
def eval_synthetic(
    frames: Annotated[int, typer.Option(help="How many frames, half of them NG.", min=12)] = 300,
    seed: Annotated[int, typer.Option(help="First seed of the frames; training uses none below 1,000,000.")] = 5000,
    card: Annotated[Path, typer.Option("--model", help="The model card.")] = Path("models/demo.yaml"),
    pipelines: PipelinesFolder = PIPELINES,
    threads: Annotated[int, typer.Option(help="CPU threads.", min=1)] = 2,
    strategy: Strategies = None,
    votes: VotesPath = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the tables and plots.")] = None,
    as_json: AsJson = False,
) -> None:
    """The embedded model on drawn frames that it never saw: accuracy, calibration, boxes, robustness, limits.

    With [bold]--strategy[/]: ways of asking side by side, on the same recorded answers. Resumable.
    """
    if strategy:
        from inspector.commands.evaluating import Plan, drawn

        kept = votes or _settings().data / "votes" / "synthetic.jsonl"
        _compare(drawn(pipelines, frames=frames, seed=seed), Plan(card, strategy, kept, threads), out, as_json)
        return
    from inspector.commands.modelling import evaluate_synthetic

    found = evaluate_synthetic(screen, card, pipelines, frames=frames, seed=seed, threads=threads, out=out)
    _show(found, as_json)


@evaluate.command("folder")
def eval_folder(
    path: Annotated[Path, typer.Argument(help="Folder with labels.csv (image,verdict,…) and the pictures it names.")],
    line: Annotated[str | None, typer.Option(help="The line that judges; default: the folder's name.")] = None,
    frames: Annotated[int | None, typer.Option(help="How many, spread evenly; default: all.", min=1)] = None,
    strategy: Strategies = None,
    model: ModelCardPath = None,
    pipelines: PipelinesFolder = PIPELINES,
    votes: VotesPath = None,
    out: Annotated[Path | None, typer.Option(help="Folder for report.md, report.json and the plots.")] = None,
    as_json: AsJson = False,
) -> None:
    """A model on a labelled folder: ways of asking side by side, on the same recorded answers. Resumable.

    Everything is asked once and kept; other strategies, thresholds or stopping rules are then played on those answers.
    """
    from inspector.commands.evaluating import Plan, folder

    settings = _settings(model=model)
    source = folder(path, pipelines, line=line, frames=frames)
    kept = votes or settings.data / "votes" / f"{line or path.resolve().name}.jsonl"
    _compare(source, Plan(settings.model, strategy or [], kept, settings.threads), out, as_json)


@evaluate.command("simulation")
def eval_simulation(
    parts: Annotated[int, typer.Option(help="Simulated parts for each correlation and accuracy.", min=1000)] = 20_000,
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option(help="Folder for simulation.png.")] = None,
    as_json: AsJson = False,
) -> None:
    """Correlated voters, simulated: which stopping rules keep the error rate that they promise. Takes a minute."""
    from inspector.commands.simulating import as_json as simulated_json
    from inspector.commands.simulating import simulation, simulation_table

    found = simulation(parts, seed, out)
    if as_json:
        _print_json({"cells": simulated_json(found)})
    else:
        Console().print(simulation_table(found))


@evaluate.command("mmad")
def eval_mmad(
    root: Annotated[Path, typer.Option(help="Folder with mmad.json, DS-MVTec, MVTec-LOCO, VisA and GoodsAD.")],
    shots: Annotated[int, typer.Option(help="Pictures of normal parts shown with each.", min=0, max=1)] = 1,
    strategy: Annotated[
        list[str] | None,
        typer.Option(help="single, text, majority-N, weighted-N or adaptive-N; repeat for several."),
    ] = None,
    model: ModelCardPath = None,
    votes: Annotated[Path | None, typer.Option(help="Answers to go on from; default: in INSPECTOR_DATA.")] = None,
    limit: Annotated[int | None, typer.Option(help="At most this many good and NG pictures a data set.", min=1)] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for mmad.json and mmad.md.")] = None,
    as_json: AsJson = False,
) -> None:
    """A model on MMAD, the public benchmark of inspection questions, beside the published figures. Resumable.

    The benchmark's pictures have licences of their own: fetch them yourself.
    """
    from inspector.commands.eval_mmad import USUAL, Sitting, evaluate_mmad, picture, write
    from inspector.vlm import load
    from inspector.wiring import card_of

    settings = _settings(model=model)
    card = card_of(settings)
    sitting = Sitting(root, shots, strategy or USUAL, limit)
    kept = votes or settings.data / "mmad-votes.jsonl"
    open_engine = partial(load, card, settings.model.parent, settings.threads)
    result, outcomes = evaluate_mmad(screen, sitting, open_engine, kept)
    if out:
        write(out, f"{card.name} on MMAD, {shots}-shot", result, outcomes)
    if as_json:
        _print_json(result)
    else:
        Console().print(picture(outcomes))


@bench.command("service")
def bench_service(
    replicas: Annotated[int, typer.Option(help="Model replicas.", min=1)] = 2,
    rate: Annotated[list[float] | None, typer.Option(help="Frames a second to try; repeat for several.")] = None,
    seconds: Annotated[float, typer.Option(help="How long each rate is held.", min=1.0)] = 10.0,
    as_json: AsJson = False,
) -> None:
    """What the service itself costs: frames of 100 KB through MQTT, Ray Serve and the ledger, with a stub engine."""
    import tempfile

    from inspector.commands.bench_service import bench_service as measure

    with tempfile.TemporaryDirectory(prefix="inspector-bench-") as folder:
        settings = _settings().model_copy(update={"data": Path(folder)})
        result = measure(settings, replicas=replicas, rates=rate or [60.0, 80.0, 90.0, 95.0], seconds=seconds, say=_say)
    _show(result, as_json)


@bench.command("ledger")
def bench_ledger(
    parts: Annotated[int, typer.Option(help="Parts recorded by many callers at once.", min=100)] = 5000,
    listed: Annotated[int, typer.Option(help="Parts in the database when lists are timed.", min=100)] = 20_000,
    url: Annotated[str | None, typer.Option(help="An empty database of any kind; default: a new SQLite file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Parts a second that the ledger makes durable, and how long lists take, in a database of its own."""
    import asyncio
    import tempfile
    from dataclasses import asdict

    from inspector.ledger import measure_ledger

    with tempfile.TemporaryDirectory(prefix="inspector-bench-") as folder:
        database = url or f"sqlite:///{folder}/ledger.db"
        speed = asyncio.run(measure_ledger(database, parts=parts, listed=listed))
    _show(asdict(speed), as_json)


@bench.command("engine")
def bench_engine(
    asks: Annotated[list[int] | None, typer.Option(help="Questions about each part; repeat for several.")] = None,
    parts: Annotated[list[int] | None, typer.Option(help="Parts at once; repeat for several.")] = None,
    rounds: Annotated[int, typer.Option(help="Counted rounds; figures are medians.", min=1)] = 3,
    threads: Annotated[int, typer.Option(help="CPU threads.", min=1)] = 2,
    peer: Annotated[Path | None, typer.Option(help="The python of an environment that holds vLLM, to race.")] = None,
    model: ModelCardPath = None,
    as_json: AsJson = False,
) -> None:
    """What asking again costs, beside separate calls and num_return_sequences, on random weights of middle size."""
    from inspector.commands.bench_engine import bench_engine as measure
    from inspector.wiring import card_of

    settings = _settings(model=model)
    result = measure(
        card_of(settings),
        settings.model.parent,
        asks=asks or [1, 3, 5, 9, 16],
        parts=parts or [1, 4, 16],
        rounds=rounds,
        threads=threads,
        peer=peer,
        say=_say,
    )
    _show(result, as_json)


# ---------------------------------------------------------------------- how things are said


def _settings(**options: Any) -> Settings:
    """The environment's; options that were given come first."""
    try:
        settings = Settings()
    except ValidationError as error:
        for fault in error.errors():
            name = "INSPECTOR_" + "_".join(str(part) for part in fault["loc"]).upper()
            screen.print(f"[bold red]error:[/] {name}: {_escaped(fault['msg'])}", soft_wrap=True)
        raise typer.Exit(2) from error
    return settings.model_copy(update={name: value for name, value in options.items() if value is not None})


def _run(lines: list[Any], fps: float, name: str, as_json: bool, title: str, *, reviewed: bool = False) -> None:
    from inspector.commands.figures import figures
    from inspector.commands.replay import run_lines
    from inspector.wire import Topics
    from inspector.wiring import broker_of

    settings = _settings()
    journeys = run_lines(
        broker_of(settings), Topics(settings.topic_root), lines, fps, name, watch=_watch(title, as_json)
    )
    _show(figures(journeys) | (_reviewed(settings, journeys) if reviewed else {}), as_json)


def _reviewed(settings: Settings, journeys: list[Journey]) -> dict[str, Any]:
    from inspector.commands.reviewing import review_journeys
    from inspector.wiring import absolute

    return review_journeys(absolute(settings).database, journeys)


def _watch(title: str, as_json: bool) -> Callable[[Callable[[], list[Journey]]], AbstractContextManager[None]]:
    from inspector.commands.replay import nullwatch
    from inspector.commands.table import live_table

    return nullwatch if as_json or not screen.is_terminal else partial(live_table, screen, title=title)


def _show(result: dict[str, Any], as_json: bool) -> None:
    from inspector.commands.table import summary

    if as_json:
        _print_json(result)
    else:
        Console().print(summary(result))


def _recorded(line: str, folder: Path | None, frames: int | None, seed: int, pipelines: Path) -> Source:
    from inspector.commands import evaluating

    if folder is None:
        return evaluating.drawn(pipelines, frames=frames or 300, seed=seed)
    return evaluating.folder(folder, pipelines, line=line, frames=frames)


def _compare(source: Source, plan: Plan, out: Path | None, as_json: bool) -> None:
    from inspector.commands.comparison_table import comparison_table
    from inspector.commands.evaluating import compare_strategies
    from inspector.evaluation.comparison_page import write_page

    found = compare_strategies(screen, source, plan)
    for path in write_page(found, out) if out else []:
        _say(str(path))
    if as_json:
        _print_json(found.as_json())
    else:
        Console().print(comparison_table(found))


def _show_change(change: Any, versions: dict[str, int]) -> None:
    line = change.declared.pipeline.line
    if not change.is_changed:
        screen.print(f"{line}: unchanged (version {change.version})")
        return
    to = f" → version {versions[line]}" if line in versions else " (dry run)"
    screen.print(f"[bold]{line}[/]: {'new' if change.is_new else f'version {change.version}'}{to}")
    for each in change.changes:
        note = " [yellow](changes scores)[/]" if each.rescores else ""
        screen.print(f"  {_escaped(each.field)}: [red]{_escaped(each.old)}[/] → [green]{_escaped(each.new)}[/]{note}")
    if change.new_golden and not change.is_new:
        screen.print("  golden samples: other pictures [yellow](changes scores)[/]")
    if change.forgets:
        screen.print(f"  [yellow]what was learned from votes holds no more; later: inspector learn {line}[/]")


def _say(text: str) -> None:
    screen.print(_escaped(text), highlight=False)


def _print_json(document: Any) -> None:
    sys.stdout.write(json.dumps(document, indent=2, default=str) + "\n")


def _escaped(value: object) -> str:
    """Text from outside must not become markup."""
    from rich.markup import escape

    return escape(str(value))


@contextmanager
def _opened(to: Path) -> Iterator[Any]:
    if str(to) == "-":
        yield sys.stdout
    else:
        with to.open("w", newline="", encoding="utf-8") as out:
            yield out
