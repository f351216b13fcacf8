"""The packaged qualification of the drawn lines is the pinned file, and is about what is declared and embedded now."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.paths import ROOT

from inspector.adapters.ledger import SqlArchive, upgrade
from inspector.bootstrap.overrides import card_fingerprints
from inspector.domain.line_state import LineState, RightOrigin
from inspector.errors import InspectorError
from inspector.lab.synthetic import PRODUCTS
from inspector.operations import drawn_lines
from inspector.operations.drawn_lines import FILE, PIN, challenge_pictures, shipped_qualifications
from inspector.operations.drill import set_all_live_for_drill
from inspector.operations.service import apply_pipelines
from inspector.ports.ledger import PipelineVersion
from inspector.settings import Settings

STALE = "the drawn lines' qualification is stale; run: inspector qualify-drawn"
STUB = "name: stub\nengine: stub\ncheckpoint: none\npixels: {min: 102400, max: 102400}\n"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("drawn")
    settings = Settings(data=folder, model=ROOT / "models" / "demo.yaml")
    (folder / "pipelines").mkdir()
    for product in PRODUCTS:
        shutil.copy(ROOT / "pipelines" / f"{product}.yaml", folder / "pipelines")
    shutil.copytree(ROOT / "pipelines" / "golden", folder / "pipelines" / "golden")
    upgrade(settings.database)
    apply_pipelines(settings, folder / "pipelines")
    return settings


def test_the_demo_declares_no_line_that_it_does_not_simulate(settings: Settings, tmp_path: Path) -> None:
    own = settings.model_copy(update={"data": tmp_path})
    upgrade(own.database)
    assert apply_pipelines(own, ROOT / "pipelines", PRODUCTS) == dict.fromkeys(sorted(PRODUCTS), 1)


def versions(settings: Settings) -> dict[str, PipelineVersion]:
    return {version.pipeline.line: version for version in SqlArchive(settings.database).list_pipelines()}


def test_it_is_about_the_embedded_model_and_the_declared_lines(settings: Settings) -> None:
    declared, shipped = versions(settings), shipped_qualifications()
    assert set(shipped) == set(PRODUCTS), STALE
    for product in PRODUCTS:
        version, proof = declared[product], shipped[product]
        assert {proof.fingerprint} == set(card_fingerprints(settings, version).values()), STALE
        assert proof.policy == version.pipeline.policy_fingerprint(), STALE
        assert proof.figures["escape"]["upper"] <= version.pipeline.qualification.escape, STALE


def test_a_file_that_was_not_packaged_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    for name in (FILE, PIN):
        shutil.copy(drawn_lines.ASSETS / name, tmp_path / "assets")
    monkeypatch.setattr("inspector.operations.drawn_lines.ASSETS", tmp_path / "assets")
    assert shipped_qualifications()
    with (tmp_path / "assets" / FILE).open("a") as file:
        file.write(" ")
    with pytest.raises(InspectorError, match="is not the file that was packaged"):
        shipped_qualifications()


def test_a_demo_of_the_drawn_lines_is_qualified_and_no_other_model_is(settings: Settings, tmp_path: Path) -> None:
    set_all_live_for_drill(settings)
    for version in versions(settings).values():
        policy = version.pipeline.policy_fingerprint()
        assert version.status.state is LineState.LIVE
        assert [(right.origin, right.policy) for right in version.status.rights] == [
            (RightOrigin.QUALIFICATION, policy)
        ]
    (tmp_path / "stub.yaml").write_text(STUB)
    set_all_live_for_drill(settings.model_copy(update={"model": tmp_path / "stub.yaml"}))
    for version in versions(settings).values():
        assert [right.origin for right in version.status.rights][1:] == [RightOrigin.OVERRIDE]


def test_the_challenge_set_is_drawn_alike_each_time() -> None:
    first, again = ([*challenge_pictures("washer", 1, 1)] for _ in range(2))
    assert first == again
    assert [each.is_ng for each in first] == [True, False]
