"""The fingerprint of a model on a server."""

from __future__ import annotations

from typing import Any

import pytest
from support.chat_server import Canned, chat_server
from support.served import DIRECT, answers, card, loaded

from inspector.adapters.vlm.openai import server_identity as openai_identity
from inspector.errors import ModelError

MODELS = "/v1/models"


async def fingerprint(
    pages: dict[str, Canned] | None = None, settings: dict[str, object] | None = None, **server: Any
) -> str:
    async with chat_server() as running:
        running.pages |= pages or {}
        return (await loaded(card(running.url, settings, **server))).fingerprint


async def test_the_same_model_on_the_same_server_keeps_its_fingerprint() -> None:
    first = await fingerprint()
    assert len(first) == 16
    assert await fingerprint() == first  # though the server got another port
    assert (
        await fingerprint({MODELS: Canned({"data": [{"id": "tiny", "created": 2, "root": "/models/tiny"}]})}) == first
    )
    assert await fingerprint(timeout_s=5.0, retries=0) == first
    assert await fingerprint(settings={"name": "other", "max_ongoing_requests": 4}) == first


@pytest.mark.parametrize(
    "pages",
    [
        {MODELS: Canned({"data": [{"id": "tiny", "root": "/models/tiny-2"}]})},
        {"/version": Canned({"version": "1.1"})},
        {"/version": Canned("", 404)},
        {"/version": Canned("", 404), "/props": Canned({"build_info": "b1"})},
        {"/version": Canned("<html>"), "/server_info": Canned({"version": "1.0"})},
    ],
    ids=["another folder", "another version", "no version", "llama.cpp's page", "SGLang's page"],
)
async def test_another_server_has_another_fingerprint(pages: dict[str, Canned]) -> None:
    assert await fingerprint(pages) != await fingerprint()


@pytest.mark.parametrize(
    "settings",
    [{"revision": "b"}, {"dtype": "bfloat16"}, {"pixels": {"min": 4096, "max": 4096}}, {"checkpoint": "tiny-b"}],
)
async def test_what_the_card_says_of_the_model_is_in_the_fingerprint(settings: dict[str, object]) -> None:
    assert await fingerprint(settings=settings, model="tiny") != await fingerprint(model="tiny")


@pytest.mark.parametrize("server", [{"extra": {}}, {"answers_begin": "plain"}])
async def test_how_it_is_asked_is_in_the_fingerprint(server: dict[str, Any]) -> None:
    assert await fingerprint(**server) != await fingerprint()


async def test_a_server_started_again_with_another_model_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_identity, "RECHECK_S", 0.0)
    async with chat_server() as server:
        engine = await loaded(card(server.url))
        before = engine.fingerprint
        await answers(engine, [DIRECT])
        assert engine.fingerprint == before
        server.pages[MODELS] = Canned({"data": [{"id": "tiny", "root": "/models/tiny-2"}]})
        await answers(engine, [DIRECT])
        assert engine.fingerprint != before
        server.pages[MODELS] = Canned({"data": [{"id": "huge"}]})
        for _ in range(2):
            with pytest.raises(ModelError, match="serves no 'tiny' but huge"):
                await answers(engine, [DIRECT])


@pytest.mark.parametrize("silence", [Canned(status=0), Canned("busy", 503)])
async def test_a_server_that_keeps_silent_about_itself_is_still_asked(
    monkeypatch: pytest.MonkeyPatch, silence: Canned
) -> None:
    monkeypatch.setattr(openai_identity, "RECHECK_S", 0.0)
    async with chat_server() as server:
        engine = await loaded(card(server.url))
        before = engine.fingerprint
        server.pages[MODELS] = silence
        assert len(await answers(engine, [DIRECT])) == 1
        assert engine.fingerprint == before
