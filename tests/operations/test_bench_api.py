"""The benchmark of the API asks what pages ask, and counts what came back."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

from inspector.adapters.console.api.app import openapi_text
from inspector.operations.bench_api import NOT_MEASURED, PAGE_GETS, PREFIX, ApiLoad, measure_api
from inspector.settings import Settings


def test_every_get_of_the_api_is_measured_or_left_out_for_a_reason() -> None:
    served = {
        path.removeprefix(PREFIX)
        for path, operations in json.loads(openapi_text())["paths"].items()
        if path.startswith(PREFIX) and "get" in operations
    }
    measured = {question.path for question in PAGE_GETS}
    assert measured | NOT_MEASURED.keys() == served
    assert not measured & NOT_MEASURED.keys()


def test_address_is_about_a_stored_part() -> None:
    rng = random.Random(1)
    for question in PAGE_GETS:
        address = question.address(rng, 100, "line0")
        assert "{" not in address
        assert address.startswith(f"{PREFIX}{question.path.split('{')[0]}")


def test_short_form_answers_every_get_while_the_line_goes_on(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, database_url="", evidence_url="", broker_port=9)
    load = ApiLoad(clients=4, seconds=6.0, pause_s=0.0, parts_per_s=10.0)
    told: list[str] = []
    figures = measure_api(settings, 1_000, load, told.append)
    assert figures["failed"] == {}
    assert {each["get"] for each in figures["gets"]} == {question.name for question in PAGE_GETS}
    assert all(each["count"] and not math.isnan(each["p95_ms"]) for each in figures["gets"])
    assert figures["line_ms"]["count"] > 0
    assert figures["stream_parts"] > 0
    assert any("parts are stored" in each for each in told)
