"""The second opinion of a taught model, and the choice between it and the comparison with golden samples.

The model and its backbones are loaded with the first part that needs them. Where the model, a backbone or a feature is
missing, the opinion is missing too, and the part is REVIEW.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inspector.domain.log_odds import expit
from inspector.domain.report import WHOLE_FRAME, Box
from inspector.domain.vote import Opinion
from inspector.errors import InspectorError, ModelError, OpinionError
from inspector.judging.heat_maps import heat_map
from inspector.judging.patch_distance import hottest_region
from inspector.judging.second_opinion import FrameOpinion, PatchOpinionSource, golden_picture
from inspector.judging.tower_backbone import TOWER, tower_maps
from inspector.ports.backbone import Backbone, FeatureSources
from inspector.ports.engine import Engine, Prefix
from inspector.ports.evidence import EvidenceStore
from inspector.ports.pool import Job
from inspector.teaching.part_features import PartFeatures
from inspector.teaching.taught_model import TEMPLATE, VOTES, TaughtModel, TaughtOpinion, read_taught_model
from inspector.teaching.template_difference import template_differences

REMEMBERED_MODELS: Final = 64  # taught models in memory, the latest used; each has under 1 MB in store
REMEDY: Final = "run: inspector teach"


class TaughtOpinionSource:
    """Second opinions of taught models. `sources` None: this process has only the engine's tower."""

    def __init__(self, engine: Engine, evidence: EvidenceStore, sources: FeatureSources | None = None) -> None:
        self._engine = engine
        self._evidence = evidence
        self._sources = sources
        self._models: OrderedDict[str, asyncio.Task[TaughtModel]] = OrderedDict()
        self._backbones: dict[str, asyncio.Task[Backbone]] = {}

    async def opinion_on(self, prefix: Prefix, job: Job) -> FrameOpinion:
        """Give an opinion on the part's frame. Raises OpinionError where that fails."""
        declared = job.pipeline.second_opinion
        if declared is None or declared.model is None:
            raise OpinionError(f"{job.pipeline.line} is not taught yet; {REMEDY} {job.pipeline.line}")
        sha256, began = declared.model, time.monotonic()
        try:
            model = await self._once(self._models, sha256, partial(self._read, sha256))
            features = await self._features(model, prefix, job)
        except ModelError as error:
            raise OpinionError(str(error)) from error
        if missing := [each for each in model.missing(features) if each != VOTES]:
            raise OpinionError(_lacking(missing, job))
        given = await asyncio.to_thread(model.opinion, features)
        suspect, ms = suspicious_region(given.heat), (time.monotonic() - began) * 1000.0
        heat = heat_map(given.heat, job.region)

        def opinion(taught: TaughtOpinion) -> Opinion:
            return Opinion(taught.p_ng, ms, _described(taught, declared.doubt_above, suspect), heat)

        completed = (lambda votes: opinion(model.with_votes(given, votes))) if model.reads_votes else None
        return FrameOpinion(opinion(given), suspect, with_votes=completed)

    async def _features(self, model: TaughtModel, prefix: Prefix, job: Job) -> PartFeatures:
        maps: dict[str, NDArray[Any]] = {}
        for name, fingerprint in model.backbones:
            tower = name == TOWER
            backbone = None if tower else await self._once(self._backbones, name, partial(self._backbone, name))
            present = backbone.fingerprint if backbone else self._engine.fingerprint
            if present != fingerprint:
                raise OpinionError(
                    f"backbone {name} is {present} here, the line was taught over {fingerprint}; {REMEDY} "
                    f"{job.pipeline.line}"
                )
            maps |= await (
                asyncio.to_thread(backbone.maps, job.picture) if backbone else tower_maps(self._engine, prefix)
            )
        template = await asyncio.to_thread(self._difference, job) if model.reads_template else {}
        return PartFeatures(maps, template)

    def _difference(self, job: Job) -> Mapping[int, NDArray[Any]]:
        """Return the difference from the part's template; nothing where its frame names none."""
        if not job.template:
            return {}
        grey = self._given("picture reader").grey_pixels
        template = golden_picture(self._evidence, job.template, job.pipeline, job.region)
        try:
            return template_differences(grey(job.picture), grey(template))
        except ValueError as error:
            raise OpinionError(f"{error}; store a template of the frames' size") from error

    def _read(self, sha256: str) -> TaughtModel:
        try:
            return read_taught_model(self._evidence.get(sha256))
        except KeyError as error:
            raise OpinionError(f"taught model {sha256[:12]}… is not in the evidence store; {REMEDY}") from error
        except InspectorError as error:
            raise OpinionError(str(error)) from error

    def _backbone(self, name: str) -> Backbone:
        return self._given(f"backbone {name}").load_backbone(name)

    def _given(self, what: str) -> FeatureSources:
        if self._sources is None:
            raise OpinionError(f"this process has no {what}; pip install 'inspector[backbones]'")
        return self._sources

    async def _once(self, known: Any, key: str, make: Callable[[], Any]) -> Any:
        """Return the value that `make` computes in a thread, once per key. A failed attempt is repeated."""
        task = known.get(key)
        if task is None or (task.done() and (task.cancelled() or task.exception())):
            task = known[key] = asyncio.create_task(asyncio.to_thread(make))
        if isinstance(known, OrderedDict):
            known.move_to_end(key)
            while len(known) > REMEMBERED_MODELS:
                known.popitem(last=False)
        return await asyncio.shield(task)


class LineOpinionSource:
    """Second opinions as each line declares them: of its taught model, or from patches of golden samples."""

    def __init__(self, engine: Engine, evidence: EvidenceStore, sources: FeatureSources | None = None) -> None:
        self._patches = PatchOpinionSource(engine, evidence)
        self._taught = TaughtOpinionSource(engine, evidence, sources)

    async def opinion_on(self, prefix: Prefix, job: Job) -> FrameOpinion:
        declared = job.pipeline.second_opinion
        if declared is None or not declared.is_taught:
            return await self._patches.opinion_on(prefix, job)
        taught = await self._taught.opinion_on(prefix, job)
        if job.pipeline.quality.max_unlike is None:
            return taught
        return taught._replace(unlike=(await self._patches.opinion_on(prefix, job)).unlike)


def suspicious_region(heat: NDArray[Any]) -> Box:
    """Return the box around the hottest patches; the whole frame where a model has no heat."""
    return hottest_region(heat - heat.min()) if heat.size and np.ptp(heat) > 0.0 else WHOLE_FRAME


def _lacking(missing: Sequence[str], job: Job) -> str:
    remedy = "send the frame's property template" if TEMPLATE in missing else f"{REMEDY} {job.pipeline.line}"
    return f"the taught model needs {', '.join(missing)}; {remedy}"


def _described(given: TaughtOpinion, doubt_above: float, suspect: Box) -> str:
    x0, y0, x1, y1 = (round(100 * each) for each in suspect)
    place = f", most at x {x0}-{x1} %, y {y0}-{y1} %" if given.heat.size else ""
    return f"taught: {given.p_ng:.2f}, no PASS above {doubt_above:.2f}; most by {given.by}{place}"


def pass_limit(model: TaughtModel) -> float:
    """Return the p_ng above which the model gives no PASS; 0 where it has no limit to pass."""
    return 0.0 if model.limits.pass_below is None else expit(model.limits.pass_below)
