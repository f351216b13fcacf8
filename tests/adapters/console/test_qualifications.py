"""Golden samples, the challenge set and qualification jobs over the REST API."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest
from support.challenges import ChallengedLine, challenged_line, drawn
from support.console_api import line_services_of, sql_api
from support.databases import fetch

from inspector.adapters.console.services import LineServices
from inspector.domain.line_state import LineState
from inspector.lines.jobs import STOPPED_TEXT
from inspector.ports.jobs import JobKind, JobState
from inspector.ports.pool import Job, Judgement

PATH = "/api/v1/lines/pcb"


@dataclass
class HeldModel:
    """Judges as the line's model does, once it may."""

    line: ChallengedLine
    may_judge: Event = field(default_factory=Event)
    asked: int = 0

    async def judge(self, job: Job) -> Judgement:
        self.asked += 1
        await asyncio.to_thread(self.may_judge.wait, 30.0)
        return await self.line.model.judge(job)


@dataclass
class Desk:
    line: ChallengedLine
    model: HeldModel
    client: httpx.AsyncClient

    async def upload(self, count: int, label: str, score: float) -> httpx.Response:
        pictures = []
        for _ in range(count):
            data = drawn(len(self.line.scores))
            self.line.scores[data] = score
            name = f"{label}-{len(self.line.scores)}.png"
            pictures.append({"name": name, "data": base64.b64encode(data).decode(), "label": label})
        return await self.client.post(f"{PATH}/challenge-parts", json={"pictures": pictures})

    async def qualify(self) -> dict[str, Any]:
        started = await self.client.post(f"{PATH}/qualifications", json={"reason": "first"})
        assert started.status_code == 202, started.text
        return await self.until(started.headers["Location"], *(set(JobState) - {JobState.QUEUED, JobState.RUNNING}))

    async def until(self, path: str, *states: JobState) -> dict[str, Any]:
        for _ in range(1500):
            job: dict[str, Any] = (await self.client.get(path)).json()
            if job["state"] in states:
                return job
            await asyncio.sleep(0.02)
        raise AssertionError(f"the job does not get to {states}")


@pytest.fixture
def line(tmp_path: Path) -> Iterator[ChallengedLine]:
    with challenged_line(tmp_path) as line:
        yield line


def services_with(line: ChallengedLine, folder: Path, model: HeldModel) -> LineServices:
    services = line_services_of(line.url, folder, model)
    jobs = replace(services.qualification_jobs, fingerprints_of=lambda _version: line.fingerprints)
    return replace(services, qualification_jobs=jobs)


@pytest.fixture
async def desk(line: ChallengedLine, tmp_path: Path) -> AsyncIterator[Desk]:
    model = HeldModel(line)
    model.may_judge.set()
    api = sql_api(line.url, tmp_path)
    api.state.services = replace(api.state.services, changes=services_with(line, tmp_path, model))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://console") as client:
        yield Desk(line, model, client)
    model.may_judge.set()
    await asyncio.to_thread(api.state.services.changes.jobs.close)


async def test_uploaded_pictures_qualify_a_line_by_a_job(desk: Desk) -> None:
    assert (await desk.upload(20, "NG", 0.99)).json()["ng"] == 20
    assert (await desk.upload(5, "OK", 0.01)).json()["ok"] == 5
    job = await desk.qualify()
    assert (job["state"], job["done"], job["total"]) == ("DONE", 25, 25), job
    assert job["result"]["passed"]
    listed = (await desk.client.get(f"{PATH}/qualifications")).json()
    assert [(each["passed"], each["basis"], each["reason"]) for each in listed["qualifications"]] == [
        (True, "ASKED", "first")
    ]
    assert listed["job"]["number"] == job["number"]
    live = {"state": "LIVE", "reason": "qualified"}
    tag = (await desk.client.get(PATH)).headers["ETag"]
    changed = await desk.client.put(f"{PATH}/state", json=live, headers={"If-Match": tag})
    assert (changed.status_code, changed.json()["set_state"]) == (200, LineState.LIVE)


async def test_a_second_qualification_asks_no_model(desk: Desk) -> None:
    await desk.upload(3, "NG", 0.99)
    await desk.qualify()
    asked = desk.model.asked
    job = await desk.qualify()
    assert (job["state"], job["result"]["regions"][0]["basis"], desk.model.asked) == ("DONE", "STORED_VOTES", asked)


async def test_a_cancelled_job_keeps_its_answers_and_the_next_one_continues(desk: Desk) -> None:
    await desk.upload(4, "NG", 0.99)
    desk.model.may_judge.clear()
    path = (await desk.client.post(f"{PATH}/qualifications", json={})).headers["Location"]
    again = await desk.client.post(f"{PATH}/qualifications", json={})
    assert again.headers["Location"] == path
    await desk.until(path, JobState.RUNNING)
    while desk.model.asked < 1:
        await asyncio.sleep(0.01)
    assert (await desk.client.delete(path)).json()["state"] == "CANCELLED"
    desk.model.may_judge.set()
    job = await desk.qualify()
    assert (job["state"], job["total"]) == ("DONE", 3)
    assert fetch(desk.line.url, "SELECT action FROM audit WHERE action LIKE 'job.%' ORDER BY number") == [
        ("job.start",),
        ("job.cancel",),
        ("job.start",),
    ]


