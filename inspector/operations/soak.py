"""Run a soak with a plant of its own, and sum it up."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from inspector.lab.chaos.testbed import RunOptions
from inspector.lab.report_files import write_report
from inspector.lab.soak.chart import draw_soak
from inspector.lab.soak.report import soak_report
from inspector.lab.soak.run import LOG_MIB, SoakRecord, run_soak
from inspector.lab.soak.stored_files import Places
from inspector.operations.bench_service import stub_card
from inspector.operations.chaos import DatabaseKind, empty_folder, plant_database
from inspector.operations.progress import Notify
from inspector.operations.signals import interrupt_on_signals

DEADLINE_MS: Final = 15_000.0
# people are not asked who they are; logs rotate within minutes
SETTINGS: Final = {"INSPECTOR_LOGIN": "off", "INSPECTOR_LOG_MIB": str(LOG_MIB)}


@dataclass(frozen=True, slots=True)
class SoakOptions:
    """What to run. `model` None is a stub engine; `folder` None is a temporary one; `plot` is a PNG file to write."""

    minutes: float
    rate: float
    replicas: int
    seed: int
    database: DatabaseKind = "sqlite"
    model: Path | None = None
    folder: Path | None = None
    plot: Path | None = None


def soak_test(options: SoakOptions, notify: Notify) -> dict[str, Any]:
    """Run a soak and return its figures, ready for JSON. Raises InspectorError.

    Every process that it started has ended when it returns or raises.
    """
    if options.plot is not None:
        _require_charts()
    record = soak_record(options, notify)
    document = {"rate": options.rate, "replicas": options.replicas, "database_kind": options.database}
    document |= soak_report(record)
    if options.plot is not None:
        name = options.plot.name
        write_report({name: lambda figure: draw_soak(figure, record, document)}, options.plot.absolute().parent)
    return document


def soak_record(options: SoakOptions, notify: Notify) -> SoakRecord:
    """Run a soak in a new or empty folder and return what was sampled."""
    with ExitStack() as stack:
        stack.enter_context(interrupt_on_signals())
        place = stack.enter_context(empty_folder(options.folder))
        database = stack.enter_context(plant_database(options.database, place))
        files = place / "postgres" if options.database == "postgresql" else place / "data" / "inspector.db"
        places = Places(files, place / "data" / "evidence", place / "data" / "logs")
        return run_soak(_run_options(options, place), database, places, place, notify)


def _run_options(options: SoakOptions, place: Path) -> RunOptions:
    card = options.model or stub_card(place)
    duration_s = options.minutes * 60.0
    return RunOptions((), 1, duration_s, options.seed, options.rate, options.replicas, DEADLINE_MS, card, SETTINGS)


def _require_charts() -> None:
    """Import what draws, so that it is missing before a long run and not after it."""
    import matplotlib.figure  # noqa: F401
