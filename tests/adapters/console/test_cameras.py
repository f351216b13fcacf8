"""Cameras over the REST API, on a real ledger: pictures, changes, test shots, and two people who edit at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from support.camera_pictures import encoded, scene
from support.console_api import services_of
from support.fakes import NOON, a_part, a_pipeline
from support.line_fakes import MemoryPictureReader, ScriptedPool, judgement

from inspector.adapters.camera import CameraPictureReader
from inspector.adapters.console.api.app import rest_app
from inspector.adapters.ledger import (
    FileEvidence,
    SqlArchive,
    SqlCameraChangeStore,
    SqlLedger,
    SqlLineStore,
    SqlUnknownCameras,
    store_versions,
)
from inspector.bootstrap.pooled_model import PooledModel
from inspector.lines.camera_pictures import CameraPictures
from inspector.lines.camera_shots import CameraShots
from inspector.lines.cameras import Cameras
from inspector.lines.new_lines import NewLines
from inspector.ports.camera_minutes import CameraMinute
from inspector.ports.lines import DeclaredVersion
from inspector.ports.unknown_cameras import UnknownPicture

JPEG = encoded(scene(), "JPEG")
NEWER = encoded(scene(seed=2), "JPEG")


class Console(NamedTuple):
    client: httpx.AsyncClient
    archive: SqlArchive
    pool: ScriptedPool
    url: str

    async def tag(self, camera: str = "cam1") -> dict[str, str]:
        return {"If-Match": (await self.client.get(f"/cameras/pcb/{camera}")).headers["ETag"]}

    @property
    def names(self) -> list[str]:
        (version,) = self.archive.list_pipelines()
        return list(version.pipeline.cameras)


@pytest.fixture
async def console(database: str, tmp_path: Path) -> AsyncIterator[Console]:
    evidence, pool = FileEvidence(str(tmp_path / "evidence")), ScriptedPool(judgement(0.97))
    unknown, archive = SqlUnknownCameras(database, evidence), SqlArchive(database)
    store_versions(database, [DeclaredVersion(a_pipeline("pcb", cameras=["cam1", "cam2"]), ())])
    async with SqlLedger(database) as ledger:
        await ledger.record(a_part(evidence=evidence.put(JPEG, "image/jpeg")), [])
        await ledger.add_camera_minutes([CameraMinute("pcb", "cam1", NOON, 60, 1, 0, 60, 6000.0, 30.0)])
    unknown.keep([UnknownPicture("pcb", "new", JPEG, NOON), UnknownPicture("pcb", "new", NEWER, NOON.replace(hour=13))])
    services = services_of(archive, evidence, lines=SqlLineStore(database))
    services = replace(
        services,
        cameras=Cameras(services.lines, archive, unknown, SqlCameraChangeStore(database)),
        camera_pictures=CameraPictures(archive, evidence, unknown),
        camera_minutes=archive.camera_minutes,
        shots=CameraShots(MemoryPictureReader(), PooledModel(pool)),
        new_lines=NewLines(services.lines, partial(store_versions, database), CameraPictureReader(()), evidence),
    )
    transport = httpx.ASGITransport(rest_app(services))
    async with httpx.AsyncClient(transport=transport, base_url="http://console/api/v1") as client:
        yield Console(client, archive, pool, database)
    archive.close()


async def test_camera_is_connected_from_the_version_that_was_seen(console: Console) -> None:
    body = {"region": [0.1, 0, 0.9, 1], "reason": "second side"}
    path = "/cameras/pcb/new/connection"
    assert (await console.client.put(path, json=body)).status_code == 428
    tag = await console.tag("new")
    answer = await console.client.put(path, json=body, headers=tag)
    assert (answer.status_code, answer.json()["known"], answer.json()["region"]) == (200, True, [0.1, 0, 0.9, 1])
    stale = await console.client.put(path, json=body, headers=tag)
    assert (stale.status_code, stale.json()["type"]) == (412, "urn:inspector:problem:stale")
    assert stale.headers["ETag"] == answer.headers["ETag"]
    assert console.names == ["cam1", "cam2", "new"]


async def test_of_twenty_pairs_of_edits_none_is_lost_and_one_of_each_gets_412(console: Console) -> None:
    for number in range(20):
        tag = await console.tag()
        edits = [console.client.put(f"/cameras/pcb/c{number}{side}/connection", json={}, headers=tag) for side in "ab"]
        answers = await asyncio.gather(*edits)
        assert sorted(answer.status_code for answer in answers) == [200, 412]
        (stored,) = (answer.json()["camera"] for answer in answers if answer.status_code == 200)
        assert stored in console.names
    assert len(console.names) == 22


async def test_camera_is_renamed_replaced_and_retired(console: Console) -> None:
    path = "/cameras/pcb/cam2/connection"
    change: dict[str, Any] = {"name": "side", "reason": "as in the drawing"}
    assert (await console.client.patch(path, json=change, headers=await console.tag())).status_code == 200
    replaced = {"is_replaced": True, "reason": "broken sensor"}
    path = "/cameras/pcb/side/connection"
    assert (await console.client.patch(path, json=replaced, headers=await console.tag())).status_code == 200
    refused = await console.client.patch(path, json={"reason": "?"}, headers=await console.tag())
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "name")
    gone = await console.client.delete(path, params={"reason": "removed"}, headers=await console.tag())
    assert (gone.status_code, gone.json()["known"]) == (200, False)
    assert console.names == ["cam1"]
    reasons = [each.reason for each in console.archive.versions("pcb")]
    assert reasons[1:] == ["rename cam2: as in the drawing", "retire side: removed"]


async def test_pause_of_one_camera_needs_no_tag(console: Console) -> None:
    answer = await console.client.put("/cameras/pcb/cam1/state", json={"paused": True, "reason": "cleaning"})
    assert (answer.status_code, answer.json()["paused"]) == (200, True)
    (version,) = console.archive.list_pipelines()
    assert version.status.paused_cameras == {"cam1"}
    again = await console.client.put("/cameras/pcb/cam1/state", json={"paused": False})
    assert again.json()["paused"] is False


async def test_unknown_cameras_show_their_kept_pictures(console: Console) -> None:
    (camera,) = (await console.client.get("/unknown-cameras")).json()
    newest, oldest = camera["pictures"]
    picture = await console.client.get(f"/unknown-cameras/pcb/new/pictures/{newest['sha256']}")
    assert (picture.content, picture.headers["Content-Type"]) == (NEWER, "image/jpeg")
    assert (await console.client.get(f"/unknown-cameras/pcb/new/pictures/{'0' * 64}")).status_code == 404
    assert (await console.client.get("/cameras/pcb/new/frames/latest")).content == NEWER
    assert oldest["size_bytes"] == len(JPEG)


async def test_latest_frame_of_a_declared_camera_is_that_of_its_newest_part(console: Console) -> None:
    answer = await console.client.get("/cameras/pcb/cam1/frames/latest")
    assert (answer.content, answer.headers["Cache-Control"]) == (JPEG, "no-store")
    assert answer.headers["Last-Modified"] == "Mon, 02 Mar 2026 12:00:00 GMT"
    assert (await console.client.get("/cameras/pcb/cam2/frames/latest")).status_code == 404


async def test_health_is_a_series_by_the_minute(console: Console) -> None:
    day = {"from": "2026-03-02T00:00:00Z", "to": "2026-03-03T00:00:00Z"}
    (minute,) = (await console.client.get("/cameras/pcb/cam1/health", params=day)).json()["minutes"]
    assert (minute["frames_per_s"], minute["sharpness"], minute["luminance"], minute["lost"]) == (1.0, 100.0, 0.5, 1)
    assert (await console.client.get("/cameras/pcb/cam1/health")).json()["minutes"] == []
    too_long = await console.client.get("/cameras/pcb/cam1/health", params=day | {"from": "2025-01-01T00:00:00Z"})
    assert (too_long.status_code, too_long.json()["errors"][0]["field"]) == (422, "from")


async def test_test_shot_is_judged_by_an_unsaved_declaration_and_leaves_nothing(console: Console) -> None:
    live = (await console.client.get("/lines/pcb")).json()["live"]["pipeline"]
    unsaved = live | {"cameras": ["cam1", "new"], "thresholds": {"pass_below": 0.98, "reject_above": 0.99}}
    answer = await console.client.post("/cameras/pcb/new/test-shots", json={"declaration": unsaved})
    assert (answer.status_code, answer.json()["disposition"]) == (200, "PASS")
    assert console.pool.jobs[0].payload == NEWER
    saved = await console.client.post("/cameras/pcb/cam1/test-shots", json={"result_id": "pcb-cam1-t-1"})
    assert saved.json()["disposition"] == "REJECT"
    assert console.archive.list_pipelines()[0].version == 1
    assert len((await console.client.get("/parts")).json()["parts"]) == 1


async def test_faults_of_an_unsaved_declaration_are_named_at_their_fields(console: Console) -> None:
    unsaved = {"product": "mug", "ladder": [], "thresholds": {"pass_below": 7}}
    answer = await console.client.post("/cameras/pcb/new/test-shots", json={"declaration": unsaved})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:inspector:problem:bad-declaration")
    fields = {fault["field"] for fault in answer.json()["errors"]}
    assert {"ladder", "question", "defects", "cameras", "thresholds.pass_below"} <= fields
    elsewhere = await console.client.post("/cameras/nowhere/new/test-shots", json={})
    assert elsewhere.status_code == 404


async def test_line_is_created_from_a_template(console: Console) -> None:
    templates = (await console.client.get("/line-templates")).json()
    assert {each["name"] for each in templates} == {"assembly", "print", "surface"}
    body = {"line": "mugs", "template": "surface", "settings": {"product": "mug", "cameras": ["cam1"]}}
    answer = await console.client.post("/lines", json=body)
    assert (answer.status_code, answer.headers["Location"]) == (201, "/api/v1/lines/mugs")
    assert answer.json()["status"]["state"] == "COMMISSIONING"
    wrong = await console.client.post("/lines", json=body | {"line": "cups", "settings": {"deadline_ms": 1, "x": 2}})
    assert {fault["field"] for fault in wrong.json()["errors"]} == {"deadline_ms", "x"}


async def test_pinned_pictures_outlast_newer_ones_and_others_are_not_found(console: Console) -> None:
    (camera,) = (await console.client.get("/unknown-cameras")).json()
    names = [each["sha256"] for each in camera["pictures"]]
    pinned = await console.client.put("/unknown-cameras/pcb/new/pins", json={"sha256": names})
    assert (pinned.status_code, [each["sha256"] for each in pinned.json()]) == (200, names)
    assert all(each["pinned_until"] for each in pinned.json())
    gone = await console.client.put("/unknown-cameras/pcb/new/pins", json={"sha256": ["0" * 64]})
    assert (gone.status_code, gone.json()["type"]) == (404, "urn:inspector:problem:not-found")
    nothing = await console.client.put("/unknown-cameras/pcb/new/pins", json={"sha256": []})
    assert nothing.status_code == 422


async def test_line_is_created_with_pictures_of_an_unknown_camera_as_golden_samples(console: Console) -> None:
    (camera,) = (await console.client.get("/unknown-cameras")).json()
    newest, oldest = (each["sha256"] for each in camera["pictures"])
    kept = [{"line": "pcb", "camera": "new", "sha256": each} for each in (oldest, newest)]
    settings = {"cameras": {"new": {"region": [0, 0, 1, 0.5]}}, "references": 1}
    body = {"line": "mugs", "template": "surface", "settings": settings, "golden": kept}
    answer = await console.client.post("/lines", json=body)
    assert (answer.status_code, answer.json()["status"]["state"]) == (201, "COMMISSIONING")
    assert [each.golden for each in console.archive.list_pipelines() if each.pipeline.line == "mugs"] == [
        (oldest, newest)
    ]
    assert (await console.client.get(f"/lines/mugs/golden-samples/{oldest}/picture")).status_code == 200
    gone = body | {"line": "cups", "golden": [kept[0] | {"sha256": "0" * 64}]}
    assert (await console.client.post("/lines", json=gone)).status_code == 404
    assert {each.pipeline.line for each in console.archive.list_pipelines()} == {"pcb", "mugs"}


async def test_test_shot_shows_kept_pictures_as_golden_samples(console: Console) -> None:
    (camera,) = (await console.client.get("/unknown-cameras")).json()
    oldest = camera["pictures"][-1]["sha256"]
    live = (await console.client.get("/lines/pcb")).json()["live"]["pipeline"]
    unsaved = live | {"cameras": ["new"], "golden_samples": ["golden/a.jpg"], "references": 1}
    body = {"declaration": unsaved, "golden": [oldest], "picture": oldest}
    assert (await console.client.post("/cameras/pcb/new/test-shots", json=body)).status_code == 200
    assert (console.pool.jobs[0].payload, console.pool.jobs[0].golden) == (JPEG, (oldest,))
    assert (await console.client.post("/cameras/pcb/new/test-shots", json={"picture": "0" * 64})).status_code == 404
