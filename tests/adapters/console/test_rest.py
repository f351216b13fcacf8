"""The REST API against an archive in memory: its answers, its refusals, and what stays hidden."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from support.console_api import rest_api, services_of
from support.console_parts import a_pass, a_picture, a_reject, store
from support.fakes import NOON, MemoryEvidence, MemoryLedger, Posted, a_pipeline, a_verdict, live_version

from inspector.adapters.console.api.app import rest_app
from inspector.adapters.console.schemas import PartList, PartReport
from inspector.adapters.ledger import FileEvidence, SqlArchive, SqlLedger, upgrade
from inspector.domain.decision import Decision, Reason, Verdict
from inspector.domain.declared import Disposition
from inspector.domain.frame import FrameKey
from inspector.domain.part import Evidence, PartState
from inspector.errors import LedgerError
from inspector.ports.archive import Archive, PartFilter, PartRow
from inspector.ports.evidence import EvidenceStore
from inspector.ports.ledger import CameraActivity, CameraRow, Event
from inspector.ports.metrics import StationStatus
from inspector.utc import utc_now

SCRIPT = "<script>alert(1)</script>"


class Api(NamedTuple):
    client: httpx.AsyncClient
    ledger: MemoryLedger
    evidence: MemoryEvidence

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(f"/api/v1/{path}")


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    ledger, evidence = MemoryLedger(), MemoryEvidence()
    transport = httpx.ASGITransport(rest_api(ledger, evidence))
    async with httpx.AsyncClient(transport=transport, base_url="http://console") as client:
        yield Api(client, ledger, evidence)


def numbers(answer: httpx.Response) -> list[int]:
    return [part.number for part in PartList.model_validate_json(answer.content).parts]


async def test_parts_are_listed_newest_first_and_paged_by_number(api: Api) -> None:
    store(api.ledger, *(a_pass(f"r{n}") for n in range(1, 6)))
    first = await api.get("parts?limit=2")
    assert numbers(first) == [5, 4]
    assert numbers(await api.get(f"parts?limit=2&before={first.json()['next_before']}")) == [3, 2]
    assert (await api.get("parts?limit=9")).json()["next_before"] is None


async def test_after_gives_the_parts_nearest_to_it(api: Api) -> None:
    store(api.ledger, *(a_pass(f"r{n}") for n in range(1, 6)))
    assert numbers(await api.get("parts?after=2&limit=2")) == [4, 3]


@pytest.mark.parametrize(
    ("sort", "expected"), [("number", [1, 2, 3, 4, 5]), ("-p_ng", [4, 2, 1, 5]), ("p_ng", [5, 1, 2, 4])]
)
async def test_parts_are_sorted_and_paged_forth_and_back(api: Api, sort: str, expected: list[int]) -> None:
    scores = (0.3, 0.5, None, 0.9, 0.1)
    store(api.ledger, *(replace(a_pass(f"r{n}"), p_ng=score) for n, score in enumerate(scores, 1)))
    on, back = ("before", "after") if sort.startswith("-") else ("after", "before")
    first = await api.get(f"parts?sort={sort}&limit=2")
    assert numbers(first) == expected[:2]
    assert first.json()[f"next_{back}"] is None
    second = await api.get(f"parts?sort={sort}&limit=2&{on}={first.json()[f'next_{on}']}")
    assert numbers(second) == expected[2:4]
    assert numbers(await api.get(f"parts?sort={sort}&limit=2&{back}={expected[2]}")) == expected[:2]
    assert (await api.get(f"parts?sort={sort}&limit=9")).json()[f"next_{on}"] is None


async def test_a_page_by_p_ng_that_begins_at_a_part_without_one_is_404(api: Api) -> None:
    store(api.ledger, replace(a_pass("r1"), p_ng=None))
    for number in (1, 7):
        answer = await api.get(f"parts?sort=p_ng&after={number}")
        assert answer.status_code == 404
        assert f"number {number}" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("line=pcb", [3, 2]),
        ("line=pcb&camera=cam2", [3]),
        ("disposition=REJECT", [2]),
        ("reason=NO_DEFECT&line=pcb", [3]),
        ("line=solar", []),
    ],
)
async def test_filters_are_joined_by_and(api: Api, query: str, expected: list[int]) -> None:
    store(
        api.ledger,
        a_pass("r1", key=FrameKey("bakery", "cam1", "t")),
        a_reject("r2"),
        a_pass("r3", key=FrameKey("pcb", "cam2", "t")),
    )
    assert numbers(await api.get(f"parts?{query}")) == expected


async def test_a_report_holds_every_vote_and_what_only_the_ledger_knows(api: Api) -> None:
    store(api.ledger, a_reject("r2"))
    part = PartReport.model_validate_json((await api.get("parts/r2")).content)
    assert (part.number, part.state) == (1, "PUBLISHED")
    assert [vote.p_ng for vote in part.report.votes] == [0.71, 0.97, None]
    assert part.report.findings[0].bbox_norm == (0.28, 0.37, 0.63, 0.59)
    assert part.words_raw == '{"defect": "scratch"}'


async def test_an_unknown_part_is_404_with_its_id(api: Api) -> None:
    answer = await api.get("parts/nobody")
    assert answer.status_code == 404
    assert "nobody" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("parts?disposition=MAYBE", "disposition"),
        ("parts?line=../etc", "line"),
        ("parts?limit=100000", "limit"),
        ("parts?before=now", "before"),
        ("parts?dispositon=PASS", "dispositon"),
        ("parts?sort=latency_ms", "sort"),
        ("parts?sort=", "sort"),
        ("totals?minutes=0", "minutes"),
        ("parts/r1/thumbnail?side=1000000", "side"),
        ("events?limit=-1", "limit"),
    ],
)
async def test_bad_input_is_refused_by_field_with_a_remedy(api: Api, path: str, field: str) -> None:
    store(api.ledger, a_pass("r1"))
    answer = await api.get(path)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    [fault] = answer.json()["errors"]
    assert fault["field"] == field
    assert fault["remedy"]


async def test_a_refusal_names_the_values_that_are_accepted(api: Api) -> None:
    [fault] = (await api.get("parts?disposition=MAYBE")).json()["errors"]
    assert fault["problem"] == "'MAYBE' is not accepted"
    assert "'PASS', 'REJECT' or 'REVIEW'" in fault["remedy"]


@pytest.mark.parametrize("path", ["parts", "parts/r1", "totals", "cameras", "events", "lines", "health"])
async def test_database_away_is_503_with_the_reason(api: Api, path: str) -> None:
    api.ledger.away = True
    answer = await api.get(path)
    assert answer.status_code == 503
    assert answer.json()["detail"] == "the database is away"
    assert answer.headers["retry-after"] == "2"
    assert "Traceback" not in answer.text


class UnmountedEvidence(MemoryEvidence):
    def get(self, sha256: str) -> bytes:
        raise LedgerError(f"the folder of {sha256[:8]} is not mounted")


@pytest.mark.parametrize("path", ["picture", "thumbnail"])
async def test_evidence_store_away_is_503_too(path: str) -> None:
    ledger, evidence = MemoryLedger(), UnmountedEvidence()
    store(ledger, a_pass("r1", evidence=evidence.put(a_picture(), "image/jpeg")))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(rest_api(ledger, evidence)), base_url="http://c"
    ) as client:
        assert (await client.get(f"/api/v1/parts/r1/{path}")).status_code == 503


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("BMP", "image/bmp"),
        ("TIFF", "image/tiff"),
        ("WEBP", "image/webp"),
    ],
)
async def test_a_picture_is_sent_as_what_its_bytes_are(api: Api, kind: str, media_type: str) -> None:
    data = a_picture(kind=kind)
    store(api.ledger, a_pass("r1", evidence=api.evidence.put(data, "text/html")))
    answer = await api.get("parts/r1/picture")
    assert answer.content == data
    assert answer.headers["content-type"] == media_type
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    "data", [SCRIPT.encode(), b"", f"<svg xmlns='http://www.w3.org/2000/svg'>{SCRIPT}</svg>".encode()]
)
async def test_what_is_no_picture_is_only_offered_for_download(api: Api, data: bytes) -> None:
    store(api.ledger, a_pass("r1", evidence=api.evidence.put(data, "image/svg+xml")))
    answer = await api.get("parts/r1/picture")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["content-security-policy"]


async def test_a_thumbnail_is_a_small_jpeg(api: Api) -> None:
    store(api.ledger, a_pass("r1", evidence=api.evidence.put(a_picture(800), "image/jpeg")))
    answer = await api.get("parts/r1/thumbnail?side=64")
    assert answer.headers["content-type"] == "image/jpeg"
    assert len(answer.content) < 3000


async def test_golden_sample_of_the_live_version_is_shown_and_no_other_picture(api: Api) -> None:
    golden = api.evidence.put(a_picture(800), "image/jpeg").sha256
    other = api.evidence.put(a_picture(300), "image/jpeg").sha256
    api.ledger.versions = [live_version(a_pipeline(), 1, (golden,))]
    shown = await api.get(f"lines/pcb/golden-samples/{golden}/picture?side=64")
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
    for address in (f"pcb/golden-samples/{other}", f"solar/golden-samples/{golden}"):
        assert (await api.get(f"lines/{address}/picture")).status_code == 404


async def test_a_picture_that_is_gone_is_404_and_its_thumbnail_a_drawing(api: Api) -> None:
    store(api.ledger, a_pass("r1", evidence=Evidence("0" * 64, "image/jpeg", 5)), a_pass("r2"))
    for result_id in ("r1", "r2"):
        assert (await api.get(f"parts/{result_id}/picture")).status_code == 404
        drawing = await api.get(f"parts/{result_id}/thumbnail")
        assert drawing.headers["content-type"] == "image/svg+xml"
        assert "immutable" not in drawing.headers.get("cache-control", "")


async def test_picture_whose_retention_has_ended_is_said_to_be_removed_and_not_missing(api: Api) -> None:
    kept, removed = Evidence("a" * 64, "image/jpeg", 5), Evidence("b" * 64, "image/jpeg", 5, is_removed=True)
    store(api.ledger, a_pass("r1", evidence=kept), a_pass("r2", evidence=removed))
    missing, gone = await api.get("parts/r1/picture"), await api.get("parts/r2/picture")
    assert (missing.status_code, gone.status_code) == (404, 410)
    assert gone.json()["type"].endswith("picture-removed")
    assert "retention" in gone.json()["detail"]
    assert (await api.get("parts/r2")).json()["picture"]["is_removed"] is True
    drawings = [(await api.get(f"parts/{result_id}/thumbnail")).text for result_id in ("r1", "r2")]
    assert ["No picture stored" in drawings[0], "its retention has ended" in drawings[1]] == [True, True]


async def test_a_picture_that_came_back_is_no_longer_drawn_as_missing(api: Api) -> None:
    evidence = api.evidence.put(a_picture(), "image/jpeg")
    store(api.ledger, a_pass("r1", evidence=evidence))
    data = api.evidence.pictures.pop(evidence.sha256)
    await api.get("parts/r1/thumbnail")
    api.evidence.pictures[evidence.sha256] = data
    assert (await api.get("parts/r1/thumbnail")).headers["content-type"] == "image/jpeg"


async def test_totals_count_by_line_disposition_and_reason(api: Api) -> None:
    old = a_pass("r0")
    store(
        api.ledger,
        replace(old, decided_at=old.decided_at - timedelta(hours=2)),
        a_pass("r1"),
        a_reject("r2"),
        a_pass("r3", key=FrameKey("bakery", "cam1", "t")),
    )
    api.ledger.outbox = [Posted(a_verdict(old), old.result_id, "pcb") for _ in range(4)]
    totals = (await api.get("totals?minutes=60")).json()
    assert totals["parts"] == 3
    assert totals["by_disposition"] == {"PASS": 2, "REJECT": 1, "REVIEW": 0}
    assert {"line": "pcb", "disposition": "REJECT", "reason": "DEFECT", "parts": 1, "unjudged": 0} in totals["counts"]
    assert totals["outbox"] == 4


async def test_totals_of_nothing_are_zeros_and_nulls(api: Api) -> None:
    totals = (await api.get("totals")).json()
    assert (totals["parts"], totals["latency_p50_ms"], totals["votes_mean"]) == (0, None, None)


async def test_cameras_events_and_pipelines_are_listed(api: Api) -> None:
    api.ledger.seen["pcb", "cam9"] = CameraRow("pcb", "cam9", False, None, NOON, NOON, 3, 0, None)
    api.ledger.events.append(Event("e1", "pcb", None, "FRAMES_LOST", "ALARM", "7 frames lost", NOON, 7))
    api.ledger.versions.append(live_version(a_pipeline(cameras=["cam1"]), 3, ("ab",)))
    cameras = (await api.get("cameras")).json()["cameras"]
    assert [(each["camera"], each["known"]) for each in cameras] == [("cam1", True), ("cam9", False)]
    assert (await api.get("events")).json()["events"][0]["text"] == "7 frames lost"
    [declared] = (await api.get("lines")).json()
    assert (declared["live"]["version"], declared["live"]["pipeline"]["thresholds"]["reject_above"]) == (3, 0.8)


async def test_cameras_and_events_are_paged(api: Api) -> None:
    activity = [CameraActivity(line, f"cam{n}", NOON, True) for line in ("a", "b") for n in range(3)]
    await api.ledger.add_camera_activity(activity)
    await api.ledger.add_events([Event(f"e{n}", "a", None, "X", "INFO", f"text {n}", NOON) for n in range(5)])
    names, after = [], ""
    while after is not None:
        page = (await api.get(f"cameras?limit=4{after and f'&after={after}'}")).json()
        names += [(each["line"], each["camera"]) for each in page["cameras"]]
        after = page["next_after"]
    assert names == [(each.line, each.camera) for each in activity]
    newest = (await api.get("events?limit=2")).json()
    older = (await api.get(f"events?limit=9&before={newest['next_before']}")).json()
    assert [each["event_id"] for each in newest["events"] + older["events"]] == ["e4", "e3", "e2", "e1", "e0"]
    assert older["next_before"] is None
    assert (await api.get("cameras?after=nonsense")).status_code == 422


@pytest.mark.parametrize(
    ("age_s", "status"), [(0.0, 503), (60.0, 200)], ids=["heard now", "a heartbeat of long ago says nothing"]
)
async def test_health_is_not_ok_while_a_station_cannot_store_parts(age_s: float, status: int) -> None:
    heard = StationStatus(3, utc_now() - timedelta(seconds=age_s), 0, 0, 0, 0, ledger_away=True)
    api = rest_app(services_of(MemoryLedger(), MemoryEvidence(), lambda: [heard]))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://console") as client:
        answer = await client.get("/api/v1/health")
    assert answer.status_code == status
    assert status == 200 or "station 3 cannot store parts" in answer.json()["detail"]


async def test_health_does_not_wait_for_a_silent_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.adapters.console.queries.HEALTH_TIMEOUT_S", 0.05)
    ledger, may_answer, reads = MemoryLedger(), threading.Event(), []

    def hang(wanted: PartFilter, limit: int) -> list[PartRow]:
        reads.append(wanted)
        may_answer.wait()
        return []

    ledger.parts = hang  # type: ignore[method-assign]
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(rest_api(ledger, MemoryEvidence())), base_url="http://console"
    ) as client:
        answers = [await client.get("/api/v1/health") for _ in range(5)]
        may_answer.set()
        await asyncio.sleep(0)
    assert {answer.status_code for answer in answers} == {503}
    assert len(reads) == 1  # further checks take no further thread


async def test_health_tells_the_newest_part(api: Api) -> None:
    assert (await api.get("health")).json() == {"status": "ok", "newest_part": None, "newest_decided_at": None}
    store(api.ledger, a_pass())
    assert (await api.get("health")).json()["newest_part"] == 1


async def test_hostile_text_stays_text_inside_json(api: Api) -> None:
    decision = Decision(Verdict.INCONCLUSIVE, Disposition.REVIEW, Reason.MODEL_ERROR, SCRIPT)
    store(api.ledger, a_pass("r1", decision=decision, part_id=SCRIPT, key=FrameKey("pcb", "cam1", "t")))
    answer = await api.get("parts/r1")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["report"]["detail"] == SCRIPT


async def test_the_description_covers_every_path_and_loads_nothing(api: Api) -> None:
    described: dict[str, Any] = (await api.get("openapi.json")).json()["paths"]
    assert {"/api/v1/parts", "/api/v1/lines/{line}/state", "/api/v1/stream"} <= described.keys()
    assert all(route["description"] for each in described.values() for route in each.values())
    assert (await api.get("docs")).status_code == 404


async def test_an_api_that_is_not_used_any_more_is_released() -> None:
    """FastAPI keeps the functions of thousands of routes: none may hold its application, and so its database."""
    application = rest_api(MemoryLedger(), MemoryEvidence())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://console") as client:
        for path in ("/api/v1/openapi.json", "/api/v1/parts", "/metrics"):
            await client.get(path)
    released = weakref.ref(application)
    del application, client
    gc.collect()
    assert released() is None


async def test_a_path_outside_the_api_is_a_problem_that_names_the_description(api: Api) -> None:
    answer = await api.get("part")
    assert answer.status_code == 404
    assert "openapi.json" in answer.json()["detail"]


async def test_the_real_ledger_answers_like_the_fake(tmp_path: Path) -> None:
    url, fake = f"sqlite:///{tmp_path / 'ledger.db'}", MemoryLedger()
    upgrade(url)
    evidence = FileEvidence(tmp_path / "evidence")
    picture = evidence.put(a_picture(), "image/jpeg")
    parts = [a_pass("r1", p_ng=0.03), a_reject("r2", evidence=picture), a_pass("r3", is_simulated=True)]
    async with SqlLedger(url) as ledger:
        for part in parts:
            await ledger.record(replace(part, state=PartState.DECIDED), [a_verdict(part)])
            await ledger.confirm([part.result_id])
            await fake.record(part, [])
    archive = SqlArchive(url)
    answers = [[await ask(reads, evidence, path) for path in PATHS] for reads in (archive, fake)]
    archive.close()
    assert answers[0] == answers[1]


PATHS = ("parts", "parts?disposition=REJECT", "parts?after=1&limit=1", "parts/r2", "parts/r2/picture", "health")


async def ask(archive: Archive, evidence: EvidenceStore, path: str) -> tuple[int, bytes]:
    transport = httpx.ASGITransport(rest_api(archive, evidence))
    async with httpx.AsyncClient(transport=transport, base_url="http://console") as client:
        answer = await client.get(f"/api/v1/{path}")
        return answer.status_code, answer.content
