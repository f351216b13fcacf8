"""Test shots go the whole way of a frame, and leave nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from support.line_fakes import MemoryPictureReader, ScriptedPool, judgement, pipeline

from inspector.bootstrap.pooled_model import PooledModel
from inspector.domain.decision import Reason
from inspector.domain.declared import Disposition
from inspector.domain.pipeline import Pipeline
from inspector.errors import DeclarationError, PoolOverload, ReplicaError
from inspector.lines.camera_shots import CameraShots, ShotDeclaration, ShotResult

PICTURE = b"\xff\xd8\xff picture"


def shots(pool: ScriptedPool, pictures: MemoryPictureReader | None = None) -> CameraShots:
    return CameraShots(pictures or MemoryPictureReader(), PooledModel(pool))


async def shoot(taken: CameraShots, declared: Pipeline, golden: Sequence[str] = ()) -> ShotResult:
    return await taken.shoot(ShotDeclaration(declared, tuple(golden)), "cam1", PICTURE)


async def test_picture_is_judged_by_the_declaration_that_came_along() -> None:
    pool = ScriptedPool(judgement(0.3))
    declared = pipeline(cameras={"cam1": {"region": [0.0, 0.0, 0.5, 1.0]}})
    result = await shoot(shots(pool), declared, ["ab" * 32])
    assert (result.decision.disposition, result.decision.reason) == (Disposition.REVIEW, Reason.DISAGREEMENT)
    assert result.p_ng == pytest.approx(0.3)
    assert [vote.p_ng for vote in result.votes] == [0.3]
    assert (pool.jobs[0].pipeline, pool.jobs[0].region, pool.jobs[0].golden) == (
        declared,
        (0.0, 0.0, 0.5, 1.0),
        ("ab" * 32,),
    )
    bolder = await shoot(shots(pool), pipeline(thresholds={"pass_below": 0.4}))
    assert bolder.decision.disposition is Disposition.PASS


async def test_unreadable_picture_is_a_bad_image_and_no_model_is_asked() -> None:
    pool = ScriptedPool()
    result = await shoot(shots(pool, MemoryPictureReader(blind="is no picture")), pipeline())
    assert (result.decision.reason, result.decision.detail) == (Reason.BAD_IMAGE, "is no picture")
    assert result.measured is None
    dark = await shoot(shots(pool), pipeline(quality={"luminance": [0.6, 0.9]}))
    assert (dark.decision.reason, dark.decision.detail[:8]) == (Reason.BAD_IMAGE, "too dark")
    assert dark.measured is not None
    assert pool.jobs == []


async def test_second_shot_waits_for_nobody() -> None:
    pool = ScriptedPool(delay_s=0.2)
    taken = shots(pool)
    first = asyncio.create_task(shoot(taken, pipeline()))
    await asyncio.sleep(0.05)
    with pytest.raises(PoolOverload, match="another test shot is being judged"):
        await shoot(taken, pipeline())
    assert (await first).rungs == 1
    assert (await shoot(taken, pipeline())).rungs == 1


async def test_replica_that_fails_is_an_error_and_the_next_shot_is_taken() -> None:
    pool = ScriptedPool(ReplicaError("a model replica died"))
    taken = shots(pool)
    with pytest.raises(ReplicaError):
        await shoot(taken, pipeline())
    pool.answer = replace(judgement(0.01))
    assert (await shoot(taken, pipeline())).decision.disposition is Disposition.PASS


async def test_camera_that_the_declaration_does_not_name_is_its_fault() -> None:
    with pytest.raises(DeclarationError, match="cameras: the line does not name cam1; add cam1 to cameras"):
        await shoot(shots(ScriptedPool()), pipeline(cameras=["cam2"]))
