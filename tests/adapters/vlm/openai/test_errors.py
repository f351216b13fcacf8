"""What the openai engine makes of everything that goes wrong between it and a server."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.chat_server import RESET, YES, Body, Canned, chat_server, choice, completion, in_turn, refusal
from support.served import DIRECT, INVERTED, PICTURE, PREAMBLE, REPORT, answers, card, draft, engine_of, loaded

from inspector.adapters.vlm.openai.client import MAX_RESPONSE_BYTES, retry_after_s
from inspector.adapters.vlm.stub import StubEngine
from inspector.errors import ModelError, ServerBusy, ServerError
from inspector.runtime.log_context import answer_due

BUSY = refusal(503, "Loading model", **{"Retry-After": "0"})
GONE = Canned(status=0)


@pytest.mark.parametrize(
    "trouble",
    [GONE, BUSY, refusal(429, "slow down", **{"Retry-After": "0.01"}), refusal(503, "busy")],
    ids=["connection lost", "loading", "too many requests", "busy"],
)
async def test_what_may_pass_is_tried_again(trouble: Canned) -> None:
    async with engine_of(in_turn(trouble, trouble, YES)) as (engine, server):
        (answer,) = await answers(engine, [DIRECT])
    assert answer.p_ng == pytest.approx(0.9)
    assert len(server.asked) == 3


@pytest.mark.parametrize("retries", [0, 2])
async def test_trying_again_has_an_end(retries: int) -> None:
    async with engine_of(lambda _: BUSY, retries=retries) as (engine, server):
        with pytest.raises(ModelError, match="refused with 503: Loading model; wait until it has loaded"):
            await answers(engine, [DIRECT])
    assert len(server.asked) == retries + 1


async def test_a_server_that_asks_for_more_time_than_there_is_is_not_waited_for() -> None:
    async with engine_of(lambda _: refusal(429, "slow down", **{"Retry-After": "60"})) as (engine, server):
        with pytest.raises(ModelError, match="refused with 429: slow down; give the server more replicas"):
            await answers(engine, [DIRECT])
    assert len(server.asked) == 1


async def test_no_request_takes_longer_than_the_card_allows() -> None:
    async with engine_of(lambda _: None, timeout_s=0.2) as (engine, server):
        with pytest.raises(ModelError, match=r"gave no answer within 0\.2 s; see whether it is overloaded"):
            await answers(engine, [DIRECT])
        await server.left.acquire()


async def test_a_server_that_went_away_is_named_with_what_to_do() -> None:
    async with engine_of(lambda _: GONE, retries=1) as (engine, server):
        with pytest.raises(ModelError, match=r"127\.0\.0\.1.* can't be reached .*; start the server, or correct"):
            await answers(engine, [DIRECT])
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            Canned({"error": "Unauthorized"}, 401),
            "refused with 401: Unauthorized; put the server's key in the variable",
        ),
        (refusal(404, "The model `tiny` does not exist."), "404: The model `tiny` does not exist.*server.model"),
        (Canned({"detail": "Not Found"}, 404), "404: Not Found; end server.base_url with /v1"),
        (Canned("", 413), r"413: Told; .*lower pixels\.max"),
        (
            refusal(400, "At most 1 image(s) may be provided in one prompt."),
            "400: At most 1 image.*limit-mm-per-prompt",
        ),
        (refusal(500, "image input is not supported - you may need to provide the mmproj"), "500: .*sees pictures"),
        (refusal(400, "Failed to load image or audio file"), "400: Failed to load image"),
        (
            Canned({"object": "error", "message": "This model's maximum context length is 2048 tokens."}, 400),
            "400: This model's maximum context length is 2048 tokens.; give the server a longer context",
        ),
        (refusal(400, "Requested logprobs of 20 > max allowed: 5"), "400: .*--max-logprobs 20"),
        (refusal(400, "Unrecognized request argument supplied: top_k"), r"400: .*leave that out of server\.extra"),
        (refusal(400, "continue_final_message is not allowed"), r"400: .*write another server\.answers_begin"),
        (refusal(418, "no more tea"), "418: no more tea; see the server's log"),
        (Canned("<html>\x00 a proxy </html>", 502), "502: <html>� a proxy </html>; see the server's log"),
        (Canned("<html>", 200), "answers what is no chat completion .'<html>'.; end server.base_url with /v1"),
        (Canned({"choices": []}, 200), "answers what is no chat completion"),
        (Canned({"choices": [{"message": {"content": 7}}]}, 200), "answers what is no chat completion"),
        (completion(choice("Yes", logprobs=False)), "sent no logprobs; the verdict is read from them: use a server"),
        (completion(choice({"Yes": 0.5}) | {"logprobs": {"content": [{"token": "Yes"}]}}), "sent no logprobs"),
    ],
)
async def test_a_refusal_is_told_with_its_remedy_and_not_tried_again(answer: Canned, said: str) -> None:
    async with engine_of(lambda _: answer) as (engine, server):
        with pytest.raises(ModelError, match=said):
            await answers(engine, [DIRECT])
    assert len(server.asked) == 1


TROUBLE = {
    "busy": (refusal(429, "slow down"), ServerBusy, "refused with 429: slow down"),
    "broken": (refusal(500, "CUDA error"), ServerError, "refused with 500: CUDA error"),
    "bad gateway": (Canned("<html>nginx</html>", 502), ServerError, "refused with 502: <html>nginx</html>"),
    "no key": (refusal(401, "Incorrect API key"), ServerError, "refused with 401"),
    "hangs up": (GONE, ServerError, "can't be reached"),
    "resets": (Canned(status=RESET), ServerError, "can't be reached"),
    "no HTTP": (Canned(headers={"Content-Length": "-7"}), ServerError, "can't be reached"),
    "a page": (Canned("<html>hello</html>"), ServerError, "answers what is no chat completion"),
    "other JSON": (Canned({"answer": "Yes"}), ServerError, "answers what is no chat completion"),
    "deep JSON": (Canned("[" * 100_000), ServerError, "answers what is no chat completion"),
    "deep refusal": (Canned("[" * 100_000, 500), ServerError, "refused with 500"),
    "no text": (Canned("\udcff".encode("utf-8", "surrogatepass").decode("latin-1")), ServerError, "no chat completion"),
    "a huge body": (Canned("{", body_size=MAX_RESPONSE_BYTES + 2**20), ServerError, "more than 32 MiB"),
    "a slow body": (Canned("{", body_size=2**20, pause_s=0.2), ServerError, r"no answer within 0\.5 s"),
    "elsewhere": (
        Canned("", 307, {"Location": "https://example.com/v1"}),
        ServerError,
        r"redirects to https://example.com/v1.* \(307\); write that address in server.base_url",
    ),
    "no gzip": (Canned("no gzip", headers={"Content-Encoding": "gzip"}), ServerError, "can't be reached"),
}


@pytest.mark.parametrize(("answer", "kind", "said"), TROUBLE.values(), ids=TROUBLE)
async def test_whatever_a_server_does_is_one_error_in_its_own_words(
    answer: Canned, kind: type[ServerError], said: str
) -> None:
    async with engine_of(lambda _: answer, timeout_s=0.5, retries=1) as (engine, _):
        with pytest.raises(kind, match=said) as caught:
            await answers(engine, [DIRECT])
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_a_refusal_of_one_request_says_nothing_about_the_server(status: int) -> None:
    async with engine_of(lambda _: refusal(status, "no")) as (engine, _):
        with pytest.raises(ModelError) as caught:
            await answers(engine, [DIRECT])
    assert not isinstance(caught.value, ServerError)


async def test_a_key_that_a_server_repeats_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMP_KEY", "sk-lamp-7")
    said = refusal(401, "Incorrect API key provided: sk-lamp-7")
    async with engine_of(lambda _: said, api_key_variable="LAMP_KEY") as (engine, _):
        with pytest.raises(ServerError, match=r"Incorrect API key provided: \*\*\*") as caught:
            await answers(engine, [DIRECT])
    assert "sk-lamp" not in str(caught.value)


@pytest.mark.parametrize("page", [Canned("{", body_size=8 * 2**20), Canned("{", body_size=2**20, pause_s=0.5)])
async def test_a_server_that_describes_itself_without_end_is_away(page: Canned) -> None:
    async with chat_server() as server:
        server.pages["/v1/models"] = page
        engine = await loaded(card(server.url, connect_timeout_s=0.5))
        with pytest.raises(ServerError, match=r"did not describe itself within 1 s|more than 4 MiB"):
            engine.fingerprint  # noqa: B018


async def test_retries_end_with_the_time_of_the_part() -> None:
    busy = refusal(429, "slow down", **{"Retry-After": "0.2"})
    async with engine_of(lambda _: busy, retries=10) as (engine, server):
        with answer_due(asyncio.get_running_loop().time() + 0.5), pytest.raises(ServerBusy):
            await answers(engine, [DIRECT])
        assert 1 < len(server.asked) < 5
        server.asked.clear()
        with answer_due(asyncio.get_running_loop().time() + 0.1), pytest.raises(ServerBusy):
            await answers(engine, [DIRECT])
        assert len(server.asked) == 1


async def test_one_question_that_fails_hangs_up_on_the_others_of_its_part_only() -> None:
    def script(body: Body) -> Canned | None:
        text = body["messages"][0]["content"][-1]["text"]
        return None if INVERTED.text in text else refusal(400, "no") if "Another" in text else YES

    async with engine_of(script) as (engine, server):
        spoiled, fine = await asyncio.gather(
            answers(engine, [INVERTED, draft(1, "Another.")]), answers(engine, [DIRECT]), return_exceptions=True
        )
        await server.left.acquire()
    assert isinstance(spoiled, ModelError)
    assert isinstance(fine, list)


async def test_cancelling_a_part_hangs_up_at_once() -> None:
    async with engine_of(lambda _: None) as (engine, server):
        asking = asyncio.create_task(answers(engine, [DIRECT, INVERTED, draft(1)]))
        while len(server.asked) < 3:
            await asyncio.sleep(0.01)
        asking.cancel()
        for _ in range(3):
            await server.left.acquire()
        with pytest.raises(asyncio.CancelledError):
            await asking


async def test_closing_the_answers_hangs_up_on_the_rest() -> None:
    async with engine_of(lambda body: None if "n" in body else YES) as (engine, server):
        prefix = await engine.open([PICTURE], PREAMBLE)
        asked = engine.ask(prefix, [draft(1), DIRECT])
        assert isinstance(asked, AsyncGenerator)
        assert (await anext(asked)).index == 1
        await asked.aclose()
        await server.left.acquire()


async def test_asking_nothing_asks_no_server() -> None:
    async with engine_of(lambda _: YES) as (engine, server):
        assert await answers(engine, []) == []
    assert server.asked == []


async def test_a_closed_prefix_is_not_answered_from_and_may_be_closed_twice() -> None:
    async with engine_of(lambda _: YES) as (engine, _):
        prefix = await engine.open([PICTURE], PREAMBLE)
        await engine.close(prefix)
        await engine.close(prefix)
        with pytest.raises(ModelError, match="prefix is closed"):
            [answer async for answer in engine.ask(prefix, [DIRECT])]
        with pytest.raises(ModelError, match="prefix is closed"):
            await engine.write(prefix, REPORT, start="{", max_tokens=4)


async def test_a_prefix_of_another_engine_is_refused() -> None:
    async with engine_of(lambda _: YES) as (engine, _):
        with pytest.raises(ModelError, match="StubPrefix was opened by another engine"):
            await engine.write(await StubEngine().open([PICTURE], PREAMBLE), REPORT, start="", max_tokens=4)


# ------------------------------------------------------------------ loading


async def test_the_key_comes_from_the_variable_that_the_card_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMP_KEY", "sk-lamp")
    async with engine_of(lambda _: YES, api_key_variable="LAMP_KEY") as (engine, server):
        assert server.key == "Bearer sk-lamp"
        await answers(engine, [DIRECT])
        assert server.key == "Bearer sk-lamp"


@pytest.mark.parametrize("held", [None, "", "schlüssel"])
async def test_a_variable_without_a_key_is_named(monkeypatch: pytest.MonkeyPatch, held: str | None) -> None:
    monkeypatch.delenv("LAMP_KEY", raising=False)
    if held is not None:
        monkeypatch.setenv("LAMP_KEY", held)
    async with chat_server() as server:
        with pytest.raises(ModelError, match="the variable LAMP_KEY holds no key; set it where the service runs"):
            await loaded(card(server.url, api_key_variable="LAMP_KEY"))


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (refusal(401, "Incorrect API key provided"), "401: Incorrect API key provided; put the server's key"),
        (Canned("nothing here", 404), "404: nothing here; end server.base_url with /v1"),
        (Canned("<html>"), "end server.base_url with /v1"),
        (Canned({"data": [{"name": "tiny"}]}), "end server.base_url with /v1"),
        (Canned([]), "end server.base_url with /v1"),
        (Canned({"data": []}), "serves no 'tiny' but nothing; name one of these in server.model"),
        (Canned({"data": [{"id": "b"}, {"id": "a"}]}), "serves no 'tiny' but a, b; name one of these in server.model"),
    ],
)
async def test_a_server_of_something_else_is_named_at_once(page: Canned, said: str) -> None:
    async with chat_server() as server:
        server.pages["/v1/models"] = page
        with pytest.raises(ModelError, match=said):
            (await loaded(card(server.url))).fingerprint  # noqa: B018


async def test_a_server_that_is_not_there_yet_is_waited_for() -> None:
    async with chat_server() as server:
        models, server.pages["/v1/models"] = server.pages["/v1/models"], Canned(status=0)
        engine = await loaded(card(server.url))
        for _ in range(2):
            with pytest.raises(ServerError, match=f"{server.url} can't be reached .*; start the server"):
                await answers(engine, [DIRECT])
        server.pages["/v1/models"] = models
        assert len(await answers(engine, [DIRECT])) == 1
        assert len(engine.fingerprint) == 16


def test_a_client_loads_no_torch() -> None:
    code = (
        "import sys, inspector.adapters.vlm.openai.engine; "
        "sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_retry_after_is_seconds_or_a_date() -> None:
    soon = datetime.now(UTC) + timedelta(seconds=100)
    assert retry_after_s("1.5") == 1.5
    assert retry_after_s(format_datetime(soon, usegmt=True)) == pytest.approx(100, abs=30)
    assert retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0


@given(st.text())
def test_any_retry_after_is_read_without_a_fault(header: str) -> None:
    pause = retry_after_s(header)
    assert pause is None or pause >= 0.0