async def test_a_job_of_a_service_that_stopped_is_failed(desk: Desk, tmp_path: Path) -> None:
    await desk.upload(2, "NG", 0.99)
    desk.model.may_judge.clear()
    path = (await desk.client.post(f"{PATH}/qualifications", json={})).headers["Location"]
    await desk.until(path, JobState.RUNNING)
    later = line_services_of(desk.line.url, tmp_path)
    job = later.jobs.newest(JobKind.QUALIFICATION, "pcb")
    assert job is not None
    assert (job.state, job.error) == (JobState.FAILED, STOPPED_TEXT)


async def test_a_job_that_fails_says_why(desk: Desk) -> None:
    [number] = (await desk.upload(1, "NG", 0.99)).json()["numbers"]
    desk.line.scores.clear()
    for picture in Path(desk.line.url.removeprefix("sqlite:///")).parent.glob("evidence/*/*/*.png"):
        picture.unlink()
    job = await desk.qualify()
    assert job["state"] == "FAILED"
    assert f"the picture of challenge part {number} is missing" in job["error"]


async def test_challenge_parts_are_listed_shown_and_removed(desk: Desk) -> None:
    numbers = (await desk.upload(3, "OK", 0.01)).json()["numbers"]
    page = (await desk.client.get(f"{PATH}/challenge-parts?limit=2")).json()
    assert ([each["number"] for each in page["parts"]], page["ok"], page["next_after"]) == (numbers[:2], 3, numbers[1])
    picture = await desk.client.get(f"{PATH}/challenge-parts/{numbers[0]}/picture")
    assert picture.headers["Content-Type"] == "image/png"
    small = await desk.client.get(f"{PATH}/challenge-parts/{numbers[0]}/picture?side=16")
    assert (small.headers["Content-Type"], small.status_code) == ("image/jpeg", 200)
    assert (await desk.client.get(f"{PATH}/challenge-parts?label=NG")).json()["parts"] == []
    assert (await desk.client.delete(f"{PATH}/challenge-parts/{numbers[0]}")).status_code == 204
    assert (await desk.client.delete(f"{PATH}/challenge-parts/{numbers[0]}")).status_code == 404
    text = base64.b64encode(b"no picture").decode()
    odd = {"pictures": [{"name": "odd.png", "data": text, "label": "OK"}]}
    refused = await desk.client.post(f"{PATH}/challenge-parts", json=odd)
    assert (refused.status_code, "odd.png" in refused.json()["detail"]) == (422, True)
    empty = await desk.client.post(f"{PATH}/challenge-parts", json={})
    assert empty.json()["errors"][0]["field"] == "pictures"


async def test_golden_samples_are_added_and_removed_as_versions(desk: Desk) -> None:
    tag = (await desk.client.get(f"{PATH}/golden-samples")).headers["ETag"]
    body = {
        "pictures": [{"name": "good.png", "data": base64.b64encode(drawn(900)).decode()}],
        "reason": "a better light",
    }
    assert (await desk.client.post(f"{PATH}/golden-samples", json=body)).status_code == 428
    planned = await desk.client.post(f"{PATH}/golden-samples?dry_run=true", json=body, headers={"If-Match": tag})
    assert (planned.status_code, planned.json()["version"], planned.headers.get("ETag")) == (200, None, None)
    assert "golden samples: 0 become 1" in planned.json()["effects"][0]
    assert (await desk.client.get(f"{PATH}/golden-samples")).headers["ETag"] == tag
    added = await desk.client.post(f"{PATH}/golden-samples", json=body, headers={"If-Match": tag})
    assert (added.status_code, added.json()["version"]) == (201, 2), added.text
    assert any("UNQUALIFIED" in effect for effect in added.json()["effects"])
    stale = await desk.client.post(f"{PATH}/golden-samples", json=body, headers={"If-Match": tag})
    assert stale.status_code == 412
    sha256 = added.json()["golden_samples"][0]["sha256"]
    shown = await desk.client.get(f"{PATH}/golden-samples/{sha256}/picture")
    assert (shown.status_code, shown.headers["Content-Type"]) == (200, "image/jpeg")
    now = {"If-Match": added.headers["ETag"]}
    planned = await desk.client.delete(f"{PATH}/golden-samples/1?dry_run=true", headers=now)
    assert (planned.json()["version"], planned.json()["golden_samples"]) == (None, [])
    removed = await desk.client.delete(f"{PATH}/golden-samples/1", headers=now)
    assert (removed.json()["version"], removed.json()["golden_samples"]) == (3, [])
