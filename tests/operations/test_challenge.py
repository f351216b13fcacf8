"""Labelled pictures for a challenge set, from files, folders and stored parts."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

import pytest
from support.challenges import drawn
from support.declarations import a_pipeline
from support.fakes import a_part
from support.reviews import add_reviews, labelled

from inspector.adapters.ledger import DeclaredVersion, FileEvidence, SqlArchive, SqlLedger, store_versions, upgrade
from inspector.domain.part import Evidence
from inspector.errors import InspectorError
from inspector.lines.challenge import ChallengeSource
from inspector.operations.challenge import add_challenge_parts, challenge_sets, pictures_in
from inspector.settings import Settings

UNSAID = ChallengeSource(None)


def write(folder: Path, *names: str) -> None:
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(drawn(number))


def test_a_folder_says_its_labels_by_a_table(tmp_path: Path) -> None:
    write(tmp_path, "a.png", "b.png")
    (tmp_path / "labels.csv").write_text("image,verdict,group,defect\na.png,ok,lot 1,\nb.png,ng,lot 2,burr\n")
    found = [(each.is_ng, each.group, each.note) for each in pictures_in([tmp_path], UNSAID)]
    assert found == [(False, "lot 1", "a.png"), (True, "lot 2", "burr")]


def test_a_folder_says_its_labels_by_subfolders(tmp_path: Path) -> None:
    write(tmp_path, "ok/a.png", "ng/b.png", "ng/notes.txt")
    assert [each.is_ng for each in pictures_in([tmp_path], UNSAID)] == [False, True]


def test_people_say_the_label_of_the_rest(tmp_path: Path) -> None:
    write(tmp_path, "a.png")
    [picture] = pictures_in([tmp_path / "a.png"], ChallengeSource(True, "lot 3", "burr"))
    assert (picture.is_ng, picture.group, picture.note) == (True, "lot 3", "burr")


@pytest.mark.parametrize(
    ("path", "table", "source", "complaint"),
    [
        ("a.png", "", UNSAID, r"a\.png has no label; add --label ok or --label ng"),
        ("none.png", "", UNSAID, r"none\.png does not exist"),
        (".", "image,verdict\na.png,ok\n", ChallengeSource(True), "says the labels; leave --label out"),
        (".", "image,verdict\na.png,maybe\n", UNSAID, "neither ok nor ng"),
        ("empty", "", ChallengeSource(True), "holds no pictures"),
    ],
)
def test_unusable_sources_are_named(
    tmp_path: Path, path: str, table: str, source: ChallengeSource, complaint: str
) -> None:
    write(tmp_path, "a.png")
    (tmp_path / "empty").mkdir()
    if table:
        (tmp_path / "labels.csv").write_text(table)
    with pytest.raises(InspectorError, match=complaint):
        list(pictures_in([tmp_path / path], source))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(data=tmp_path)
    upgrade(settings.database)
    cameras = {"cam1": {}, "cam2": {"region": [0.0, 0.0, 0.5, 0.5]}}
    store_versions(settings.database, [DeclaredVersion(a_pipeline(cameras=cameras), ())])
    evidence = FileEvidence(settings.evidence)

    async def record() -> None:
        async with SqlLedger(settings.database) as ledger:
            for number, (name, camera) in enumerate({"reviewed": "cam1", "new": "cam1", "cut": "cam2"}.items()):
                stored = evidence.put(drawn(number), "image/png")
                picture = Evidence(stored.sha256, "image/png", stored.size_bytes)
                await ledger.record(a_part(name, camera=camera, evidence=picture, part_id="SN1"), [])
        reviewed = ("pcb-cam1-reviewed", "pcb-cam2-cut")
        add_reviews(settings.database, [labelled(each, True) for each in reviewed])

    asyncio.run(record())
    return settings


def add(settings: Settings, result_id: str, **said: object) -> dict[str, object]:
    return add_challenge_parts(settings, "pcb", [], [result_id], ChallengeSource(None, **said))  # type: ignore[arg-type]


def test_a_reviewed_part_brings_its_label(settings: Settings) -> None:
    assert add(settings, "pcb-cam1-reviewed")["ng"] == 1
    with challenge_sets(settings) as sets, closing(SqlArchive(settings.database)):
        [part] = sets.parts("pcb")
    assert (part.is_ng, part.group, part.note) == (True, "SN1", "part pcb-cam1-reviewed")


@pytest.mark.parametrize(
    ("result_id", "complaint"),
    [
        ("pcb-cam1-new", "is not reviewed, so it has no label"),
        ("pcb-cam1-none", "pcb has no part pcb-cam1-none"),
    ],
)
def test_unusable_parts_are_named(settings: Settings, result_id: str, complaint: str) -> None:
    with pytest.raises(InspectorError, match=complaint):
        add(settings, result_id)


def test_something_must_be_named(settings: Settings) -> None:
    with pytest.raises(InspectorError, match="no pictures are named"):
        add_challenge_parts(settings, "pcb", [], [], ChallengeSource(True))


def test_a_part_of_a_camera_with_a_region_is_kept_whole_for_that_camera(settings: Settings) -> None:
    add(settings, "pcb-cam2-cut")
    with challenge_sets(settings) as sets:
        [part] = sets.parts("pcb")
        assert part.camera == "cam2"
        assert sets.evidence.get(part.sha256) == drawn(2)
    with pytest.raises(InspectorError, match="is of camera cam2; leave --camera out"):
        add(settings, "pcb-cam2-cut", camera="cam1")
