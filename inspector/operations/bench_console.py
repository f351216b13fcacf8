"""Measure the console in a real Chromium: first load, cold list, next picture, tuning, light, cost with many tabs, and
what people wait for at a running line.

Times are taken inside the browser, so that the driver's own delay does not count.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import psutil

from inspector.adapters.ledger.bulk import BULK_LINES
from inspector.operations.bench_api import Answers, ApiLoad, fill, record_line, spread
from inspector.operations.bench_browser import open_browser, open_context, open_page, require_browser
from inspector.operations.bench_line import measure_line
from inspector.operations.console_process import console_process, own_port
from inspector.operations.progress import Notify
from inspector.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

GOALS: Final = {
    "next_picture_p95_ms": 100.0,
    "first_load_kb": 150.0,
    "list_painted_ms": 1000.0,
    "light_off_ms": 3000.0,
    "console_cpu_share": 0.25,
    "tune_step_p95_ms": 200.0,
    "connect_s": 120.0,
    "rollback_live_ms": 2000.0,
}
SETTLE_S: Final = 2.0
TUNE_PAUSE_MS: Final = 200  # between steps: the list of parts follows after a pause, and takes time too
TRANSFERRED: Final = """() => ['navigation', 'resource'].flatMap(kind => performance.getEntriesByType(kind))
    .filter(each => !each.name.includes('/api/')).reduce((sum, each) => sum + each.encodedBodySize, 0)"""


class ConsoleLoad(NamedTuple):
    """How hard the console is used: parts of each line, answers given, steps of each limit, tabs open, and the rate of
    the line meanwhile.
    """

    parts: int = 20_000
    answers: int = 40
    steps: int = 50
    tabs: int = 20
    parts_per_s: float = 30.0
    seconds: float = 30.0


def measure_console(settings: Settings, load: ConsoleLoad, chromium: Path, notify: Notify) -> dict[str, Any]:
    """Fill an empty ledger, open its console in Chromium, and return what people wait for."""
    require_browser(chromium)
    figures = _at_stored_parts(own_port(settings), load, chromium, notify)
    figures |= measure_line(settings.apart(settings.data / "line", login="off"), chromium, notify)
    missed = [name for name, most in GOALS.items() if not figures[name] <= most]
    return figures | {"goals": GOALS, "missed": missed}


def _at_stored_parts(settings: Settings, load: ConsoleLoad, chromium: Path, notify: Notify) -> dict[str, Any]:
    stored = load.parts * len(BULK_LINES)
    fill(settings, stored, notify)
    with console_process(settings) as console, open_browser(chromium) as browser:
        notify("first load, answers by keys, and steps of limits")
        figures = _first_load(browser, settings) | _answers(browser, settings, load.answers)
        figures |= _tuning(browser, settings, load.steps)
        notify(f"{load.tabs} tabs are open for {load.seconds:g} s, the line sends {load.parts_per_s:g} parts/s")
        figures |= _with_tabs(browser, settings, load, stored, psutil.Process(console.pid))
        page = open_page(open_context(browser, settings), "/")
        page.locator(".light:not(.away)").wait_for()
        console.kill()
        killed_at = time.time()
        page.locator(".light.away").wait_for()
        figures["light_off_ms"] = round(page.evaluate("window.benched.lightOffAt") - killed_at * 1000.0, 1)
    return figures


def _first_load(browser: Browser, settings: Settings) -> dict[str, Any]:
    """Open the list of parts in a browser that has nothing of it yet."""
    context = open_context(browser, settings)
    page = open_page(context, "/parts")
    page.wait_for_function("() => window.benched.listAt !== null")
    figures = {
        "first_load_kb": round(page.evaluate(TRANSFERRED) / 1000.0, 1),
        "list_painted_ms": round(page.evaluate("window.benched.listAt"), 1),
    }
    context.close()
    return figures


def _answers(browser: Browser, settings: Settings, answers: int) -> dict[str, Any]:
    """Answer parts by keys, and take the time from each key to the next picture on the screen."""
    context = open_context(browser, settings)
    page = open_page(context, f"/review?line={BULK_LINES[0]}")
    desk = page.get_by_test_id("desk")
    desk.wait_for()
    for done in range(1, answers + 1):
        page.wait_for_timeout(150)  # a person looks at the part meanwhile, and the next ones are fetched
        page.keyboard.press("y")
        page.wait_for_function("done => window.benched.pictures.length >= done", arg=done)
    took_ms = page.evaluate("window.benched.pictures")
    context.close()
    ranked = spread(took_ms)
    return {"next_picture_p50_ms": ranked["p50_ms"], "next_picture_p95_ms": ranked["p95_ms"], "answers": answers}


def _tuning(browser: Browser, settings: Settings, steps: int) -> dict[str, Any]:
    """Open a line's tune page twice, and move each limit by keys: from a key to new figures."""
    context = open_context(browser, settings)
    opened_ms = []
    for _ in range(2):
        page = open_page(context, f"/lines/{BULK_LINES[0]}/tune")
        page.get_by_test_id("figures").wait_for()
        opened_ms.append(round(page.evaluate("window.benched.figuresAt"), 1))
    for slider, key in (("pass-slider", "ArrowRight"), ("reject-slider", "ArrowLeft")):
        page.get_by_test_id(slider).focus()
        for _ in range(steps):
            page.keyboard.press(key)
            page.wait_for_timeout(TUNE_PAUSE_MS)
    took_ms = page.evaluate("window.benched.steps")
    context.close()
    return {
        "tune_opened_ms": opened_ms[0],
        "tune_opened_again_ms": opened_ms[1],
        "tune_steps": len(took_ms),
        "tune_step_p95_ms": spread(took_ms)["p95_ms"],
    }


def _with_tabs(
    browser: Browser, settings: Settings, load: ConsoleLoad, stored: int, console: psutil.Process
) -> dict[str, Any]:
    """Keep tabs open while the line goes on, and take the console's share of one core.

    Each tab is in a browser of its own, as those of so many people are: tabs of one browser share a stream.
    """
    contexts, answers = [open_context(browser, settings) for _ in range(load.tabs)], Answers()
    for context in contexts:
        open_page(context, "/").locator(".light:not(.away)").wait_for()
    time.sleep(SETTLE_S)
    rate = ApiLoad(parts_per_s=load.parts_per_s)
    began, before = time.monotonic(), _cpu_s(console)
    with ThreadPoolExecutor(1) as thread:  # this thread runs the browser's event loop
        line = record_line(settings, stored, rate, began + load.seconds, answers)
        thread.submit(asyncio.run, line).result()
    took_s = time.monotonic() - began
    used_s = _cpu_s(console) - before
    for context in contexts:
        context.close()
    return {
        "tabs": load.tabs,
        "line_per_s": round(len(answers.line_ms) / took_s, 1),
        "console_cpu_share": round(used_s / took_s, 3),
    }


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    used: float = times.user + times.system
    return used
