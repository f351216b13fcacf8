"""Exports through the REST API: streams that are the files of the commands."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from support.console_api import sql_api
from support.fakes import a_part, a_pipeline
from support.reviews import NG, a_review, add_reviews

from inspector.adapters.ledger import DeclaredVersion, FileEvidence, SqlLedger, store_versions, upgrade
from inspector.domain.part import Evidence
from inspector.lab.synthetic import draw, encode


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    upgrade(url := f"sqlite:///{tmp_path / 'ledger.db'}")
    store_versions(url, [DeclaredVersion(a_pipeline(), ())])
    stored = FileEvidence(tmp_path / "evidence").put(encode(draw("board", 1, size=160)), "image/jpeg")
    async with SqlLedger(url) as ledger:
        picture = Evidence(stored.sha256, "image/jpeg", stored.size_bytes, 160, 160)
        await ledger.record(a_part("seen", result_id="seen", evidence=picture, part_id="=1+1"), [])
        await ledger.record(a_part("new", result_id="new"), [])
    add_reviews(url, [a_review("seen", NG, classes=("short",))])
    transport = httpx.ASGITransport(sql_api(url, tmp_path))
    async with httpx.AsyncClient(transport=transport, base_url="http://console/api/v1/exports") as opened:
        yield opened


async def test_parts_as_csv_and_json_lines_carry_truth_and_reviews(client: httpx.AsyncClient) -> None:
    table = await client.get("/parts.csv", params={"line": "pcb"})
    assert table.headers["content-disposition"] == 'attachment; filename="parts.csv"'
    new, seen = csv.DictReader(io.StringIO(table.text, newline=""))
    assert (new["truth"], seen["truth"], seen["part_id"]) == ("", "NG", "'=1+1")
    lines = (await client.get("/parts.jsonl", params={"limit": 2})).text.splitlines()
    assert [len(json.loads(line)["reviews"]) for line in lines] == [0, 1]
    assert (await client.get("/parts.csv", params={"lin": "pcb"})).status_code == 422


async def test_data_set_is_a_zip_file_with_pictures_and_labels(client: httpx.AsyncClient) -> None:
    answer = await client.get("/coco.zip", params={"line": "pcb"})
    with closing(zipfile.ZipFile(io.BytesIO(answer.content))) as archive:
        assert archive.testzip() is None
        document = json.loads(archive.read("annotations.json"))
        [image] = document["images"]
        assert (image["label"], archive.read(image["file_name"])) == ("NG", encode(draw("board", 1, size=160)))
    assert (await client.get("/coco.zip", params={"line": "nowhere"})).status_code == 404


@pytest.mark.parametrize("path", ["/parts.csv", "/parts.jsonl", "/coco.zip?line=pcb"])
async def test_a_ledger_that_is_away_is_no_empty_file(client: httpx.AsyncClient, tmp_path: Path, path: str) -> None:
    (tmp_path / "ledger.db").rename(tmp_path / "elsewhere.db")
    answer = await client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
