"""The patches that an opened prefix keeps, from the checkpoint that is shipped."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from support.demo_model import CARD, engine, fresh_checkpoint
from support.fakes import MemoryEvidence

from inspector.adapters.vlm.transformers.engine import TransformersEngine
from inspector.adapters.vlm.transformers.images import ImagePreparer
from inspector.adapters.vlm.transformers.model_forward import VisionLanguageModel
from inspector.domain.frame import FrameKey
from inspector.domain.pipeline import Pipeline
from inspector.domain.prompts import Pictures
from inspector.errors import ModelError
from inspector.judging.part_pictures import PartPictures
from inspector.judging.patch_distance import build_patch_bank
from inspector.lab.synthetic import draw, encode, golden
from inspector.ports.engine import Picture
from inspector.ports.pool import Job

PREAMBLE = "This picture shows a washer on a production line.\n"


def washer(seed: int, *, flaws: int = 0) -> Picture:
    return Picture(encode(draw("washer", seed, flaws=flaws, hard=0.0)))


async def patches(*pictures: Picture) -> NDArray[Any]:
    prefix = await engine().open(pictures, PREAMBLE)
    try:
        return await engine().features(prefix)
    finally:
        await engine().close(prefix)


async def test_the_patches_are_those_of_the_last_picture_row_by_row() -> None:
    """The processor lays the four patches of a token behind each other; the map lays them where they are."""
    seen = await patches(washer(1), washer(2))
    loaded = fresh_checkpoint()
    cut = ImagePreparer(loaded.processor, CARD).patches([washer(2)])
    with torch.inference_mode():
        told = loaded.model.model.visual(cut.pixels, grid_thw=cut.grid, return_dict=True).last_hidden_state
    assert seen.shape == (22, 22, 128)
    for row, column in ((0, 0), (0, 3), (5, 8), (21, 21)):
        square = (row // 2) * 11 + column // 2
        place = 4 * square + 2 * (row % 2) + column % 2
        assert seen[row, column] == pytest.approx(told[place].numpy(), abs=1e-3)


async def test_a_closed_prefix_has_no_patches() -> None:
    prefix = await engine().open([washer(1)], PREAMBLE)
    await engine().close(prefix)
    with pytest.raises(ModelError, match="closed"):
        await engine().features(prefix)


async def test_the_vision_tower_runs_once_for_votes_and_second_opinion() -> None:
    loaded = fresh_checkpoint()
    pictures: list[int] = []
    loaded.model.model.visual.register_forward_hook(
        lambda _module, _given, output: pictures.append(len(output.last_hidden_state) // 22**2)
    )
    watched, shelf = TransformersEngine(CARD, loaded, "0" * 16, VisionLanguageModel(loaded.model)), MemoryEvidence()
    shown = [shelf.put(encode(golden("washer", seed)), "image/jpeg").sha256 for seed in (1, 2)]
    declared = Pipeline.model_validate(
        {
            "line": "washer",
            "cameras": ["*"],
            "product": "washer",
            "question": "Is there any defect on this washer?",
            "defects": {"scratch": "minor"},
            "ladder": [{"views": ["direct"]}],
            "golden_samples": ["1.jpg", "2.jpg"],
            "second_opinion": {"by": "patches"},
        }
    )
    job = Job(FrameKey("washer", "cam1", "t-1"), washer(5).data, declared, tuple(shown), 60_000.0)
    sight = PartPictures(watched, shelf, job)
    prefix = await sight.prefix(Pictures.FRAME)
    noticed = await sight.second_opinion()
    assert await sight.prefix(Pictures.FRAME) is prefix
    assert 0.0 < noticed.opinion.p_ng < 1.0
    assert pictures == [1, 1, 1]  # the frame and two golden samples
    await sight.close()


async def test_plain_flaws_lie_farther_from_golden_samples_than_good_parts() -> None:
    memory = build_patch_bank([await patches(Picture(encode(golden("washer", seed)))) for seed in (1, 2, 3, 4)])
    good = [memory.compare(await patches(washer(5000 + k))).ratio for k in range(4)]
    bad = [memory.compare(await patches(washer(5000 + k, flaws=1))).ratio for k in range(4)]
    assert np.mean(bad) > np.mean(good)
