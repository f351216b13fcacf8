"""Golden samples are added and removed as versions, and what that changes is known before it is stored."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.databases import fetch
from support.fakes import a_part, a_pipeline
from support.reviews import add_reviews, labelled

from inspector.adapters.ledger import DeclaredVersion, FileEvidence, SqlArchive, SqlLedger, store_versions, upgrade
from inspector.domain.line_version import VersionOrigin
from inspector.errors import ConflictError, InspectorError
from inspector.lab.synthetic import draw, encode
from inspector.operations.golden import golden_samples, plan_addition, plan_removal, store_change
from inspector.settings import Settings


@pytest.fixture
def here(tmp_path: Path) -> Settings:
    settings = Settings(data=tmp_path)
    upgrade(settings.database)
    sha256 = FileEvidence(settings.evidence).put(encode(draw("board", 1)), "").sha256
    pipeline = a_pipeline(references=1, golden_samples=["golden/first.jpg"])
    store_versions(settings.database, [DeclaredVersion(pipeline, (sha256,))])
    return settings


def board(folder: Path, seed: int) -> Path:
    file = folder / f"board-{seed}.jpg"
    file.write_bytes(encode(draw("board", seed)))
    return file


def test_plan_stores_no_version_and_says_what_it_changes(here: Settings, tmp_path: Path) -> None:
    change = plan_addition(here, "pcb", [board(tmp_path, 2)], [], "a better light", first=False)
    assert [(each.number, each.is_shown) for each in change.samples] == [(1, True), (2, False)]
    assert "golden samples: 1 become 2; the model is shown 1 with each frame" in change.effects
    assert any("pcb becomes UNQUALIFIED until it is qualified" in effect for effect in change.effects)
    assert len(golden_samples(here, "pcb")) == 1
    assert store_change(here, change) == 2
    assert [each.sha256 for each in golden_samples(here, "pcb")] == [each.sha256 for each in change.samples]
    archive = SqlArchive(here.database)
    newest = archive.versions("pcb")[-1]
    archive.close()
    assert (newest.origin, newest.reason, newest.parent) == (VersionOrigin.GOLDEN, "a better light", 1)


def test_first_samples_are_those_that_the_model_is_shown(here: Settings, tmp_path: Path) -> None:
    store_change(here, plan_addition(here, "pcb", [board(tmp_path, 2)], [], "", first=True))
    first, second = golden_samples(here, "pcb")
    assert (first.is_shown, second.is_shown, second.name) == (True, False, "golden/first.jpg")


def test_removal_keeps_what_references_need(here: Settings, tmp_path: Path) -> None:
    with pytest.raises(InspectorError, match=r"golden samples: 0 declared, but references .* need 1"):
        plan_removal(here, "pcb", [1], "")
    with pytest.raises(InspectorError, match="pcb has no golden sample 7; see: inspector golden list pcb"):
        plan_removal(here, "pcb", [7], "")
    store_change(here, plan_addition(here, "pcb", [board(tmp_path, 2)], [], "", first=False))
    store_change(here, plan_removal(here, "pcb", [1], "worn part"))
    [left] = golden_samples(here, "pcb")
    assert left.name != "golden/first.jpg"
    assert fetch(here.database, "SELECT version FROM pipeline_versions ORDER BY version") == [(1,), (2,), (3,)]


def test_unusable_pictures_are_refused_by_name(here: Settings, tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    for files, complaint in (
        ([tmp_path / "text.jpg"], r"text\.jpg: "),
        ([tmp_path / "none.jpg"], r"none\.jpg: No such file"),
        ([board(tmp_path, 1)], "is a golden sample of pcb already"),
        ([], "no pictures are named"),
    ):
        with pytest.raises(InspectorError, match=complaint):
            plan_addition(here, "pcb", files, [], "", first=False)


async def test_stored_part_becomes_a_golden_sample_unless_it_was_reviewed_as_ng(here: Settings) -> None:
    evidence = FileEvidence(here.evidence)
    async with SqlLedger(here.database) as ledger:
        for name, seed in (("good", 5), ("bad", 6)):
            await ledger.record(a_part(name, evidence=evidence.put(encode(draw("board", seed)), "")), [])
    add_reviews(here.database, [labelled(a_part("bad").result_id, True)])
    change = plan_addition(here, "pcb", [], [a_part("good").result_id], "", first=False)
    assert len(change.samples) == 2
    with pytest.raises(InspectorError, match="was reviewed as NG; a golden sample shows a good part"):
        plan_addition(here, "pcb", [], [a_part("bad").result_id], "", first=False)


def test_change_of_a_line_that_was_changed_meanwhile_is_refused(here: Settings, tmp_path: Path) -> None:
    one = plan_addition(here, "pcb", [board(tmp_path, 2)], [], "", first=False)
    other = plan_addition(here, "pcb", [board(tmp_path, 3)], [], "", first=False)
    store_change(here, one)
    with pytest.raises(ConflictError):
        store_change(here, other)


def test_sixty_four_samples_are_the_most(here: Settings, tmp_path: Path) -> None:
    files = [board(tmp_path, seed) for seed in range(2, 66)]
    assert len(plan_addition(here, "pcb", files[:63], [], "", first=False).samples) == 64
    with pytest.raises(InspectorError, match="at most 64"):
        plan_addition(here, "pcb", files, [], "", first=False)
