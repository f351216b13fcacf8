"""Measure the GETs that pages make, over a large ledger, with open streams and a line that goes on.

The console runs in a process of its own, as in the service. Each client is a person with a page open: it keeps a
stream, asks for one thing after another, and pauses between them.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, NamedTuple

import httpx

from inspector.adapters.ledger import SqlArchive, SqlLedger, store_versions, upgrade
from inspector.adapters.ledger.bulk import BULK_CAMERAS, BULK_LINES, BulkPlan, fill_bulk, lot_of
from inspector.adapters.ledger.database import masked_url
from inspector.adapters.ledger.measure import sample, sample_outgoing
from inspector.bootstrap.evidence import open_evidence
from inspector.config.line_template import declare_line, template
from inspector.domain.part import Evidence
from inspector.lab.synthetic import draw, encode
from inspector.numerics.nearest_rank import nearest_rank
from inspector.operations.console_process import console_process, own_port
from inspector.operations.progress import Notify
from inspector.ports.archive import PartFilter
from inspector.ports.lines import DeclaredVersion
from inspector.settings import Settings
from inspector.utc import utc_now

PREFIX: Final = "/api/v1"
MAX_P95_MS: Final = 300.0
PICTURES: Final = 24
FILLED_FILE: Final = "filled.json"  # in the data folder: what a benchmark filled its ledger with
SPAN: Final = timedelta(days=31)
REQUEST_TIMEOUT_S: Final = 30.0
# GETs that no page repeats, or that need what a filled ledger has not
NOT_MEASURED: Final = {
    "/stream": "held open by every client",
    "/lines/{line}/drafts/{draft}": "there are no drafts",
    "/lines/{line}/drafts/{draft}/diff": "there are no drafts",
    "/lines/{line}/drafts/{draft}/price": "there are no drafts",
    "/lines/{line}/drafts/{draft}/shadow": "there are no drafts",
    "/jobs/{number}": "there are no jobs",
    "/lines/{line}/teaching": "nothing was taught",
    "/lines/{line}/golden-samples/{sha256}/picture": "there are no golden samples",
    "/lines/{line}/golden-samples": "there are no golden samples",
    "/lines/{line}/challenge-parts": "there is no challenge set",
    "/lines/{line}/challenge-parts/{number}/picture": "there is no challenge set",
    "/lines/{line}/qualifications": "there is no challenge set",
    "/parts/{result_id}/nearest": "stored parts share one picture",
    "/parts/{result_id}/questions": "stored parts share one picture",
    "/parts/{result_id}/pictures/{sha256}": "stored parts share one picture",
    "/users": "only an administrator's page",
    "/users/{name}": "only an administrator's page",
    "/sessions": "only an administrator's page",
    "/tokens": "only an administrator's page",
    "/exports/parts.csv": "a file that people wait for",
    "/exports/parts.jsonl": "a file that people wait for",
    "/exports/coco.zip": "a file that people wait for",
    "/lines/{line}/versions/{version}/diff/{other}": "there is one version",
    "/unknown-cameras/{line}/{camera}/pictures/{sha256}": "there are no unknown cameras",
}


class PageGet(NamedTuple):
    """One GET of a page: its path in the API, and what makes an address of it."""

    path: str
    query: str = ""

    @property
    def name(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path

    def address(self, rng: random.Random, parts: int, line: str) -> str:
        """Return an address about this line, one of its cameras, or one of the stored parts."""
        camera, number = rng.choice(BULK_CAMERAS), rng.randrange(parts)
        given = {"line": line, "camera": camera, "result_id": f"{number:032x}", "version": 1}
        day = utc_now() - timedelta(days=rng.randrange(1, SPAN.days))
        asked = {"line": line, "camera": camera, "number": number + 1, "lot": lot_of(number), "day": f"{day:%Y-%m-%d}"}
        query = self.query.format(**asked)
        return f"{PREFIX}{self.path.format(**given)}" + (f"?{query}" if query else "")


PAGE_GETS: Final = (
    PageGet("/about"),
    PageGet("/parts"),
    PageGet("/parts", "line={line}"),
    PageGet("/parts", "line={line}&camera={camera}&disposition=REJECT"),
    PageGet("/parts", "reason=BAD_IMAGE"),
    PageGet("/parts", "line={line}&before={number}"),
    PageGet("/parts", "defect=scratch&line={line}"),
    PageGet("/parts", "trigger_id=t-{number}"),
    PageGet("/parts", "lot={lot}&disposition=REJECT"),
    PageGet("/parts", "line={line}&from={day}T00:00:00Z&to={day}T08:00:00Z"),
    PageGet("/parts", "p_min=0.3&p_max=0.7&line={line}&review=none"),
    PageGet("/parts", "review=mine"),
    PageGet("/parts/{result_id}"),
    PageGet("/parts/{result_id}/heatmap"),
    PageGet("/parts/{result_id}/neighbours"),
    PageGet("/parts/{result_id}/thumbnail"),
    PageGet("/parts/{result_id}/picture"),
    PageGet("/parts/{result_id}/reviews"),
    PageGet("/reviews"),
    PageGet("/lines/{line}/waiting-parts"),
    PageGet("/totals", "minutes=15"),
    PageGet("/totals", "minutes=1440"),
    PageGet("/totals", "minutes=44640"),
    PageGet("/stats/pareto"),
    PageGet("/stats/pareto", "line={line}"),
    PageGet("/stats/yield", "by=hour"),
    PageGet("/stats/yield", "by=shift&line={line}"),
    PageGet("/stats/yield"),
    PageGet("/stats/errors"),
    PageGet("/stats/errors", "by=shift&line={line}"),
    PageGet("/stats/reviewers"),
    PageGet("/lines"),
    PageGet("/lines/{line}"),
    PageGet("/lines/{line}/versions"),
    PageGet("/lines/{line}/versions/{version}"),
    PageGet("/lines/{line}/drafts"),
    PageGet("/line-templates"),
    PageGet("/cameras"),
    PageGet("/cameras/{line}/{camera}"),
    PageGet("/cameras/{line}/{camera}/health"),
    PageGet("/cameras/{line}/{camera}/frames/latest"),
    PageGet("/unknown-cameras"),
    PageGet("/events"),
    PageGet("/events", "acknowledged=false&severity=ALARM"),
    PageGet("/events", "line={line}"),
    PageGet("/jobs"),
    PageGet("/health"),
    PageGet("/lines/{line}/scores"),
    PageGet("/lines/{line}/replay-table"),
    PageGet("/lines/{line}/what-if", "pass_below=0.1&reject_above=0.9"),
    PageGet("/lines/{line}/escape-target", "escape=0.05"),
    PageGet("/session"),
    PageGet("/audit"),
)


class ApiLoad(NamedTuple):
    """How hard the API is asked: people with a page open, their pause between two questions, and the line's rate."""

    clients: int = 20
    seconds: float = 60.0
    pause_s: float = 1.0
    parts_per_s: float = 30.0


