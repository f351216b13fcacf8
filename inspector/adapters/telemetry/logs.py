"""Logs: one line each, for people or for machines, with the ids of the part that the line is about.

Commands log to standard error. The processes that Ray starts have nobody who reads theirs; each logs to a file of
its own, which never grows beyond FILES times FILE_BYTES.
"""

from __future__ import annotations

import atexit
import json
import logging
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from logging.handlers import QueueHandler, QueueListener, RotatingFileHandler
from pathlib import Path
from queue import Full, Queue
from typing import Any, Final, Literal

from inspector.log_context import current_part

log = logging.getLogger(__name__)

Style = Literal["text", "json"]

FILE_BYTES: Final = 10_000_000
FILES: Final = 5
STALE_S: Final = 14 * 24 * 3600.0  # a log that nobody wrote to for so long is of a process that is gone
WAITING: Final = 10_000
IDS: Final = ("line", "camera", "trigger_id", "result_id", "traceparent")


def log_to_stderr(style: Style, level: str) -> None:
    """For a command."""
    _configure(logging.StreamHandler(sys.stderr), style, level)


def log_to_file(folder: Path, process: str, style: Style, level: str) -> Callable[[], None]:
    """For a process that nobody looks at; `process` names it and its file. Returns what writes the last lines. Where
    no file can be had it logs to standard error: a line does not stand still for its log."""
    try:
        handler = _rotating(folder, process)
    except OSError as error:
        log_to_stderr(style, level)
        log.warning("no log in %s: %s", folder, error)
        return lambda: None
    waiting: Queue[logging.LogRecord] = Queue(WAITING)
    writer = QueueListener(waiting, handler)
    writer.start()

    def finish() -> None:
        atexit.unregister(finish)
        writer.stop()

    atexit.register(finish)
    _configure(Unhurried(waiting), style, level)
    return finish


class Unhurried(QueueHandler):
    """Leaves writing to a thread: a disk that hangs must not hold up verdicts. What does not fit is let go."""

    def enqueue(self, record: logging.LogRecord) -> None:
        with suppress(Full):
            self.queue.put_nowait(record)


class JsonLines(logging.Formatter):
    """One JSON object a line, whatever the message holds."""

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, Any] = {
            "time": _instant(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **ids_of(record),
        }
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return json.dumps(told)


class TextLines(logging.Formatter):
    """For people."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002
        return _instant(record)

    def format(self, record: logging.LogRecord) -> str:
        ids = " ".join(f"{name}={value}" for name, value in ids_of(record).items())
        return super().format(record) + (f"  [{ids}]" if ids else "")


def ids_of(record: logging.LogRecord) -> dict[str, str]:
    """What the line is about: as it says itself, else the part that its task has in hand."""
    part = current_part()
    known = {} if part is None else {**part.key._asdict(), "result_id": part.result_id, "traceparent": part.traceparent}
    said = {name: value for name in IDS if (value := getattr(record, name, known.get(name))) is not None}
    return {name: str(value) for name, value in said.items()}


def _rotating(folder: Path, process: str) -> RotatingFileHandler:
    folder.mkdir(parents=True, exist_ok=True)
    _remove_stale(folder)
    file = folder / f"{process}.log"
    return RotatingFileHandler(
        file, maxBytes=FILE_BYTES, backupCount=FILES - 1, encoding="utf-8", errors="backslashreplace"
    )


def _instant(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _configure(handler: logging.Handler, style: Style, level: str) -> None:
    """Libraries are heard from WARNING on; what warns goes to the log too."""
    handler.setFormatter(JsonLines() if style == "json" else TextLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("inspector").setLevel(level.upper())
    logging.captureWarnings(True)


def _remove_stale(folder: Path) -> None:
    """Model replicas come and go, and every one of them had a file."""
    for file in folder.glob("*.log*"):
        if time.time() - file.stat().st_mtime > STALE_S:
            file.unlink(missing_ok=True)
