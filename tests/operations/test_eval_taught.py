"""`inspector eval folder --teach-from`: which parts teach, which measure, and the figures as JSON."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.taught_parts import taught_parts

from inspector.bootstrap.part_features import FeatureReader
from inspector.domain.report import Box
from inspector.errors import InspectorError, PictureError
from inspector.lab.evaluation.taught_figures import taught_json
from inspector.lab.evaluation.taught_report import taught_report
from inspector.operations.eval_taught import TeachingCurve, evaluate_taught
from inspector.ports.engine import Picture
from inspector.teaching.part_features import PartFeatures, TaughtPart

KEYS = {"auroc", "balanced_accuracy", "escape", "overkill", "decided_share", "advice", "used"}


class DrawnFeatures(FeatureReader):
    """Features of drawn parts by the bytes of their "pictures"."""

    def __init__(self) -> None:
        super().__init__([])
        self.drawn: dict[bytes, PartFeatures] = {}

    def read(self, picture: Picture, template: Picture | None = None) -> PartFeatures:
        if picture.data not in self.drawn:
            raise PictureError("damaged")
        return self.drawn[picture.data]

    def normalised(self, picture: bytes, boxes: Sequence[tuple[float, float, float, float]]) -> tuple[Box, ...]:
        return ()


class Folders:
    """A folder to teach from and one to measure."""

    def __init__(self, root: Path) -> None:
        self.features = DrawnFeatures()
        self.taught, self.measured = root / "taught", root / "measured"

    def fill(self, folder: Path, parts: Sequence[TaughtPart], group: str = "{name}") -> None:
        folder.mkdir()
        with (folder / "labels.csv").open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["image", "verdict", "group"])
            for part in parts:
                data = f"{folder.name} {part.name}".encode()
                (folder / part.name).write_bytes(data)
                self.features.drawn[data] = part.features
                verdict, name = "ng" if part.is_ng else "ok", f"{folder.name} {part.name}"
                table.writerow([part.name, verdict, group.format(name=name, number=int(part.name[4:]) % 5)])

    def figures(self, *counts: int, golden: int = 64):  # type: ignore[no-untyped-def]
        return evaluate_taught(self.measured, TeachingCurve(self.taught, counts, golden), self.features)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path)


def test_json_has_the_figures_of_every_count_with_intervals(folders: Folders) -> None:
    folders.fill(folders.taught, taught_parts(30, 12))
    folders.fill(folders.measured, taught_parts(15, 15, seed=3))
    figures = folders.figures(0, 3, 10, 90, golden=20)
    document = taught_json(figures)
    assert list(document) == ["0", "3", "10", "90"]
    for each in document.values():
        assert set(each) >= KEYS
        assert each["intervals"]["auroc"][0] <= each["auroc"] <= each["intervals"]["auroc"][1]
    assert document["0"]["used"] == {"ng": 0, "ok": 0, "groups": 20, "golden": 20}
    assert document["3"]["used"] == {"ng": 3, "ok": 6, "groups": document["3"]["used"]["groups"], "golden": 20}
    assert document["90"]["used"]["ng"] == 12
    assert document["10"]["auroc"] > 0.9
    assert "teach.png" in taught_report("mugs", figures)


def test_parts_that_share_a_group_with_measured_ones_are_left_out(folders: Folders) -> None:
    folders.fill(folders.taught, taught_parts(20, 0), group="lot{number}")
    folders.fill(folders.measured, [*taught_parts(1, 1, seed=3)], group="lot{number}")
    assert taught_json(folders.figures(0))["0"]["used"]["golden"] == 12


def test_where_all_groups_are_shared_figures_give_no_right(folders: Folders) -> None:
    folders.fill(folders.taught, taught_parts(30, 30), group="lot{number}")
    folders.fill(folders.measured, taught_parts(5, 5, seed=3), group="lot{number}")
    each = taught_json(folders.figures(30))["30"]
    assert (each["grouped"], each["advice"]) == (False, "assist")


def test_the_same_pictures_are_never_taught_and_measured(folders: Folders) -> None:
    folders.fill(folders.measured, taught_parts(8, 4), group="")
    with pytest.raises(InspectorError, match="good parts"):
        evaluate_taught(folders.measured, TeachingCurve(folders.measured, (0,)), folders.features)


def test_an_unreadable_picture_is_left_out(folders: Folders) -> None:
    folders.fill(folders.taught, taught_parts(10, 0))
    folders.fill(folders.measured, taught_parts(3, 3, seed=3))
    folders.features.drawn.pop(b"taught part4")
    assert taught_json(folders.figures(0))["0"]["used"]["golden"] == 9


def test_a_folder_of_one_kind_measures_nothing(folders: Folders) -> None:
    folders.fill(folders.taught, taught_parts(10, 0))
    folders.fill(folders.measured, taught_parts(3, 0, seed=3))
    with pytest.raises(InspectorError, match="OK and NG parts are needed"):
        folders.figures(0)
