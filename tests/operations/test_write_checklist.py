"""`inspector checklist` on a real ledger and evidence store: with a scripted engine, and with the embedded model, which
was not trained to write one."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from support import demo_model
from support.fakes import a_part, a_pipeline
from support.paths import ROOT
from support.reviews import add_reviews, labelled
from support.seeing_engine import SeeingEngine

from inspector.adapters.ledger import DeclaredVersion, FileEvidence, SqlArchive, SqlLedger, store_versions, upgrade
from inspector.cli.checklist import checklist_table
from inspector.config.diff import DeclaredPipeline
from inspector.config.loader import read_pipeline
from inspector.domain.learned import LearnedSettings
from inspector.errors import ConflictError, InspectorError
from inspector.lab.synthetic import encode, golden
from inspector.operations.apply import plan_changes as plan_change
from inspector.operations.apply import read_pipelines
from inspector.operations.write_checklist import ChecklistResources, ChecklistResult, write_checklist, write_file
from inspector.ports.engine import Engine
from inspector.ports.ledger import PipelineVersion

LADDER = [{"views": ["direct"]}, {"views": ["checklist"]}]
SCRATCH, SHORT = "Does a line run across the green lacquer?", "Is copper bridged between two traces?"
WRITTEN = {"scratch": SCRATCH, "short": SHORT}
PLAIN_SHORT = "Is there a short on this board?"
STUB = "name: stub\nengine: stub\ncheckpoint: none\npixels: {min: 102400, max: 102400}\n"


class Shop:
    """A ledger with one line, and an evidence store with its golden samples."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = f"sqlite:///{folder / 'ledger.db'}"
        self.evidence = FileEvidence(str(folder / "evidence"))
        upgrade(self.database)

    def declare(self, *, golden_samples: int = 2, parent: int | None = None, **changes: object) -> None:
        shown = [encode(golden("board", seed), quality=95) for seed in range(golden_samples)]
        names = [f"golden/board-{seed}.jpg" for seed in range(golden_samples)]
        settings: dict[str, Any] = {"ladder": LADDER, "golden_samples": names} | changes
        (self.folder / "golden").mkdir(exist_ok=True)
        for name, data in zip(names, shown, strict=True):
            (self.folder / name).write_bytes(data)
        kept = tuple(self.evidence.put(data, "image/jpeg").sha256 for data in shown)
        store_versions(
            self.database, [DeclaredVersion(a_pipeline(**settings), kept, source="line: pcb", parent=parent)]
        )

    async def review(self, pictures: Mapping[bytes, bool]) -> None:
        """Parts with these pictures, judged and reviewed."""
        async with SqlLedger(self.database) as ledger:
            for number, (data, ng) in enumerate(pictures.items()):
                part = a_part(f"t-{number}", evidence=self.evidence.put(data, "image/jpeg"))
                await ledger.record(part, [])
                add_reviews(self.database, [labelled(part.result_id, ng)])

    def live(self) -> PipelineVersion:
        archive = SqlArchive(self.database)
        try:
            return archive.list_pipelines()[0]
        finally:
            archive.close()

    def write(self, engine: Engine, *, most: int = 20, replace: bool = False, dry_run: bool = False) -> ChecklistResult:
        resources = ChecklistResources(self.database, self.evidence, lambda: engine)
        return write_checklist(resources, "pcb", most=most, replace=replace, dry_run=dry_run)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def parts(count: int) -> dict[bytes, bool]:
    return {f"{'bridged' if number % 2 else 'fine'} {number}".encode(): number % 2 == 1 for number in range(count)}


def bridged(picture: bytes, question: str) -> float:
    return 0.9 if picture.startswith(b"bridged") and question == SHORT else 0.02


def shown(found: ChecklistResult, width: int = 200) -> str:
    screen = Console(width=width)
    with screen.capture() as captured:
        screen.print(checklist_table(found))
    return captured.get()


def test_questions_that_hold_are_live_with_a_new_version(shop: Shop) -> None:
    shop.declare(learned=LearnedSettings(fingerprint="0123456789abcdef", capped=(1,)))
    before = shop.live()
    tried = shop.write(SeeingEngine(WRITTEN), dry_run=True)
    assert tried.version is None
    assert shop.live() == before
    found = shop.write(SeeingEngine(WRITTEN))
    live = shop.live()
    assert found.version == live.version == 2
    assert live.pipeline.checklist == (SCRATCH, SHORT)
    assert live.golden == before.golden
    assert live.pipeline.learned is None, "it was learned from answers to other questions"
    assert live.pipeline.settings_fingerprint() != before.pipeline.settings_fingerprint()


