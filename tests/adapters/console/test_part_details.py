"""The details of one part over a real ledger: its questions, their pictures, and reviewed parts of its like."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import httpx
import numpy as np
import pytest
from PIL import Image
from support.console_api import sql_api
from support.fakes import a_part, a_pipeline
from support.reviews import add_reviews, labelled

from inspector.adapters.ledger import DeclaredVersion, FileEvidence, SqlLedger, store_versions, upgrade
from inspector.domain.declared import ViewName
from inspector.domain.heat_map import HeatMap
from inspector.domain.report import Box
from inspector.domain.vote import Opinion, Vote

PIPELINE = a_pipeline(
    golden_samples=["striped.png", "dotted.png"],
    ladder=[{"views": ["direct"]}, {"views": ["compare", "zoom"]}, {"views": ["separate"]}],
)
ASKED = (Vote(ViewName.DIRECT, 0, 0.5), Vote(ViewName.COMPARE, 1, 0.5), Vote(ViewName.ZOOM, 1, 0.5))


def picture(kind: str, noise: int = 0) -> bytes:
    """A striped or a dotted part."""
    pixels = np.full((64, 64), 200, np.uint8)
    if kind == "striped":
        pixels[:, ::16] = pixels[:, 1::16] = pixels[:, 2::16] = 40
    else:
        pixels[8::32, 8::32] = pixels[20:40, 20:40] = 40
    pixels[noise % 64, :8] = 90
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


class DetailsApi(NamedTuple):
    client: httpx.AsyncClient
    golden: tuple[str, ...]

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(f"/api/v1/parts/{path}")


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[DetailsApi]:
    url, evidence = f"sqlite:///{tmp_path / 'ledger.db'}", FileEvidence(str(tmp_path / "evidence"))
    upgrade(url)
    golden = tuple(evidence.put(picture(kind), "image/png").sha256 for kind in ("striped", "dotted"))
    store_versions(url, [DeclaredVersion(PIPELINE, golden)])
    async with SqlLedger(url) as ledger:
        for number, kind in enumerate(("striped", "dotted", "striped", "dotted")):
            stored = evidence.put(picture(kind, number + 1), "image/png")
            await ledger.record(a_part(f"t{number}", evidence=stored, votes=ASKED, rungs=2), [])
        claimed = Vote(ViewName.SEPARATE, 2, 0.8, text="short in [100, 200, 300, 400]")
        await ledger.record(a_part("split", evidence=stored, votes=(*ASKED, claimed), rungs=3), [])
        await ledger.record(a_part("bare", votes=()), [])
        heated = Opinion(0.7, 4.0, "far", HeatMap(2, 3, Box(0.1, 0.2, 0.9, 1.0), 0.5, 4.0, bytes([0, 1, 2, 3, 4, 255])))
        await ledger.record(a_part("hot", opinion=heated, evidence=stored), [])
        await ledger.record(a_part("unseen", opinion=heated), [])
    add_reviews(url, [labelled("pcb-cam1-t0", True), labelled("pcb-cam1-t1", False)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(sql_api(url, tmp_path)), base_url="http://x") as client:
        yield DetailsApi(client, golden)


async def test_the_most_similar_reviewed_part_comes_first_with_its_truth(api: DetailsApi) -> None:
    parts = (await api.get("pcb-cam1-t2/nearest")).json()["parts"]
    assert [(each["result_id"], each["truth"]) for each in parts] == [("pcb-cam1-t0", "NG"), ("pcb-cam1-t1", "OK")]
    assert parts[0]["likeness"] > parts[1]["likeness"]
    assert (await api.get("pcb-cam1-t3/nearest?limit=1")).json()["parts"][0]["result_id"] == "pcb-cam1-t1"


async def test_a_part_is_not_its_own_neighbour(api: DetailsApi) -> None:
    parts = (await api.get("pcb-cam1-t0/nearest")).json()["parts"]
    assert [each["result_id"] for each in parts] == ["pcb-cam1-t1"]


@pytest.mark.parametrize(
    "path",
    [
        "nobody/nearest",
        "nobody/questions",
        "nobody/heatmap",
        "pcb-cam1-bare/heatmap",
        "pcb-cam1-unseen/heatmap",
    ],
)
async def test_where_there_is_nothing_a_problem_says_so(api: DetailsApi, path: str) -> None:
    answer = await api.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


async def test_part_without_a_picture_has_no_nearest_parts(api: DetailsApi) -> None:
    assert (await api.get("pcb-cam1-bare/nearest")).json() == {"parts": []}


async def test_shown_picture_is_offered_in_a_size_that_browsers_read(api: DetailsApi) -> None:
    small = await api.get(f"pcb-cam1-t3/pictures/{api.golden[1]}?side=32")
    assert (small.status_code, small.headers["content-type"]) == (200, "image/jpeg")
    assert (await api.get(f"pcb-cam1-t3/pictures/{api.golden[0]}?side=32")).status_code == 404


async def test_a_separated_claim_names_its_own_questions(api: DetailsApi) -> None:
    *_, separate = (await api.get("pcb-cam1-split/questions")).json()["questions"]
    assert (separate["view"], separate["is_detail"], len(separate["golden"])) == ("separate", True, 1)
    assert len(separate["questions"]) == 4
    assert all("short" in question for question in separate["questions"])


async def test_each_view_names_its_question_and_its_pictures(api: DetailsApi) -> None:
    direct, compare, zoom = (await api.get("pcb-cam1-t3/questions")).json()["questions"]
    assert (direct["view"], direct["questions"], direct["golden"]) == (
        "direct",
        ["Is there any defect? Answer Yes or No."],
        [],
    )
    assert (compare["rung"], compare["is_detail"], zoom["is_detail"]) == (1, False, True)
    assert compare["golden"] == zoom["golden"]
    shown = await api.client.get(compare["golden"][0])
    assert shown.content == picture("dotted")


async def test_only_pictures_that_were_shown_are_served(api: DetailsApi) -> None:
    assert (await api.get(f"pcb-cam1-t3/pictures/{api.golden[1]}")).status_code == 200
    assert (await api.get(f"pcb-cam1-t3/pictures/{api.golden[0]}")).status_code == 404


async def test_a_part_without_votes_was_asked_nothing(api: DetailsApi) -> None:
    assert (await api.get("pcb-cam1-bare/questions")).json() == {"questions": []}


@pytest.mark.parametrize(("part", "has_heat_map"), [("hot", True), ("t0", False), ("unseen", False)])
async def test_report_says_whether_there_is_a_heat_map(api: DetailsApi, part: str, has_heat_map: bool) -> None:
    assert (await api.get(f"pcb-cam1-{part}")).json()["has_heat_map"] is has_heat_map


async def test_heat_map_lies_over_the_inspected_region(api: DetailsApi) -> None:
    heat = (await api.get("pcb-cam1-hot/heatmap")).json()
    assert (heat["rows"], heat["columns"], heat["levels"]) == (2, 3, [0, 1, 2, 3, 4, 255])
    assert (heat["bbox_norm"], heat["least"], heat["most"]) == ([0.1, 0.2, 0.9, 1.0], 0.5, 4.0)
