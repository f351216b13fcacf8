"""Golden samples are checked as frames are before they are stored."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.deep_pictures import png16, samples
from support.jpeg_damage import WHOLE, damaged
from support.line_fakes import pipeline

from inspector.adapters.ledger import FileEvidence
from inspector.config.diff import DeclaredPipeline
from inspector.errors import Fault
from inspector.operations.apply import golden_hashes


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
