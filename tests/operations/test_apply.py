"""Golden samples are checked as frames are before they are stored."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from support.deep_pictures import png16, samples
from support.jpeg_damage import WHOLE, damaged
from support.line_fakes import pipeline

from inspector.adapters.ledger import FileEvidence, SqlChallengeStore, upgrade
from inspector.config.diff import DeclaredPipeline
from inspector.domain.model_card import ModelCard
from inspector.errors import DeclarationError, Fault
from inspector.operations.apply import golden_hashes, plan_changes
from inspector.ports.challenge import ChallengeChange, NewChallengePart
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
