"""A COCO data set of reviewed parts: pictures byte for byte, boxes in pixels, labels that other commands read."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from support.fakes import a_part, a_pipeline
from support.reviews import NG, OK, UNSURE, a_review, add_reviews

from inspector.adapters.ledger import DeclaredVersion, FileEvidence, SqlLedger, store_versions, upgrade
from inspector.domain.part import Evidence
from inspector.domain.report import Box
from inspector.domain.review import ReviewBox
from inspector.errors import InspectorError
from inspector.lab.synthetic import draw, encode
from inspector.operations.export_coco import export_data_set
from inspector.operations.replay import read_labels
from inspector.settings import Settings

SIDE = 200
NAMES = ("good", "bad", "boxless", "disputed", "unsure", "unreviewed", "gone")
MARKED = (ReviewBox(Box(0.1, 0.2, 0.3, 0.6)), ReviewBox(Box(0.5, 0.5, 1.0, 1.0), "other"))
REVIEWS = [
    a_review("good", OK),
    a_review("bad", NG, classes=("short",), boxes=MARKED),
    a_review("boxless", NG, classes=("short", "open")),
    a_review("disputed", OK),
    a_review("disputed", NG, "bob"),
    a_review("unsure", UNSURE),
    a_review("gone", OK),
]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    here = Settings(data=tmp_path, database_url=f"sqlite:///{tmp_path / 'ledger.db'}")
    upgrade(here.database)
    store_versions(here.database, [DeclaredVersion(a_pipeline(), ())])
    asyncio.run(record(here))
    add_reviews(here.database, REVIEWS)
    return here


async def record(here: Settings) -> None:
    evidence = FileEvidence(here.evidence)
    async with SqlLedger(here.database) as ledger:
        for seed, name in enumerate(NAMES):
            stored = evidence.put(encode(draw("board", seed, size=SIDE)), "image/jpeg")
            sha256 = "ab" * 32 if name == "gone" else stored.sha256
            picture = Evidence(sha256, "image/jpeg", stored.size_bytes, SIDE, SIDE)
            await ledger.record(a_part(name, result_id=name, evidence=picture, part_id=f"SN-{name}"), [])


def exported(settings: Settings, to: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((to / "annotations.json").read_text())
    return document


def test_pictures_boxes_and_labels_of_known_parts(settings: Settings, tmp_path: Path) -> None:
    to = tmp_path / "out"
    assert export_data_set(settings, "pcb", to, None) == {"ok": 1, "ng": 2, "boxes": 2, "left_out": 1}
    document = exported(settings, to)
    images = {image["result_id"]: image for image in document["images"]}
    assert {name: (image["label"], image["classes"]) for name, image in images.items()} == {
        "good": ("OK", []),
        "bad": ("NG", ["short"]),
        "boxless": ("NG", ["short", "open"]),
    }
    names = {category["id"]: category["name"] for category in document["categories"]}
    boxes = [(each["image_id"], names[each["category_id"]], each["bbox"]) for each in document["annotations"]]
    bad = images["bad"]["id"]
    assert boxes == [(bad, "short", [20.0, 40.0, 40.0, 80.0]), (bad, "other", [100.0, 100.0, 100.0, 100.0])]
    assert (to / images["good"]["file_name"]).read_bytes() == encode(draw("board", 0, size=SIDE))


def test_labels_are_read_by_the_commands_that_take_a_labelled_folder(settings: Settings, tmp_path: Path) -> None:
    export_data_set(settings, "pcb", tmp_path / "out", None)
    rows = {row.part_id: row for row in read_labels(tmp_path / "out")}
    assert {name: row.is_ng for name, row in rows.items()} == {"SN-good": False, "SN-bad": True, "SN-boxless": True}
    assert rows["SN-bad"].boxes == ((20.0, 40.0, 60.0, 120.0), (100.0, 100.0, 200.0, 200.0))


def test_newest_parts_are_exported_up_to_the_limit(settings: Settings, tmp_path: Path) -> None:
    assert export_data_set(settings, "pcb", tmp_path / "out", 2) == {"ok": 0, "ng": 1, "boxes": 0, "left_out": 1}


def test_folder_that_holds_something_is_refused(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(InspectorError, match="is not an empty folder; name a new one"):
        export_data_set(settings, "pcb", tmp_path, None)
    with pytest.raises(InspectorError, match="there is no line 'mugs'"):
        export_data_set(settings, "mugs", tmp_path / "out", None)
    assert not (tmp_path / "out").exists()