def test_reviewed_parts_show_which_questions_separate_parts(shop: Shop) -> None:
    shop.declare()
    asyncio.run(shop.review(parts(24)))
    found = shop.write(SeeingEngine(WRITTEN, bridged))
    document = json.loads(json.dumps(found.as_json()))
    assert document["reviewed"] == {"ok": 12, "ng": 12, "missing": 0}
    by_text = {each["text"]: each for each in document["tried"]}
    assert by_text[SHORT]["reviewed"] == {"auroc": 1.0, "low": 1.0, "high": 1.0, "alone": 12, "wrong": 0}
    assert by_text[SCRATCH]["dropped"].startswith("does not separate OK from NG: AUROC 0.50")
    assert document["checklist"] == ["Is there a scratch on this board?", SHORT]
    assert "tried on 2 golden sample(s), 12 OK and 12 NG reviewed parts" in shown(found)
    assert [line.split()[-1] for line in shown(found).splitlines() if line.startswith("scratch")] == ["dropped", "in"]


def test_no_more_reviewed_parts_are_asked_about_than_wanted(shop: Shop) -> None:
    shop.declare()
    asyncio.run(shop.review(parts(24)))
    engine = SeeingEngine(WRITTEN, bridged)
    answers = shop.write(engine, most=3, dry_run=True).answers
    assert (len(answers.ok), len(answers.ng)) == (3, 3)
    asked_about = [prefix.pictures[-1].data for prefix in engine.opened if prefix.pictures[-1].data in parts(24)]
    assert asked_about == [b"fine 0", b"fine 8", b"fine 16", b"bridged 1", b"bridged 9", b"bridged 17"]


def test_a_question_that_calls_a_golden_sample_ng_is_reported_and_replaced_by_the_plain_one(shop: Shop) -> None:
    def anxious(_: bytes, question: str) -> float:
        return 0.8 if question == SHORT else 0.1

    shop.declare()
    found = shop.write(SeeingEngine(WRITTEN, anxious))
    assert shop.live().pipeline.checklist == (SCRATCH, PLAIN_SHORT)
    assert f"dropped: '{SHORT}': answers Yes about golden sample 1 (p_ng 0.80)" in shown(found)


def test_nothing_is_stored_where_no_written_question_holds(shop: Shop) -> None:
    shop.declare()
    found = shop.write(SeeingEngine(WRITTEN, lambda _, question: 0.9 if question in WRITTEN.values() else 0.1))
    assert (found.chosen, found.version, shop.live().version) == ((), None, 1)
    assert "the model wrote no question that can be used" in shown(found)


def test_a_plain_question_that_separates_better_replaces_the_written_one(shop: Shop) -> None:
    def knows(picture: bytes, question: str) -> float:
        clear = question == PLAIN_SHORT or (question == SHORT and picture != b"bridged 7")
        return 0.9 if picture.startswith(b"bridged") and clear else 0.02

    shop.declare()
    asyncio.run(shop.review(parts(24)))
    found = shop.write(SeeingEngine({"short": SHORT}, knows))
    assert (found.chosen, found.version) == ((), None)
    assert "wrote no question that separates parts better than the plain one about its class" in shown(found)


def test_the_next_steps_are_shown(shop: Shop) -> None:
    shop.declare()
    tried = shown(shop.write(SeeingEngine(WRITTEN), dry_run=True))
    assert "nothing is stored" in tried
    assert "to keep them: run again without --dry-run" in tried
    stored = shown(shop.write(SeeingEngine(WRITTEN)))
    assert "version 2 is stored" in stored
    for expected in (
        "golden sample(s) only",
        "inspector review FILE --line pcb",
        "inspector plan pcb",
        "inspector learn pcb",
    ):
        assert expected in " ".join(stored.split())
    assert "applying it again removes them" in " ".join(stored.split())


def test_an_existing_checklist_is_replaced_only_on_request(shop: Shop) -> None:
    shop.declare(checklist=["Is it bent?"])
    with pytest.raises(InspectorError, match=r"pcb has a checklist already \(1 questions\); --replace writes another"):
        shop.write(SeeingEngine(WRITTEN))
    found = shop.write(SeeingEngine(WRITTEN), replace=True)
    assert found.as_json()["replaced"] == ["Is it bent?"]
    assert "replaced: Is it bent?" in shown(found)
    again = shop.write(SeeingEngine(WRITTEN), replace=True)
    assert again.version is None
    assert "the line already asks these questions" in shown(again)