@dataclass
class Answers:
    """What came back."""

    took_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    first_ms: dict[str, float] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    stream_events: int = 0
    line_ms: list[float] = field(default_factory=list)
    line_s: float = 0.0


def measure_api(settings: Settings, parts: int, load: ApiLoad, notify: Notify) -> dict[str, Any]:
    """Fill an empty ledger, or take the one that an earlier run filled, ask the API, and return the times by GET.

    Raises LedgerError for a ledger with parts that no benchmark filled.
    """
    began = time.monotonic()
    fill_once(settings, parts, notify)
    filled_s = time.monotonic() - began
    settings = own_port(settings)
    notify(f"{load.clients} clients ask for {load.seconds:g} s, the line sends {load.parts_per_s:g} parts/s")
    with console_process(settings):
        answers = asyncio.run(_ask(settings, parts, load))
    return _figures(answers, parts, load, filled_s)


def fill_once(settings: Settings, parts: int, notify: Notify) -> None:
    """Fill the ledger, unless the settings' folder says that a benchmark filled it with as many parts."""
    filled = settings.data / FILLED_FILE
    wanted = {"parts": parts, "database": masked_url(settings.database)}
    if filled.is_file() and json.loads(filled.read_text()) == wanted:
        notify(f"{filled} names {parts} parts: the ledger is measured as it is")
        upgrade(settings.database)
        return
    fill(settings, parts, notify)
    filled.write_text(json.dumps(wanted))


def fill(settings: Settings, parts: int, notify: Notify) -> None:
    """Fill the empty ledger of these settings with parts over the last month."""
    upgrade(settings.database)
    evidence = open_evidence(settings)
    stored = [evidence.put(encode(draw("board", seed)), "image/jpeg") for seed in range(PICTURES)]
    pictures = [Evidence(each.sha256, each.media_type, each.size_bytes, 640, 640) for each in stored]
    declared = [_declared(line) for line in BULK_LINES]
    store_versions(settings.database, declared)

    def report(done: int) -> None:
        if done == parts or done % 100_000 == 0:
            notify(f"{done} of {parts} parts are stored")

    fill_bulk(settings.database, BulkPlan(parts, SPAN, utc_now(), pictures), report)


def _declared(line: str) -> DeclaredVersion:
    settings = {"product": "board", "cameras": list(BULK_CAMERAS)}
    return DeclaredVersion(declare_line(line, template("surface"), settings), (), author="bench")


async def _ask(settings: Settings, parts: int, load: ApiLoad) -> Answers:
    answers, limits = Answers(), httpx.Limits(max_connections=None)
    base = settings.console_url.rstrip("/")
    async with httpx.AsyncClient(base_url=base, limits=limits, timeout=REQUEST_TIMEOUT_S) as client:
        answers.first_ms = await _ask_first(client, parts)
        streams = [asyncio.create_task(_listen(client, answers)) for _ in range(load.clients)]
        until = time.monotonic() + load.seconds
        line = asyncio.create_task(record_line(settings, parts, load, until, answers))
        await asyncio.gather(*(_browse(client, number, parts, load, until, answers) for number in range(load.clients)))
        await line
        for stream in streams:
            stream.cancel()
        await asyncio.gather(*streams, return_exceptions=True)
    return answers


