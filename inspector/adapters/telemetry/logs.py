"""Logs for people or machines, one line per record, with the ids of the part that the record is about.

Commands log to standard error. Processes that Ray starts log to files of their own, whose size is limited: when
one is full, the oldest of LOG_FILES goes.
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

from inspector.runtime.log_context import current_part
from inspector.secret_texts import without_secrets

log = logging.getLogger(__name__)

Style = Literal["text", "json"]

LOG_FILES: Final = 5
STALE_LOG_S: Final = 14 * 24 * 3600.0  # a log without writes for this long belongs to an ended process
MAX_QUEUED_RECORDS: Final = 10_000
ID_FIELDS: Final = ("line", "camera", "trigger_id", "result_id", "traceparent")


def log_to_stderr(style: Style, level: str) -> None:
    """Log to standard error, for commands."""
    _configure(logging.StreamHandler(sys.stderr), style, level)


def log_to_file(folder: Path, process: str, style: Style, level: str, max_bytes: int) -> Callable[[], None]:
    """Log to the file `process`.log, for processes without a terminal. Returns a function that writes the last lines.

    Its files together take at most `max_bytes`.

    Without a writable file it logs to standard error: a line does not stop for its log.
    """
    try:
        handler = _rotating(folder, process, max_bytes)
    except OSError as error:
        log_to_stderr(style, level)
        log.warning("no log in %s: %s", folder, error)
        return lambda: None
    waiting: Queue[logging.LogRecord] = Queue(MAX_QUEUED_RECORDS)
    writer = QueueListener(waiting, handler)
    writer.start()

    def finish() -> None:
        atexit.unregister(finish)
        writer.stop()

    atexit.register(finish)
    _configure(NonBlockingHandler(waiting), style, level)
    return finish


class NonBlockingHandler(QueueHandler):
    """Hands records to a writing thread, because a slow disk must not delay verdicts. Drops records when full."""

    def enqueue(self, record: logging.LogRecord) -> None:
        with suppress(Full):
            self.queue.put_nowait(record)


class JsonLines(logging.Formatter):
    """Formats one JSON object per line, whatever the message contains."""

    def format(self, record: logging.LogRecord) -> str:
        document: dict[str, Any] = {
            "time": _instant(record),
            "level": record.levelname,
            "logger": record.name,
            "message": without_secrets(record.getMessage()),
            **ids_of(record),
        }
        if record.exc_info:
            document["exception"] = without_secrets(self.formatException(record.exc_info))
        return json.dumps(document)


class TextLines(logging.Formatter):
    """Formats lines for people."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002
        return _instant(record)

    def format(self, record: logging.LogRecord) -> str:
        ids = " ".join(f"{name}={value}" for name, value in ids_of(record).items())
        return without_secrets(super().format(record)) + (f"  [{ids}]" if ids else "")


def ids_of(record: logging.LogRecord) -> dict[str, str]:
    """Return the ids of a record: its own, else those of the part that its task works on."""
    part = current_part()
    known = {} if part is None else {**part.key._asdict(), "result_id": part.result_id, "traceparent": part.traceparent}
    ids = {name: value for name in ID_FIELDS if (value := getattr(record, name, known.get(name))) is not None}
    return {name: str(value) for name, value in ids.items()}


def _rotating(folder: Path, process: str, max_bytes: int) -> RotatingFileHandler:
    folder.mkdir(parents=True, exist_ok=True)
    _remove_stale(folder)
    file = folder / f"{process}.log"
    return RotatingFileHandler(
        file, maxBytes=max_bytes // LOG_FILES, backupCount=LOG_FILES - 1, encoding="utf-8", errors="backslashreplace"
    )


def _instant(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _configure(handler: logging.Handler, style: Style, level: str) -> None:
    """Configure the root logger. Libraries log from WARNING on; warnings are logged too."""
    handler.setFormatter(JsonLines() if style == "json" else TextLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("inspector").setLevel(level.upper())
    logging.captureWarnings(True)


def _remove_stale(folder: Path) -> None:
    """Remove old logs of model replicas that no longer exist."""
    for file in folder.glob("*.log*"):
        if time.time() - file.stat().st_mtime > STALE_LOG_S:
            file.unlink(missing_ok=True)
