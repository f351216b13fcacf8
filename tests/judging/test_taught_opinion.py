"""A taught model as second opinion: what it withholds, and what happens where it or a feature is missing."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pytest
from support.fakes import a_pipeline
from support.taught_parts import taught_parts

from inspector.adapters.ledger import FileEvidence
from inspector.adapters.vlm.stub import StubEngine
from inspector.domain.decision import MISSING_OPINION, decide
from inspector.domain.declared import Disposition
from inspector.domain.frame import FrameKey
from inspector.domain.pipeline import Pipeline
from inspector.errors import ModelError
from inspector.judging.judge import Judge
from inspector.judging.taught_opinion import LineOpinionSource, pass_limit, suspicious_region
from inspector.judging.tower_backbone import TowerBackbone
from inspector.ports.backbone import Backbone, LoadBackbone
from inspector.ports.engine import PatchMap
from inspector.ports.pool import Job, Judgement
from inspector.teaching.teacher import teach

GOOD, ODD = taught_parts(1, 1, seed=5)
PICTURES = {b"good": GOOD, b"odd": ODD}


class DrawnBackbone:
    """Gives each of two "pictures" the features of a drawn part."""

    name = "lite0"

    def __init__(self, fingerprint: str = "a" * 16) -> None:
        self.fingerprint = fingerprint

    def maps(self, picture: bytes) -> Mapping[str, PatchMap]:
        return PICTURES[picture].features.maps


def no_backbone(name: str) -> Backbone:
    raise ModelError(f"backbone {name} needs torch; pip install 'inspector[backbones]'")


class Taught:
    """A line that passes by its votes, taught with golden samples."""

    def __init__(self, folder: Path) -> None:
        self.evidence = FileEvidence(str(folder))
        model = teach(taught_parts(30, 0), grouped=True, backbones=[("lite0", "a" * 16)]).model
        self.sha256 = self.evidence.put(model.to_bytes(), "").sha256
        self.limit = pass_limit(model)

    def line(self, model: str | None = "", **changes: float) -> Pipeline:
        opinion = {"by": "taught", "model": self.sha256 if model == "" else model, "doubt_above": self.limit}
        return a_pipeline(second_opinion=opinion, thresholds={"pass_below": 0.9, "reject_above": 0.95})

    async def judged(self, pipeline: Pipeline, picture: bytes, load: LoadBackbone | None) -> Judgement:
        engine = StubEngine()
        judge = Judge(engine, self.evidence, opinions=LineOpinionSource(engine, self.evidence, load))
        job = Job(FrameKey("pcb", "cam1", "t-1"), picture, pipeline, (), 60_000.0)
        async with aclosing(judge.judge(job)) as outcomes:
            outcome = await anext(outcomes)
        assert isinstance(outcome, Judgement)
        return outcome


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Taught:
    return Taught(tmp_path_factory.mktemp("evidence"))


def load_drawn(_name: str) -> Backbone:
    return DrawnBackbone()


async def test_a_part_like_the_golden_samples_passes_and_an_odd_one_is_withheld(taught: Taught) -> None:
    line = taught.line()
    good, odd = [await taught.judged(line, picture, load_drawn) for picture in (b"good", b"odd")]
    assert decide(line, good.tally, good.stopped_by).disposition is Disposition.PASS
    assert decide(line, odd.tally, odd.stopped_by).disposition is Disposition.REVIEW
    assert odd.opinion is not None
    assert "taught" in odd.opinion.text
    assert "memory:lite0/16" in odd.opinion.text


@pytest.mark.parametrize(
    ("model", "load", "reason"),
    [
        ("", no_backbone, "inspector.backbones"),
        ("", None, "inspector.backbones"),
        ("", lambda _name: DrawnBackbone("b" * 16), "taught over"),
        ("c" * 64, load_drawn, "evidence store"),
        (None, load_drawn, "not taught yet"),
    ],
    ids=["no package", "no loader", "another backbone", "no model", "never taught"],
)
async def test_a_missing_opinion_is_review_and_names_the_remedy(
    taught: Taught, model: str | None, load: LoadBackbone | None, reason: str
) -> None:
    line = taught.line(model)
    judgement = await taught.judged(line, b"good", load)
    decision = decide(line, judgement.tally, judgement.stopped_by)
    assert (decision.disposition, decision.detail) == (Disposition.REVIEW, MISSING_OPINION)
    assert reason.replace(".", "[") in judgement.detail or reason in judgement.detail
    assert judgement.votes


def test_the_tower_gives_the_patches_of_a_picture_and_the_engines_fingerprint() -> None:
    engine = StubEngine()
    tower = TowerBackbone(engine)
    assert tower.fingerprint == engine.fingerprint
    maps = tower.maps(b"good")
    assert set(maps) == {"tower/16"}
    assert maps["tower/16"].ndim == 3


def test_the_models_hash_is_in_the_fingerprint(taught: Taught) -> None:
    assert taught.line().settings_fingerprint() != taught.line("c" * 64).settings_fingerprint()


def test_heat_points_and_a_flat_one_means_the_whole_frame() -> None:
    heat = np.full((4, 8), -3.0)
    heat[1, 6] = 2.0
    assert suspicious_region(heat) == (0.75, 0.25, 0.875, 0.5)
    assert suspicious_region(np.zeros((0, 0))) == (0.0, 0.0, 1.0, 1.0)