async def _ask_first(client: httpx.AsyncClient, parts: int) -> dict[str, float]:
    """Ask every question about every line once, as the first visitor of a console that has just started.

    Return the longest time of each. The measurement begins behind it, with what the console keeps in memory.
    """
    longest: dict[str, float] = defaultdict(float)
    for line in BULK_LINES:
        asked = Answers()
        for question in PAGE_GETS:
            await _put(client, question, question.address(random.Random(1), parts, line), asked)
        for name, took_ms in asked.took_ms.items():
            longest[name] = max(longest[name], *took_ms)
    return longest


async def _browse(
    client: httpx.AsyncClient, number: int, parts: int, load: ApiLoad, until: float, answers: Answers
) -> None:
    """Ask every question in turn, from a place of its own, until the time is over."""
    rng, at = random.Random(number), number * len(PAGE_GETS) // load.clients
    await asyncio.sleep(rng.uniform(0.0, load.pause_s))
    while time.monotonic() < until:
        question = PAGE_GETS[at % len(PAGE_GETS)]
        await _put(client, question, question.address(rng, parts, rng.choice(BULK_LINES)), answers)
        at += 1
        await asyncio.sleep(rng.uniform(0.5, 1.5) * load.pause_s)


async def _put(client: httpx.AsyncClient, question: PageGet, address: str, answers: Answers) -> None:
    began = time.perf_counter()
    try:
        answer = await client.get(address)
        answered = answer.is_success or answer.status_code == httpx.codes.NOT_FOUND  # most parts have no picture
    except httpx.HTTPError:
        answered = False
    answers.took_ms[question.name].append((time.perf_counter() - began) * 1000.0)
    answers.refused[question.name] += not answered


async def _listen(client: httpx.AsyncClient, answers: Answers) -> None:
    async with client.stream("GET", f"{PREFIX}/stream", timeout=None) as stream:
        async for row in stream.aiter_lines():
            answers.stream_events += row.startswith("event: part")


async def record_line(settings: Settings, parts: int, load: ApiLoad, until: float, answers: Answers) -> None:
    """Record new parts at the line's rate, each when it is due, whether or not earlier ones are stored."""
    first = max(parts, _newest_number(settings))
    began, tasks = time.monotonic(), list[asyncio.Task[None]]()
    async with SqlLedger(settings.database) as ledger:
        while time.monotonic() < until:
            number = first + len(tasks)
            tasks.append(asyncio.create_task(_record_one(ledger, number, answers)))
            await asyncio.sleep(max(0.0, began + len(tasks) / load.parts_per_s - time.monotonic()))
        await asyncio.gather(*tasks)
    answers.line_s = time.monotonic() - began


def _newest_number(settings: Settings) -> int:
    """Return the number of the newest part: an earlier run's line recorded some, too."""
    archive = SqlArchive(settings.database)
    try:
        return max((row.number for row in archive.parts(PartFilter(), 1)), default=0)
    finally:
        archive.close()


async def _record_one(ledger: SqlLedger, number: int, answers: Answers) -> None:
    now, began = utc_now(), time.perf_counter()
    part = sample(number, now)
    await ledger.record(part, sample_outgoing(number))
    answers.line_ms.append((time.perf_counter() - began) * 1000.0)


def _figures(answers: Answers, parts: int, load: ApiLoad, filled_s: float) -> dict[str, Any]:
    every = [each for took_ms in answers.took_ms.values() for each in took_ms]
    slow = [name for name, took_ms in answers.took_ms.items() if _rank(took_ms, 0.95) > MAX_P95_MS]
    return {
        "parts": parts,
        "filled_s": round(filled_s, 1),
        "clients": load.clients,
        "pause_s": load.pause_s,
        "seconds": load.seconds,
        "all": spread(every),
        "within_limit": not slow,
        "limit_p95_ms": MAX_P95_MS,
        "slower": slow,
        "failed": {name: count for name, count in answers.refused.items() if count},
        "gets": [_get_figures(name, answers) for name in sorted(answers.took_ms)],
        "stream_parts": answers.stream_events,
        "line_per_s": round(len(answers.line_ms) / answers.line_s, 1) if answers.line_s else 0.0,
        "line_ms": spread(answers.line_ms),
    }


def _get_figures(name: str, answers: Answers) -> dict[str, Any]:
    return {"get": name} | spread(answers.took_ms[name]) | {"first_ms": round(answers.first_ms[name], 1)}


def spread(took_ms: Sequence[float]) -> dict[str, Any]:
    ranks = {"p50_ms": 0.50, "p95_ms": 0.95, "p99_ms": 0.99, "max_ms": 1.0}
    return {"count": len(took_ms)} | {name: _rank(took_ms, share) for name, share in ranks.items()}


def _rank(took_ms: Sequence[float], share: float) -> float:
    return round(nearest_rank(took_ms, share), 1)
