"""One soak: a line runs, people look, and everything is sampled until the time is over."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from inspector.domain.frame import FrameKey
from inspector.lab.chaos.database import StoppableDatabase
from inspector.lab.chaos.testbed import CAMERA, LINE, RunOptions, Testbed, testbed
from inspector.lab.soak.answers import SoakAnswers
from inspector.lab.soak.process_samples import ProcessSample, sample_processes
from inspector.lab.soak.stored_files import Places, StoredSizes
from inspector.lab.soak.visitor import ConsoleVisitor
from inspector.lab.soak.yesterday import OldPicture, Yesterday, overdue, store_yesterday
from inspector.utc import utc_now

Say = Callable[[str], None]
PROCESS_SAMPLE_S: Final = 2.0
SIZE_SAMPLE_S: Final = 30.0  # walking the folder of pictures costs the disk
MIN_SIZE_SAMPLES: Final = 8  # of a short run
MAX_SAMPLES: Final = 5_000  # of a process, or of files, in a long run
MAX_OLD_PARTS: Final = 20_000  # parts of yesterday: about 1.5 GB of pictures
SAID_EVERY_S: Final = 60.0
DRAIN_S: Final = 60.0
# between storing the parts of yesterday and the first removal lies the start of the service
DUE_DELAY_S: Final = 30.0
LOG_MIB: Final = 1  # so small that logs rotate within minutes


@dataclass
class SoakRecord:
    """Everything that was sampled. `overdue` pictures stayed too long; `first` and `last` pictures are by sha256."""

    began_s: float
    duration_s: float
    rate: float
    answers: SoakAnswers = field(default_factory=SoakAnswers)
    processes: list[ProcessSample] = field(default_factory=list)
    sizes: list[StoredSizes] = field(default_factory=list)
    old_pictures: list[OldPicture] = field(default_factory=list)
    first_pictures: Mapping[str, int] = field(default_factory=dict)
    last_pictures: Mapping[str, int] = field(default_factory=dict)
    overdue: int = 0
    visit: ConsoleVisitor | None = None


def run_soak(options: RunOptions, database: StoppableDatabase, places: Places, folder: Path, say: Say) -> SoakRecord:
    """Run the plant for the duration of the options. Raises BrokerError or PoolError when it does not start or ends."""
    say("storing the parts of yesterday")
    parts = min(MAX_OLD_PARTS, round(options.rate * options.duration_s))
    plan = Yesterday(parts, options.rate, DUE_DELAY_S, options.seed)
    old = store_yesterday(database.url, places.evidence, FrameKey(LINE, CAMERA, "yesterday"), plan)
    run = f"soak-{secrets.token_hex(3)}"
    say("starting broker and service")
    with testbed(options, database, folder, run) as running:
        say(f"a line sends {options.rate:g} frames/s for {options.duration_s / 60.0:g} minutes")
        record = SoakRecord(time.monotonic(), options.duration_s, options.rate)
        record.old_pictures, record.first_pictures = old, places.pictures()
        with _visited(running, record):
            running.load.start()
            _sample_until_end(running, places, record, say)
        running.load.stop()
        running.load.drain(DRAIN_S)
        record.answers.add(running.load.take_answered(), record.began_s)
        record.answers.unanswered = len(running.load.journeys())
    return record


@contextmanager
def _visited(running: Testbed, record: SoakRecord) -> Iterator[None]:
    record.visit = ConsoleVisitor(running.console_url, LINE)
    with record.visit.visiting():
        yield


def _sample_until_end(running: Testbed, places: Places, record: SoakRecord, say: Say) -> None:
    every_s = max(PROCESS_SAMPLE_S, record.duration_s / MAX_SAMPLES)
    sizes_s = max(min(SIZE_SAMPLE_S, record.duration_s / MIN_SIZE_SAMPLES), record.duration_s / MAX_SAMPLES)
    sizes_due, said_due = 0.0, SAID_EVERY_S
    while (at_s := time.monotonic() - record.began_s) < record.duration_s:
        running.service.check()
        record.answers.add(running.load.take_answered(), record.began_s)
        record.processes += sample_processes(_processes(running), at_s)
        if at_s >= sizes_due:
            record.sizes.append(places.sizes(at_s, len(record.answers), places.pictures()))
            sizes_due = at_s + sizes_s
        if at_s >= said_due:
            say(f"{at_s / 60.0:.0f} min: {len(record.answers)} verdicts")
            said_due += SAID_EVERY_S
        time.sleep(min(every_s, max(0.0, record.duration_s - at_s)))
    record.last_pictures = places.pictures()
    record.sizes.append(places.sizes(record.duration_s, len(record.answers), record.last_pictures))
    record.overdue = len(overdue(record.old_pictures, record.last_pictures.keys(), utc_now()))


def _processes(running: Testbed) -> list[psutil.Process]:
    return [*running.service.whole_family(), psutil.Process(running.broker.pid)]
