"""`inspector review`, `learn`, `plan` and `apply` on one ledger, one after the other."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from rich.console import Console, Group
from support.fakes import a_pipeline
from support.labelled_histories import labelled_history

from inspector.adapters.ledger import DeclaredVersion, FileEvidence, SqlArchive, SqlLedger, store_versions, upgrade
from inspector.cli.learn import learning_table
from inspector.cli.plan import plan_table
from inspector.config.diff import DeclaredPipeline
from inspector.config.loader import read_pipeline
from inspector.domain.pipeline import Pipeline
from inspector.errors import InspectorError
from inspector.lab.evaluation.plan_report import plan_report
from inspector.lab.report_files import write_report
from inspector.messages.topics import Topics
from inspector.operations.apply import plan_changes as plan_change
from inspector.operations.learn import learn_line
from inspector.operations.plan import plan_line, write_plan
from inspector.operations.review import store_reviews
from inspector.operations.review_file import read_review_rows
from inspector.ports.ledger import PipelineVersion
from inspector.tuning.ladder_search import RiskLimits

LINE = a_pipeline(ladder=[{"views": ["direct"]}, {"views": ["paraphrase"]}, {"views": ["zoom"]}])


@pytest.fixture
def ledger(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    upgrade(url)
    store_versions(url, [DeclaredVersion(LINE, (), source="line: pcb")])
    return url


async def fill(url: str, count: int, *, spoilt: int | None = None) -> None:
    """Record parts whose whole ladder was asked, without reviews."""
    async with SqlLedger(url) as ledger:
        for past in labelled_history(count, spoilt=spoilt).parts:
            await ledger.record(past.part, [])
            await ledger.add_shadow(past.part.result_id, past.shadow)


def reviews(folder: Path, count: int) -> Path:
    file = folder / "reviews.csv"
    rows = (f"t-{k},{'ng' if k % 2 else 'ok'}\n" for k in range(count))
    file.write_text("trigger_id,verdict\n" + "".join(rows))
    return file


def live(url: str) -> PipelineVersion:
    archive = SqlArchive(url)
    try:
        return archive.list_pipelines()[0]
    finally:
        archive.close()


def taught(url: str, folder: Path, count: int) -> None:
    store_reviews(url, Topics(), read_review_rows(reviews(folder, count), "pcb", "cam1"), "ann")


@pytest.fixture
def line(ledger: str, tmp_path: Path) -> str:
    """A hundred parts, all reviewed."""
    asyncio.run(fill(ledger, 100))
    taught(ledger, tmp_path, 100)
    return ledger


def test_learned_values_are_live_with_a_new_version(line: str) -> None:
    tried = learn_line(line, "pcb", dry_run=True)
    assert tried.version is None
    assert live(line).pipeline.learned is None
    result = learn_line(line, "pcb")
    assert result.version == live(line).version == 2
    learned = live(line).pipeline.learned
    assert learned is not None
    assert learned == tried.lesson.learned
    assert learned.correlations
    assert learned.calibration is not None
    assert result.price.parts == 100
    assert json.loads(json.dumps(result.as_json()))["price"]["reviewed"] == 100


def test_learning_the_same_again_makes_no_version(line: str) -> None:
    learn_line(line, "pcb")
    assert learn_line(line, "pcb").version is None


def test_a_harmful_rung_is_capped_and_reported_once(ledger: str, tmp_path: Path) -> None:
    asyncio.run(fill(ledger, 100, spoilt=2))
    taught(ledger, tmp_path, 100)
    for _ in range(2):
        learn_line(ledger, "pcb")
    learned = live(ledger).pipeline.learned
    assert learned is not None
    assert learned.capped == (2,)
    archive = SqlArchive(ledger)
    [(_, event)] = archive.event_page(None, 9)
    archive.close()
    assert (event.kind, event.line) == ("RUNG_HARMS", "pcb")
    assert "rung 3 is no longer asked: of 100 parts it turned" in event.text


def test_too_few_reviews_are_reported_and_teach_no_calibration(ledger: str, tmp_path: Path) -> None:
    asyncio.run(fill(ledger, 100))
    taught(ledger, tmp_path, 30)
    result = learn_line(ledger, "pcb")
    assert result.lesson.learned.calibration is None
    assert shown(learning_table(result)).count("not learned:") == 2


def test_an_apply_that_leaves_scores_alone_keeps_learned_values(line: str, tmp_path: Path) -> None:
    learn_line(line, "pcb")
    evidence = FileEvidence(str(tmp_path / "evidence"))
    [slower] = plan_change((declared(deadline_ms=900),), line, evidence)
    assert not slower.forgets
    assert slower.declared.pipeline.learned == live(line).pipeline.learned
    assert [change.field for change in slower.changes] == ["deadline_ms"]
    [unchanged] = plan_change((declared(),), line, evidence)
    assert not unchanged.is_changed


def test_an_apply_that_changes_scores_drops_learned_values_and_says_so(line: str, tmp_path: Path) -> None:
    learn_line(line, "pcb")
    [other] = plan_change((declared(question="Is it bad?"),), line, FileEvidence(str(tmp_path / "evidence")))
    assert other.forgets
    assert other.as_json()["forgets"]
    assert other.declared.pipeline.learned is None


def test_a_plan_is_found_shown_and_written(line: str, tmp_path: Path) -> None:
    planned = plan_line(line, "pcb", RiskLimits(escape=0.2))
    assert planned.advice.chosen is not None
    assert "Cheapest within escape 20.0%" in shown(plan_table(planned))
    pages = write_report(plan_report(planned.source, planned.advice), tmp_path / "out")
    assert [path.name for path in pages] == ["plan.md", "plan.json", "plan.png"]
    assert all(path.stat().st_size > 200 for path in pages)
    write_plan(planned, tmp_path / "pcb.yaml")
    written = read_pipeline((tmp_path / "pcb.yaml").read_text(), "pcb.yaml")
    assert tuple(rung.views for rung in written.ladder) == planned.advice.chosen.ladder
    assert written.thresholds == planned.advice.chosen.thresholds


def test_a_plan_from_too_few_parts_is_refused_with_the_numbers(ledger: str, tmp_path: Path) -> None:
    asyncio.run(fill(ledger, 50))
    taught(ledger, tmp_path, 50)
    with pytest.raises(InspectorError, match=r"25 OK and 25 NG parts are reviewed .* 40 of each are needed"):
        plan_line(ledger, "pcb", RiskLimits(escape=0.2))


def test_learning_from_a_line_that_is_not_there_is_refused(ledger: str) -> None:
    with pytest.raises(InspectorError, match="there is no line 'casting'"):
        learn_line(ledger, "casting")
    with pytest.raises(InspectorError, match="no part of pcb was judged as the line is declared now"):
        learn_line(ledger, "pcb")


def declared(**changes: object) -> DeclaredPipeline:
    return DeclaredPipeline("pcb.yaml", Pipeline.model_validate(LINE.model_dump() | changes))


def shown(picture: Group) -> str:
    screen = Console(width=200)
    with screen.capture() as captured:
        screen.print(picture)
    return captured.get()
