"""Logs as machines read them: one object a line, with the ids of the part, in a file that stays small."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.adapters.telemetry.logs import JsonLines, TextLines, log_to_file
from inspector.domain.frame import FrameKey
from inspector.runtime.log_context import set_current_part, set_current_result

MAX_BYTES = 50_000_000
log = logging.getLogger("inspector.tests")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where this process logs to for the length of a test."""
    root, ours = logging.getLogger(), logging.getLogger("inspector")
    handlers, level, our_level = root.handlers[:], root.level, ours.level
    yield tmp_path / "logs"
    for handler in set(root.handlers) - set(handlers):
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    ours.setLevel(our_level)
    logging.captureWarnings(False)


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "station-0.log").read_text().splitlines()]


async def test_every_line_carries_the_part_that_its_task_has_in_hand(folder: Path) -> None:
    finish = log_to_file(folder, "station-0", "json", "info", MAX_BYTES)

    async def inspect(number: int) -> None:
        set_current_part(FrameKey("pcb", "cam1", f"t-{number}"))
        await asyncio.sleep(0.01)
        await asyncio.to_thread(log.info, "in a thread")
        set_current_result(f"result-{number}")
        log.info("after %d ms", 5)

    await asyncio.gather(*(asyncio.create_task(inspect(number)) for number in range(3)))
    log.info("beside them")
    finish()
    *of_parts, beside = lines(folder)
    for number in range(3):
        in_thread, after = [line for line in of_parts if line["trigger_id"] == f"t-{number}"]
        assert "result_id" not in in_thread
        assert (after["line"], after["camera"], after["result_id"]) == ("pcb", "cam1", f"result-{number}")
        assert (after["message"], after["level"], after["logger"]) == ("after 5 ms", "INFO", "inspector.tests")
        assert after["time"].endswith("Z")
    assert "trigger_id" not in beside


def test_a_line_may_say_itself_what_it_is_about(folder: Path) -> None:
    finish = log_to_file(folder, "station-0", "json", "info", MAX_BYTES)
    log.warning("not yet", extra={"result_id": "r-1", "line": "cap"})
    finish()
    assert (lines(folder)[0]["result_id"], lines(folder)[0]["line"]) == ("r-1", "cap")


def test_a_traceback_stays_inside_its_line(folder: Path) -> None:
    finish = log_to_file(folder, "station-0", "json", "info", MAX_BYTES)
    try:
        raise ValueError("a bug")
    except ValueError:
        log.exception("frame %s", "t-1")
    finish()
    [line] = lines(folder)
    assert "ValueError: a bug" in line["exception"]


def test_people_get_text_with_the_same_ids(folder: Path) -> None:
    finish = log_to_file(folder, "station-0", "text", "info", MAX_BYTES)
    log.info("decided", extra={"trigger_id": "t-1"})
    log.debug("not wanted")
    finish()
    [line] = (folder / "station-0.log").read_text().splitlines()
    assert line.endswith("inspector.tests: decided  [trigger_id=t-1]")


def test_libraries_are_heard_when_they_warn(folder: Path) -> None:
    finish = log_to_file(folder, "station-0", "json", "debug", MAX_BYTES)
    logging.getLogger("library").info("chatter")
    logging.getLogger("library").warning("trouble")
    finish()
    assert [line["message"] for line in lines(folder)] == ["trouble"]


def test_a_log_never_fills_the_disk(folder: Path) -> None:
    finish = log_to_file(folder, "station-0", "json", "info", 50_000)
    for number in range(2_000):
        log.info("line %d", number)
    finish()
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 50_000
    assert lines(folder)[-1]["message"] == "line 1999"


def test_logs_of_processes_long_gone_are_removed(folder: Path) -> None:
    folder.mkdir()
    for name, days in (("model-7.log", 30), ("model-8.log", 1)):
        (folder / name).write_text("")
        os.utime(folder / name, (time.time() - days * 86_400,) * 2)
    log_to_file(folder, "station-0", "json", "info", MAX_BYTES)()
    assert {file.name for file in folder.iterdir()} == {"model-8.log", "station-0.log"}


def test_without_a_folder_a_process_logs_to_standard_error(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder.write_text("no folder")
    log_to_file(folder, "station-0", "json", "info", MAX_BYTES)()
    log.info("all the same")
    assert [json.loads(line)["message"] for line in capsys.readouterr().err.splitlines()][-1] == "all the same"


@settings(deadline=None)
@given(st.text(st.characters()), st.text(st.characters()))
def test_any_message_is_one_line_and_one_object(message: str, trigger_id: str) -> None:
    record = logging.LogRecord("inspector", logging.INFO, __file__, 1, "%s", (message,), None)
    record.trigger_id = trigger_id
    line = JsonLines().format(record)
    assert "\n" not in line
    assert json.loads(line)["message"] == message
    assert json.loads(line)["trigger_id"] == trigger_id
    assert TextLines().format(record)
