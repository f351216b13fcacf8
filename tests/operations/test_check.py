"""`inspector check` on model cards: whether the named server answers, and the remedy if it does not."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from support.chat_server import YES, Script, chat_server, choice, completion, refusal
from support.line_fakes import pipeline

from inspector.adapters.ledger import DeclaredVersion, store_versions, upgrade
from inspector.operations.check import CheckResult, run_checks
from inspector.settings import Settings


def written_card(folder: Path, address: str) -> Path:
    server = {"base_url": address, "retries": 0}
    card = {"name": "far", "engine": "openai", "checkpoint": "tiny", "pixels": {"min": 4096, "max": 65536}}
    path = folder / "far.yaml"
    path.write_text(json.dumps(card | {"server": server}))
    return path


def findings(folder: Path, address: str, *, ask: bool) -> dict[str, CheckResult]:
    settings = Settings(model=written_card(folder, address), data=folder / "data", broker_port=9)
    return {finding.check: finding for finding in run_checks(settings, ask=ask)}


async def answer(folder: Path, script: Script) -> CheckResult:
    async with chat_server(script) as server:
        return (await asyncio.to_thread(findings, folder, server.url, ask=True))["answer"]


async def test_a_server_is_asked_only_where_that_is_wanted(tmp_path: Path) -> None:
    async with chat_server() as server:
        result = await asyncio.to_thread(findings, tmp_path, server.url, ask=False)
    assert result["model"].ok
    assert server.url in result["model"].found
    assert "answer" not in result
    assert server.asked == []


async def test_a_server_that_answers_is_well(tmp_path: Path) -> None:
    result = await answer(tmp_path, lambda _: YES)
    assert (result.ok, result.remedy) == (True, "")
    assert "far answered" in result.found


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (lambda _: completion(choice("Yes", logprobs=False)), "sent no logprobs; the verdict is read from them"),
        (lambda _: refusal(400, "images are not supported"), "serve a model that sees pictures"),
    ],
    ids=["no logprobs", "no pictures"],
)
async def test_an_unusable_server_is_reported_with_a_remedy(tmp_path: Path, script: Script, said: str) -> None:
    result = await answer(tmp_path, script)
    assert not result.ok
    assert said in result.found


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = findings(tmp_path, "http://127.0.0.1:9/v1", ask=True)["answer"]
    assert not result.ok
    assert "http://127.0.0.1:9/v1 can't be reached" in result.found


def test_lines_that_the_card_can_not_serve_are_named(tmp_path: Path) -> None:
    settings = Settings(model=written_card(tmp_path, "http://127.0.0.1:9/v1"), data=tmp_path, broker_port=9)
    assert result_of(settings, "lines").found == "far can serve all 0 line(s) of the ledger"
    upgrade(settings.database)
    line = pipeline(golden_samples=["good.jpg"], quality={"max_unlike": 2.0})
    store_versions(settings.database, [DeclaredVersion(line, ("ab",), "ann", "line: pcb")])
    found = result_of(settings, "lines")
    assert not found.ok
    assert found.found.startswith("pcb: quality.max_unlike needs patches of the picture")
    assert "engine: transformers" in found.remedy


def result_of(settings: Settings, check: str) -> CheckResult:
    [result] = [each for each in run_checks(settings) if each.check == check]
    return result