@pytest.mark.parametrize(
    ("declared", "complaint"),
    [
        ({"golden_samples": 0}, "pcb has no golden samples to write questions from; list pictures of good parts"),
        ({"ladder": [{"views": ["direct"]}]}, "pcb asks no checklist; add the view checklist to a rung of its ladder"),
    ],
)
def test_a_line_without_use_for_it_is_refused_before_a_model_is_opened(
    shop: Shop, declared: dict[str, Any], complaint: str
) -> None:
    shop.declare(**declared)

    def opened() -> Engine:
        raise AssertionError("a model takes a while to open")

    with pytest.raises(InspectorError, match=complaint):
        write_checklist(ChecklistResources(shop.database, shop.evidence, opened), "pcb")


def test_a_change_that_somebody_applies_meanwhile_is_not_undone(shop: Shop) -> None:
    def meddle(_: bytes, __: str) -> float:
        shop.declare(deadline_ms=900, parent=1)
        return 0.02

    shop.declare()
    with pytest.raises(
        ConflictError, match=r"pcb: this change is based on version 1, but version 2 by .* is live: nothing is stored"
    ):
        shop.write(SeeingEngine(WRITTEN, meddle))
    assert (shop.live().version, shop.live().pipeline.checklist) == (2, ())


def test_a_line_that_is_not_there_is_named(shop: Shop) -> None:
    with pytest.raises(InspectorError, match="there is no line 'pcb'; declare it in a pipeline"):
        shop.write(SeeingEngine(WRITTEN))


def test_the_written_file_is_the_line_with_its_checklist(shop: Shop, tmp_path: Path) -> None:
    shop.declare()
    found = shop.write(SeeingEngine(WRITTEN), dry_run=True)
    file = shop.folder / "pcb.yaml"
    write_file(found, file)
    assert read_pipeline(file.read_text(), file.name) == found.pipeline
    [change] = plan_change(read_pipelines(file), shop.database, shop.evidence)
    assert [(each.field, each.new) for each in change.changes] == [("checklist", [SCRATCH, SHORT])]
    with pytest.raises(InspectorError, match=r"can't be written.*name another file with --write"):
        write_file(found, tmp_path)


def test_applying_a_file_without_the_questions_takes_them_out_and_shows_it(shop: Shop) -> None:
    shop.declare()
    old = DeclaredPipeline(str(shop.folder / "pcb.yaml"), shop.live().pipeline)
    shop.write(SeeingEngine(WRITTEN))
    [change] = plan_change((old,), shop.database, shop.evidence)
    assert [(each.field, each.old, each.new) for each in change.changes] == [("checklist", [SCRATCH, SHORT], [])]
    assert change.rescores


def test_model_text_becomes_no_markup_and_fits_eighty_columns(shop: Shop) -> None:
    shop.declare()
    strange = {"scratch": "Is [bold red]this[/] scratched " + "and " * 25 + "old?", "short": "[/] no question"}
    text = shown(shop.write(SeeingEngine(strange), dry_run=True), width=80)
    assert "[bold red]this[/]" in " ".join(text.split())
    assert "'[/] no question'" in text
    assert max(map(len, text.splitlines())) <= 80


def test_the_embedded_model_writes_no_usable_question_and_that_is_reported(shop: Shop) -> None:
    board = read_pipelines(ROOT / "pipelines" / "board.yaml")[0].pipeline
    shop.declare(**{**board.model_dump(mode="json"), "line": "pcb", "golden_samples": 1})
    found = shop.write(demo_model.engine())
    assert found.version is None
    assert {each.defect for each in found.written.refused} | {each.defect for each in found.written.usable} == set(
        board.defects
    )
    assert "the model wrote no question that can be used; the line keeps its current questions" in shown(found)


def test_a_checklist_that_came_to_nothing_is_a_document_and_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "stub.yaml").write_text(STUB)
    environment = os.environ | {"INSPECTOR_DATA": str(tmp_path / "data")}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from inspector.cli.app import main; main()", *words]
        return subprocess.run(
            command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
        )

    assert run("apply", "pipelines/board.yaml").returncode == 0
    file = tmp_path / "board.yaml"
    done = run("checklist", "board", "--model", str(tmp_path / "stub.yaml"), "--json", "--write", str(file))
    document: Any = json.loads(done.stdout)
    assert (done.returncode, document["checklist"], document["new_version"]) == (1, [], None)
    assert {each["why"] for each in document["refused"]} == {"no question was written"}
    assert not file.exists()
