"""`inspector review`, `learn`, `plan` and `apply` on one ledger, one after the other."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from rich.console import Console, Group
from support.fakes import REJECTED, a_part, a_pipeline
from support.labelled_histories import VIEWS, labelled_history
from support.reviews import add_reviews, labelled

from inspector.adapters.ledger import DeclaredVersion, FileEvidence, SqlArchive, SqlLedger, store_versions, upgrade
from inspector.cli.learn import learning_table
from inspector.cli.plan import plan_table
from inspector.config.diff import DeclaredPipeline
from inspector.config.loader import read_pipeline
from inspector.domain.learned import Calibration
from inspector.domain.part import PartRecord
from inspector.domain.part_history import History
from inspector.domain.pipeline import Pipeline
from inspector.domain.vote import StoppedBy, Vote
from inspector.errors import InspectorError
from inspector.lab.evaluation.plan_report import plan_report
from inspector.lab.report_files import write_report
from inspector.lines.change_effect import ChangeApproval
from inspector.lines.pricing import EscapesError
from inspector.messages.topics import Topics
from inspector.operations import learn as learning
from inspector.operations.apply import plan_changes as plan_change
from inspector.operations.learn import LearningResult, learn_line
from inspector.operations.plan import plan_line, write_plan
from inspector.operations.review import store_reviews
from inspector.operations.review_file import read_review_rows
from inspector.ports.archive import EventFilter
from inspector.ports.ledger import PipelineVersion
from inspector.settings import Settings
from inspector.tuning.ladder_search import RiskLimits
from inspector.tuning.learning import LearningReport, learn_from_history

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


async def record(url: str, part: PartRecord) -> None:
    async with SqlLedger(url) as ledger:
        await ledger.record(part, [])


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


def learned_of(url: str, line: str = "pcb", *, dry_run: bool = False, accepted: int | None = None) -> LearningResult:
    settings = Settings(database_url=url, data=Path(url.removeprefix("sqlite:///")).parent)
    return learn_line(settings, line, ChangeApproval("ann", "why not", accepted), dry_run=dry_run)


@pytest.fixture
def line(ledger: str, tmp_path: Path) -> str:
    """A hundred parts, all reviewed."""
    asyncio.run(fill(ledger, 100))
    taught(ledger, tmp_path, 100)
    return ledger


def test_learned_values_are_live_with_a_new_version(line: str) -> None:
    tried = learned_of(line, dry_run=True)
    assert tried.version is None
    assert live(line).pipeline.learned is None
    result = learned_of(line)
    assert result.version == live(line).version == 2
    learned = live(line).pipeline.learned
    assert learned is not None
    assert learned == tried.lesson.learned
    assert learned.correlations
    assert learned.calibration is not None
    assert result.price.parts == 100
    assert json.loads(json.dumps(result.as_json()))["price"]["reviewed"] == 100


def test_learning_the_same_again_makes_no_version(line: str) -> None:
    learned_of(line)
    assert learned_of(line).version is None


def test_a_harmful_rung_is_capped_and_reported_once(ledger: str, tmp_path: Path) -> None:
    asyncio.run(fill(ledger, 100, spoilt=2))
    taught(ledger, tmp_path, 100)
    for _ in range(2):
        learned_of(ledger)
    learned = live(ledger).pipeline.learned
    assert learned is not None
    assert learned.capped == (2,)
    archive = SqlArchive(ledger)
    [event] = [event for _, event, _ in archive.event_page(EventFilter(), 9) if event.kind != "THINKING_HARMS"]
    archive.close()
    assert (event.kind, event.line) == ("RUNG_HARMS", "pcb")
    assert "rung 3 is no longer asked: of 100 parts it turned" in event.text


@pytest.mark.parametrize(("spoilt", "reported"), [(2, 1), (None, 0)])
def test_a_line_on_which_more_tokens_do_harm_is_reported_once(
    ledger: str, tmp_path: Path, spoilt: int | None, reported: int
) -> None:
    asyncio.run(fill(ledger, 100, spoilt=spoilt))
    taught(ledger, tmp_path, 100)
    slopes = [learned_of(ledger).lesson.slope for _ in range(2)]
    assert all(slope is not None and slope.is_inverse is bool(reported) for slope in slopes)
    archive = SqlArchive(ledger)
    events = [event for _, event, _ in archive.event_page(EventFilter(), 9) if event.kind == "THINKING_HARMS"]
    archive.close()
    assert [(event.line, event.severity) for event in events] == [("pcb", "ALARM")] * reported


def test_too_few_reviews_are_reported_and_teach_no_calibration(ledger: str, tmp_path: Path) -> None:
    asyncio.run(fill(ledger, 100))
    taught(ledger, tmp_path, 30)
    result = learned_of(ledger)
    assert result.lesson.learned.calibration is None
    assert shown(learning_table(result)).count("not learned:") == 2


def test_an_apply_that_leaves_scores_alone_keeps_learned_values(line: str, tmp_path: Path) -> None:
    learned_of(line)
    evidence = FileEvidence(str(tmp_path / "evidence"))
    [slower] = plan_change((declared(deadline_ms=900),), line, evidence)
    assert not slower.forgets
    assert slower.declared.pipeline.learned == live(line).pipeline.learned
    assert [change.field for change in slower.changes] == ["deadline_ms"]
    [unchanged] = plan_change((declared(),), line, evidence)
    assert not unchanged.is_changed


def test_an_apply_that_changes_scores_drops_learned_values_and_says_so(line: str, tmp_path: Path) -> None:
    learned_of(line)
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


def test_a_plan_that_is_not_proved_is_not_written(line: str, tmp_path: Path) -> None:
    planned = plan_line(line, "pcb", RiskLimits(escape=0.05))
    assert planned.advice.chosen is None
    assert "is proved to keep escape 5.0%" in shown(plan_table(planned))
    with pytest.raises(InspectorError, match=r"half of the NG parts prove an escape share of 11.3% at best"):
        write_plan(planned, tmp_path / "pcb.yaml")
    assert not (tmp_path / "pcb.yaml").exists()


def test_a_plan_whose_check_proves_less_is_not_written(line: str, tmp_path: Path) -> None:
    planned = plan_line(line, "pcb", RiskLimits(escape=0.2))
    unproved = planned._replace(advice=planned.advice._replace(bound=0.21))
    with pytest.raises(InspectorError, match=r"the checking half proves an escape share of 21.0%, not 20.0%"):
        write_plan(unproved, tmp_path / "pcb.yaml")


def test_learned_values_under_which_ng_parts_pass_are_blocked(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is learned ends asking earlier: it is a change like any other."""

    def lax(history: History, pipeline: Pipeline, fingerprint: str, *, fuse: bool) -> LearningReport:
        lesson = learn_from_history(history, pipeline, fingerprint, fuse=fuse)
        calibration = Calibration(slope=50.0, intercept=0.0, frames=100, ng_share=0.5)
        return lesson._replace(learned=lesson.learned.model_copy(update={"calibration": calibration}))

    scores = (0.1, 0.99, 0.99)
    misleading = tuple(Vote(view, rung, p_ng) for rung, (view, p_ng) in enumerate(zip(VIEWS, scores, strict=True)))
    part = a_part("t-100", decision=REJECTED, votes=misleading, stopped_by=StoppedBy.LADDER_END)
    asyncio.run(record(line, part))
    add_reviews(line, [labelled(part.result_id, True)])
    monkeypatch.setattr(learning, "learn_from_history", lax)
    with pytest.raises(EscapesError, match="would newly pass") as refused:
        learned_of(line)
    assert live(line).version == 1
    assert learned_of(line, accepted=refused.value.escapes).version == 2


def test_a_plan_from_too_few_parts_is_refused_with_the_numbers(ledger: str, tmp_path: Path) -> None:
    asyncio.run(fill(ledger, 50))
    taught(ledger, tmp_path, 50)
    with pytest.raises(InspectorError, match=r"25 OK and 25 NG parts are reviewed .* 40 of each are needed"):
        plan_line(ledger, "pcb", RiskLimits(escape=0.2))


def test_learning_from_a_line_that_is_not_there_is_refused(ledger: str) -> None:
    with pytest.raises(InspectorError, match="there is no line 'casting'"):
        learned_of(ledger, "casting")
    with pytest.raises(InspectorError, match="no part of pcb was judged as the line is declared now"):
        learned_of(ledger)


def declared(**changes: object) -> DeclaredPipeline:
    return DeclaredPipeline("pcb.yaml", Pipeline.model_validate(LINE.model_dump() | changes))


def shown(picture: Group) -> str:
    screen = Console(width=200)
    with screen.capture() as captured:
        screen.print(picture)
    return captured.get()
