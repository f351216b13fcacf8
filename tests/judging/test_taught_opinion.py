"""A taught model as second opinion: what it withholds, and what happens where it or a feature is missing."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support.fakes import a_pipeline
from support.line_fakes import ScriptedEngine
from support.taught_parts import taught_parts

from inspector.adapters.ledger import FileEvidence
from inspector.adapters.vlm.stub import StubEngine
from inspector.domain.decision import MISSING_OPINION, decide
from inspector.domain.declared import Disposition
from inspector.domain.frame import FrameKey
from inspector.domain.log_odds import logit
from inspector.domain.pipeline import Pipeline
from inspector.errors import ModelError
from inspector.judging.judge import Judge
from inspector.judging.taught_opinion import LineOpinionSource, pass_limit, suspicious_region
from inspector.judging.tower_backbone import TowerBackbone
from inspector.ports.backbone import Backbone, FeatureSources, LoadBackbone
from inspector.ports.engine import PatchMap, Picture
from inspector.ports.pool import Job, Judgement
from inspector.teaching.part_features import PartFeatures, TaughtPart
from inspector.teaching.taught_model import TaughtModel
from inspector.teaching.teacher import teach
from inspector.teaching.template_difference import template_differences

GOOD, ODD = taught_parts(1, 1, seed=5)
PICTURES = {b"good": GOOD, b"odd": ODD}


class DrawnBackbone:
    """Gives each of two "pictures" the features of a drawn part."""

    name = "lite0"

    def __init__(self, fingerprint: str = "a" * 16) -> None:
        self.fingerprint = fingerprint

    def maps(self, picture: Picture) -> Mapping[str, PatchMap]:
        return PICTURES[picture.data].features.maps


def drawn_grey(picture: Picture) -> NDArray[np.float32]:
    raise AssertionError(f"no template is read, so {picture} isn't either")


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
        engine, sources = StubEngine(), load and FeatureSources(load, drawn_grey)
        judge = Judge(engine, self.evidence, opinions=LineOpinionSource(engine, self.evidence, sources))
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


TEMPLATE = np.zeros((64, 64), np.float32)
SCRATCHED = TEMPLATE.copy()
SCRATCHED[20:30, 30:50] = 1.0
GREY = {b"good": TEMPLATE, b"odd": SCRATCHED, b"template": TEMPLATE}


def compared_part(name: str, grey: NDArray[np.float32], is_ng: bool = False) -> TaughtPart:
    return TaughtPart(name, name, is_ng, PartFeatures({}, template_differences(grey, TEMPLATE)))


async def judged_by_template(folder: Path, picture: bytes, named: bool) -> Judgement:
    """Judge on a line that was taught with good parts and their template."""
    evidence = FileEvidence(str(folder))
    model = teach([compared_part(f"part{number}", TEMPLATE) for number in range(20)], grouped=True).model
    template = evidence.put(b"template", "").sha256
    opinion = {"by": "taught", "model": evidence.put(model.to_bytes(), "").sha256, "doubt_above": pass_limit(model)}
    line = a_pipeline(second_opinion=opinion)
    engine, sources = StubEngine(), FeatureSources(no_backbone, lambda shown: GREY[shown.data])
    job = Job(FrameKey("pcb", "cam1", "t"), picture, line, (template,), 60_000.0, template=template if named else "")
    async with aclosing(
        Judge(engine, evidence, opinions=LineOpinionSource(engine, evidence, sources)).judge(job)
    ) as run:
        outcome = await anext(run)
    assert isinstance(outcome, Judgement)
    return outcome


async def test_a_part_is_compared_with_the_template_that_its_frame_names(tmp_path: Path) -> None:
    good, odd = [await judged_by_template(tmp_path, picture, named=True) for picture in (b"good", b"odd")]
    assert good.opinion is not None
    assert odd.opinion is not None
    assert good.opinion.p_ng < odd.opinion.p_ng
    assert "most at x 47-78 %, y 31-47 %" in odd.opinion.text


async def test_without_its_template_a_part_is_review(tmp_path: Path) -> None:
    judgement = await judged_by_template(tmp_path, b"good", named=False)
    assert judgement.opinion is None
    assert "send the frame's property template" in judgement.detail


VOTED = 60  # parts with votes


async def judged_by_votes(folder: Path, readable: float) -> tuple[Judgement, TaughtModel]:
    """Judge a good part on a line whose taught model weighs the model's own votes."""
    evidence, rng = FileEvidence(str(folder)), np.random.default_rng(0)
    drawn = taught_parts(VOTED // 2, VOTED // 2, strength=0.5)
    voted = [
        replace(part, features=replace(part.features, votes=rng.normal(3.0 if part.is_ng else -3.0))) for part in drawn
    ]
    model = teach([*voted, *taught_parts(4, 0, seed=9)], grouped=True, backbones=[("lite0", "a" * 16)]).model
    opinion = {"by": "taught", "model": evidence.put(model.to_bytes(), "").sha256, "doubt_above": 0.5}
    line = a_pipeline(second_opinion=opinion)
    engine = ScriptedEngine(lambda _: 0.01)
    engine.readable = lambda _: readable
    sources = FeatureSources(load_drawn, drawn_grey)
    job = Job(FrameKey("pcb", "cam1", "t"), b"good", line, (), 60_000.0)
    async with aclosing(
        Judge(engine, evidence, opinions=LineOpinionSource(engine, evidence, sources)).judge(job)
    ) as run:
        outcome = await anext(run)
    assert isinstance(outcome, Judgement)
    return outcome, model


async def test_a_taught_model_weighs_the_models_own_votes(tmp_path: Path) -> None:
    judgement, model = await judged_by_votes(tmp_path, 1.0)
    assert model.reads_votes
    assert judgement.opinion is not None
    expected = model.opinion(replace(GOOD.features, votes=logit(0.01)))
    assert judgement.opinion.p_ng == pytest.approx(expected.p_ng)


async def test_without_a_readable_vote_a_model_that_weighs_votes_has_no_opinion(tmp_path: Path) -> None:
    judgement, _ = await judged_by_votes(tmp_path, 0.1)
    assert judgement.opinion is None
    assert "none could be read" in judgement.detail


def test_the_tower_gives_the_patches_of_a_picture_and_the_engines_fingerprint() -> None:
    engine = StubEngine()
    tower = TowerBackbone(engine)
    assert tower.fingerprint == engine.fingerprint
    maps = tower.maps(Picture(b"good"))
    assert set(maps) == {"tower/16"}
    assert maps["tower/16"].ndim == 3


def test_the_models_hash_is_in_the_fingerprint(taught: Taught) -> None:
    assert taught.line().settings_fingerprint() != taught.line("c" * 64).settings_fingerprint()


def test_heat_points_and_a_flat_one_means_the_whole_frame() -> None:
    heat = np.full((4, 8), -3.0)
    heat[1, 6] = 2.0
    assert suspicious_region(heat) == (0.75, 0.25, 0.875, 0.5)
    assert suspicious_region(np.zeros((0, 0))) == (0.0, 0.0, 1.0, 1.0)
