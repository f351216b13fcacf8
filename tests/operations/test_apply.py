"""Golden samples are checked as frames are; a file is applied only on top of the version that it was made from."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.deep_pictures import png16, samples
from support.jpeg_damage import WHOLE, damaged
from support.line_fakes import pipeline

from inspector.adapters.ledger import (
    DeclaredVersion,
    FileEvidence,
    SqlArchive,
    SqlChallengeStore,
    store_versions,
    upgrade,
)
from inspector.config.diff import DeclaredPipeline
from inspector.domain.line_version import VersionOrigin
from inspector.domain.model_card import ModelCard
from inspector.errors import ConflictError, DeclarationError, Fault, InspectorError
from inspector.operations.apply import (
    LineChange,
    golden_hashes,
    plan_changes,
    read_pipelines,
    require_bases,
    store_changes,
)
from inspector.operations.export import write_pipelines
from inspector.ports.challenge import ChallengeChange, NewChallengePart
from inspector.ports.lines import LineVersion
from inspector.utc import utc_now


def faults_of(folder: Path, data: bytes, **settings: object) -> list[Fault]:
    (folder / "good.jpg").write_bytes(WHOLE)
    suffix = "png" if data.startswith(b"\x89PNG") else "jpg"
    (folder / f"next.{suffix}").write_bytes(data)
    declared = DeclaredPipeline(
        str(folder / "line.yaml"), pipeline(golden_samples=["good.jpg", f"next.{suffix}"], **settings)
    )
    faults: list[Fault] = []
    golden_hashes(declared, FileEvidence(str(folder / "evidence")), faults)
    return faults


def test_sound_golden_samples_are_stored(tmp_path: Path) -> None:
    assert faults_of(tmp_path, WHOLE) == []


@pytest.mark.parametrize("kind", damaged())
def test_a_damaged_golden_sample_is_a_fault_of_the_declaration(kind: str, tmp_path: Path) -> None:
    [fault] = faults_of(tmp_path, damaged()[kind])
    assert fault.field == "golden_samples[1]"
    assert "damaged or cut off" in fault.problem


def test_golden_samples_have_the_lines_depth(tmp_path: Path) -> None:
    [fault] = faults_of(tmp_path, png16(samples(12)))
    assert "picture.bit_depth" in fault.problem
    assert faults_of(tmp_path, png16(samples(12)), picture={"bit_depth": 12}) == []


def test_a_challenge_part_is_no_golden_sample(tmp_path: Path) -> None:
    database, evidence = f"sqlite:///{tmp_path}/ledger.db", FileEvidence(str(tmp_path / "evidence"))
    upgrade(database)
    with closing(SqlChallengeStore(database)) as store:
        part = NewChallengePart(evidence.put(WHOLE, "image/jpeg").sha256, is_ng=False)
        store.add_challenge_parts("pcb", [part], ChallengeChange("ann", utc_now()))
    (tmp_path / "good.jpg").write_bytes(WHOLE)
    declared = DeclaredPipeline(str(tmp_path / "pcb.yaml"), pipeline(golden_samples=["good.jpg"]))
    with pytest.raises(DeclarationError, match=r"golden_samples\[0\]: good.jpg: is challenge part 1 of the line"):
        plan_changes((declared,), database, evidence)


SERVED = ModelCard.model_validate(
    {
        "name": "lamps",
        "engine": "openai",
        "checkpoint": "tiny",
        "pixels": {"min": 4096, "max": 65536},
        "server": {"base_url": "http://127.0.0.1:9/v1"},
    }
)


def test_a_line_that_the_card_can_not_serve_is_refused_before_it_is_stored(tmp_path: Path) -> None:
    database, evidence = f"sqlite:///{tmp_path}/ledger.db", FileEvidence(str(tmp_path / "evidence"))
    (tmp_path / "good.jpg").write_bytes(WHOLE)
    patches = pipeline(golden_samples=["good.jpg"], second_opinion={"by": "patches"})
    declared = DeclaredPipeline(str(tmp_path / "pcb.yaml"), patches)
    with pytest.raises(DeclarationError, match=r"pcb\.yaml: second_opinion: needs patches .* model lamps") as caught:
        plan_changes((declared,), database, evidence, SERVED)
    assert caught.value.faults[0].remedy == "remove it, or use a card with engine: transformers"
    assert len(plan_changes((declared,), database, evidence)) == 1


@dataclass
class Plant:
    """A ledger, and a folder with one pipeline file."""

    folder: Path

    def __post_init__(self) -> None:
        self.url = f"sqlite:///{self.folder / 'ledger.db'}"
        self.evidence = FileEvidence(str(self.folder / "evidence"))
        self.file = self.folder / "pcb.yaml"
        upgrade(self.url)

    def declare(self, pass_below: float, base: str = "", line: str = "pcb") -> None:
        (self.folder / "good.jpg").write_bytes(WHOLE)
        self.file.write_text(
            f"{base}\nline: {line}\nproduct: board\nquestion: Is there a defect?\ndefects: {{short: major}}\n"
            f"cameras: [cam1]\nladder: [{{views: [direct]}}]\ngolden_samples: [good.jpg]\nreferences: 1\n"
            f"thresholds: {{pass_below: {pass_below}}}\n"
        )

    def plan(self, path: Path | None = None) -> list[LineChange]:
        return plan_changes(read_pipelines(path or self.file), self.url, self.evidence)

    def apply(self, base: int | None = None, reason: str = "", path: Path | None = None) -> dict[str, int]:
        changes = self.plan(path)
        require_bases(changes, self.url, base)
        return store_changes(changes, self.url, reason)

    def change_elsewhere(self, parent: int, pass_below: float, origin: VersionOrigin) -> None:
        """Somebody changes the line without a file."""
        live = self.versions()[-1]
        assert live.declaration is not None
        limits = live.declaration.thresholds.model_copy(update={"pass_below": pass_below})
        changed = live.declaration.model_copy(update={"thresholds": limits})
        declared = DeclaredVersion(changed, live.golden, "eve", parent=parent, reason="less overkill", origin=origin)
        store_versions(self.url, [declared])

    def versions(self) -> list[LineVersion]:
        with closing(SqlArchive(self.url)) as archive:
            return archive.versions("pcb")


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    return Plant(tmp_path)


def test_a_file_without_a_base_follows_a_file(plant: Plant) -> None:
    plant.declare(0.2)
    assert plant.apply(reason="first") == {"pcb": 1}
    plant.declare(0.3)
    assert plant.apply(reason="tuned on Monday") == {"pcb": 2}
    newest = plant.versions()[-1]
    assert (newest.parent, newest.reason, newest.origin) == (1, "tuned on Monday", VersionOrigin.FILE)
    assert newest.author.startswith("cli")


@pytest.mark.parametrize("origin", [each for each in VersionOrigin if each is not VersionOrigin.FILE])
def test_a_file_without_a_base_is_refused_with_what_it_would_undo(plant: Plant, origin: VersionOrigin) -> None:
    plant.declare(0.2)
    plant.apply()
    plant.change_elsewhere(1, 0.25, origin)
    plant.declare(0.3)
    with pytest.raises(ConflictError) as refused:
        plant.apply()
    assert f"names no base, and version 2 came from {origin}" in str(refused.value)
    assert "thresholds.pass_below: 0.2 → 0.25" in str(refused.value)
    assert f"version 2 by eve ({origin}): less overkill" in str(refused.value)
    assert "add --base 2" in str(refused.value)
    assert len(plant.versions()) == 2
    assert plant.apply(base=2) == {"pcb": 3}


def test_a_file_made_from_an_earlier_version_is_refused(plant: Plant) -> None:
    plant.declare(0.2)
    plant.apply()
    plant.change_elsewhere(1, 0.25, VersionOrigin.FILE)
    plant.declare(0.3, "# base: pcb version 1")
    with pytest.raises(ConflictError, match=r"based on version 1, but version 2 is live(.|\n)*0\.2 → 0\.25"):
        plant.apply()
    with pytest.raises(ConflictError, match="based on version 7, but version 2 is live"):
        plant.apply(base=7)
    plant.declare(0.3, "# base: pcb version 2, by plan")
    assert plant.apply() == {"pcb": 3}
    assert plant.versions()[-1].origin is VersionOrigin.PLAN


def test_a_file_that_says_what_is_live_is_never_refused(plant: Plant) -> None:
    plant.declare(0.2)
    plant.apply()
    plant.change_elsewhere(1, 0.25, VersionOrigin.CONSOLE)
    plant.declare(0.25, "# base: pcb version 1")
    assert plant.apply() == {}


def test_exported_pipelines_are_applied_without_a_change(plant: Plant) -> None:
    plant.declare(0.2)
    plant.apply()
    plant.change_elsewhere(1, 0.25, VersionOrigin.CONSOLE)
    with closing(SqlArchive(plant.url)) as archive:
        write_pipelines(archive, plant.evidence, plant.folder / "out")
    exported = plant.folder / "out" / "pcb.yaml"
    assert exported.read_text().splitlines()[0] == "# base: pcb version 2"
    assert not any(change.is_changed for change in plant.plan(plant.folder / "out"))
    exported.write_text(exported.read_text().replace("0.25", "0.15"))
    assert plant.apply(path=plant.folder / "out") == {"pcb": 3}


@pytest.mark.parametrize(
    ("base", "problem"),
    [
        ("# base: casting version 1", "is 'casting', but the file declares 'pcb'"),
        ("# base: pcb version one", "names no version"),
        ("# base: pcb version 0", "names no version"),
        ("# base: pcb version 1, by magic", "names no version"),
        ("#base:", "names no version"),
    ],
)
def test_a_base_that_can_not_be_read_is_a_fault_of_the_file(plant: Plant, base: str, problem: str) -> None:
    plant.declare(0.2, base)
    with pytest.raises(DeclarationError, match=problem) as refused:
        plant.plan()
    assert [(fault.field, fault.row) for fault in refused.value.faults] == [("base", 1)]


def test_one_base_is_not_the_base_of_several_lines(plant: Plant, tmp_path: Path) -> None:
    for line in ("pcb", "casting"):
        plant.file = tmp_path / f"{line}.yaml"
        plant.declare(0.2, line=line)
    plant.apply(path=tmp_path)
    for line in ("pcb", "casting"):
        plant.file = tmp_path / f"{line}.yaml"
        plant.declare(0.3, line=line)
    with pytest.raises(InspectorError, match="base: 1 can't be the base of several lines"):
        plant.apply(base=1, path=tmp_path)
    assert len(plant.versions()) == 1


def test_a_change_that_was_planned_on_an_older_version_is_not_stored(plant: Plant) -> None:
    plant.declare(0.2)
    plant.apply()
    plant.declare(0.3)
    planned = plant.plan()
    plant.change_elsewhere(1, 0.25, VersionOrigin.FILE)
    with pytest.raises(ConflictError, match="nothing is stored"):
        store_changes(planned, plant.url)
    assert len(plant.versions()) == 2
