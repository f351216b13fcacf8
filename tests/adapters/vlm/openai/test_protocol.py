"""What the openai engine sends to a server, and how it reads what comes: against a server that answers as told."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from support.chat_server import YES as SAID_YES
from support.chat_server import Body, Canned, chat_server, choice, completion, in_turn
from support.served import (
    DIRECT,
    INVERTED,
    PICTURE,
    PREAMBLE,
    REPORT,
    START,
    answers,
    card,
    draft,
    engine_of,
    loaded,
    written,
)

from inspector.domain.declared import Reasoning, ViewName
from inspector.domain.prompts import P_TRUE_REQUEST, Question
from inspector.domain.report import BOX_SCHEMA
from inspector.errors import ModelError
from inspector.ports.engine import Answer, Picture


async def test_pictures_stand_first_as_they_are_and_the_question_last() -> None:
    async with engine_of(lambda _: SAID_YES) as (engine, server):
        await answers(engine, [DIRECT])
    (message,) = server.asked[0]["messages"]
    picture, text = message["content"]
    kind, _, encoded = picture["image_url"]["url"].partition(",")
    assert (message["role"], kind) == ("user", "data:image/jpeg;base64")
    assert base64.b64decode(encoded) == PICTURE.data
    assert text == {"type": "text", "text": PREAMBLE + DIRECT.text}


async def test_a_direct_vote_reads_one_token_and_its_alternatives() -> None:
    async with engine_of(lambda _: SAID_YES) as (engine, server):
        await answers(engine, [DIRECT])
    sent = {key: value for key, value in server.asked[0].items() if key != "messages"}
    read = {"max_tokens": 1, "temperature": 0.0, "logprobs": True, "top_logprobs": 20}
    assert sent == {"model": "tiny", "top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0, **read}


async def test_every_view_of_a_part_begins_with_the_same_bytes() -> None:
    async with engine_of(lambda _: SAID_YES) as (engine, server):
        prefix = await engine.open([PICTURE, Picture(PICTURE.data)], PREAMBLE)
        assert len([answer async for answer in engine.ask(prefix, [DIRECT, INVERTED, draft(1)])]) == 3
    shown = [body["messages"][0]["content"] for body in server.asked]
    assert len(shown) >= 3
    assert all(content[:-1] == shown[0][:-1] and len(content) == 3 for content in shown)
    assert all(content[-1]["text"].startswith(PREAMBLE) for content in shown)


async def test_the_card_says_what_the_model_is_called_and_what_else_is_sent() -> None:
    async with chat_server() as server:
        server.pages["/v1/models"] = Canned({"data": [{"id": "lamps-v2"}]})
        engine = await loaded(card(server.url, model="lamps-v2", extra={"chat_template_kwargs": {"thinking": False}}))
        await answers(engine, [DIRECT])
    assert server.asked[0]["model"] == "lamps-v2"
    assert server.asked[0]["chat_template_kwargs"] == {"thinking": False}
    assert "top_k" not in server.asked[0]


async def test_questions_in_the_same_words_are_one_request_read_in_many_ways() -> None:
    letters = [Question(ViewName.OPTIONS, "Which? Answer A, B or C.", (each,), ("A", "B", "C")) for each in "ABC"]
    script = in_turn(completion(choice({"B": 0.5, "A": 0.3, "C": 0.2})))
    async with engine_of(script) as (engine, server):
        found = await answers(engine, letters)
    assert len(server.asked) == 1
    assert [answer.p_ng for answer in found] == [pytest.approx(s / (1 + s)) for s in (0.3, 0.5, 0.2)]


async def test_drafts_in_the_same_words_are_samples_of_one_request() -> None:
    async with engine_of(drafting) as (engine, server):
        found = await answers(engine, [draft(7), draft(8), draft(9, "Another wording."), draft(10)])
    sent = sorted((body["n"], body["seed"], body["temperature"], body["max_tokens"]) for body in server.asked)
    assert sent == [(1, 9, 0.8, 13), (3, 7, 0.8, 13)]
    assert {body["top_p"] for body in server.asked} == {1.0}
    assert [answer.p_ng for answer in found] == [pytest.approx(0.75)] * 4


async def test_no_request_asks_for_more_samples_than_the_card_allows() -> None:
    async with engine_of(drafting, max_n=2) as (engine, server):
        assert len(await answers(engine, [draft(seed) for seed in range(5)])) == 5
    assert sorted((body["seed"], body["n"]) for body in server.asked) == [(0, 2), (2, 2), (4, 1)]


def drafting(body: Body) -> Canned:
    return completion(
        *(choice("It", " shines.", " Verdict", ":", {" Yes": 0.6, " No": 0.2}, "!") for _ in range(body["n"]))
    )


async def test_drafts_without_chance_are_asked_for_one_by_one() -> None:
    async with engine_of(drafting) as (engine, server):
        assert len(await answers(engine, [replace(draft(seed), temperature=0.0) for seed in range(2)])) == 2
    assert [body["n"] for body in server.asked] == [1, 1]


async def test_a_server_that_gives_one_sample_only_is_asked_again() -> None:
    one = completion(choice("Verdict", ":", {" No": 0.9, " Yes": 0.1}))
    async with engine_of(lambda _: one) as (engine, server):
        found = await answers(engine, [draft(3), draft(4), draft(5)])
    assert [(body["n"], body["seed"]) for body in server.asked] == [(3, 3), (2, 4), (1, 5)]
    assert [answer.p_ng for answer in found] == [pytest.approx(0.1)] * 3


@pytest.mark.parametrize(
    ("shares", "p_ng", "why"),
    [
        ({"No": 0.4, "Yes": 0.2, " yes": 0.1, "YES": 0.1, "Yesterday": 0.2}, 0.5, "spellings count together"),
        ({"Yes": 0.3, "yes": 0.1, "Based": 0.6}, 1.0, "one side is enough"),
        ({"The": 0.9, "Yes": 0.04, "No": 0.04}, None, "it says something else"),
        ({"Yes": 1.0, "No": 1e-30}, 1.0, "certain is certain"),
    ],
)
async def test_the_share_of_ng_is_read_as_every_engine_reads_it(
    shares: dict[str, float], p_ng: float | None, why: str
) -> None:
    async with engine_of(lambda _: completion(choice(shares))) as (engine, _):
        (answer,) = await answers(engine, [DIRECT])
    assert answer.p_ng == (None if p_ng is None else pytest.approx(p_ng)), why
    assert (answer.tokens, answer.text) == (1, next(iter(shares)))


async def test_the_probability_of_other_words_is_doubt() -> None:
    async with engine_of(lambda _: completion(choice({"是": 0.92, "No": 0.07}))) as (engine, _):
        (answer,) = await answers(engine, [DIRECT])
    assert answer.p_ng == pytest.approx(0.0)
    assert answer.readable == pytest.approx(0.07)


@pytest.mark.parametrize("nonsense", [0.5, 1e300, "NaN", "Infinity", '"-0.1"', "null", "true", "[-0.1]"])
async def test_a_nonsense_log_probability_is_the_servers_fault(nonsense: object) -> None:
    said = json.dumps(SAID_YES.body).replace(json.dumps(math.log(0.9)), str(nonsense))
    async with engine_of(lambda _: Canned(said)) as (engine, server):
        with pytest.raises(ModelError, match=f"{server.url} sent log probabilities that are none") as caught:
            await answers(engine, [DIRECT])
    assert len(str(caught.value)) < 400


async def test_more_probability_than_there_is_is_the_servers_fault() -> None:
    async with engine_of(lambda _: completion(choice({"Yes": 0.9, "No": 0.9}))) as (engine, _):
        with pytest.raises(ModelError, match="log probabilities that are none"):
            await answers(engine, [DIRECT])


async def test_different_tokens_that_a_server_writes_the_same_count_together() -> None:
    said = choice({"No": 0.5, "Yes": 0.3})
    said["logprobs"]["content"][0]["top_logprobs"].append({"token": "Yes", "logprob": -1.6094379})
    async with engine_of(lambda _: completion(said)) as (engine, _):
        (answer,) = await answers(engine, [DIRECT])
    assert answer.p_ng == pytest.approx(0.5)


async def test_yes_means_ok_where_the_question_is_inverted() -> None:
    async with engine_of(lambda _: SAID_YES) as (engine, _):
        direct, inverted = await answers(engine, [DIRECT, INVERTED])
    assert [direct.p_ng, inverted.p_ng] == pytest.approx([0.9, 0.1])


async def test_an_answer_that_ends_at_once_is_unreadable() -> None:
    async with engine_of(lambda _: completion(choice())) as (engine, _):
        assert await answers(engine, [DIRECT]) == [Answer(0, None, 1, "", readable=0.0)]


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        (("I", " see", " Verdict", ":", {" Yes": 0.6, " No": 0.2}, " Verdict", ":", " No"), "I see Verdict:"),
        (("Verdict", ":", " ", {"Yes": 0.6, "No": 0.2}), "Verdict:"),
        (("Verdict:", {"Yes": 0.6, "No": 0.2}), "Verdict:"),
        (("verdict", ":", " **", {"Yes": 0.6, "No": 0.2}, "**"), "verdict:"),
        (
            ("<think>", "Verdict: No", "</think>", "Verdict:", {"Yes": 0.6, "No": 0.2}),
            "<think>Verdict: No</think>Verdict:",
        ),
        (("'Verdict:", " No'?", " Verdict:", {" Yes": 0.6, " No": 0.2}), "'Verdict: No'? Verdict:"),
    ],
    ids=["the first of two", "after a blank token", "without a space", "in bold", "behind a thought", "not the quoted"],
)
async def test_the_verdict_of_a_draft_is_read_after_its_cue(tokens: Sequence[Any], text: str) -> None:
    async with engine_of(lambda _: completion(choice(*tokens))) as (engine, server):
        (answer,) = await answers(engine, [draft(0)])
    assert answer.p_ng == pytest.approx(0.75)
    assert answer.text == text
    assert answer.tokens == next(place for place, token in enumerate(tokens) if isinstance(token, dict))
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("said", "continued"),
    [
        ("It shines", "It shines Verdict:"),
        ("It shines.\n", "It shines.\nVerdict:"),
        ("", "Verdict:"),
        ("<think>Verdict: No? It", "<think>Verdict: No? It\n</think>\n\nVerdict:"),
        ("<think>It</think> shines", "<think>It</think> shines Verdict:"),
    ],
)
async def test_a_draft_without_a_verdict_is_made_to_give_it(said: str, continued: str) -> None:
    script = in_turn(completion(choice("x", text=said)), completion(choice({" Yes": 0.3, " No": 0.1})))
    async with engine_of(script) as (engine, server):
        (answer,) = await answers(engine, [draft(0)])
    assert answer.p_ng == pytest.approx(0.75)
    assert answer.text == continued
    assert server.asked[1]["messages"][1] == {"role": "assistant", "content": continued}
    assert (server.asked[1]["continue_final_message"], server.asked[1]["add_generation_prompt"]) == (True, False)
    assert (server.asked[1]["max_tokens"], server.asked[1]["temperature"]) == (1, 0.0)


async def test_where_the_server_can_not_continue_such_a_draft_is_unreadable() -> None:
    script = in_turn(completion(choice("It", " shines")))
    async with engine_of(script, answers_begin="plain") as (engine, _):
        assert await answers(engine, [draft(0)]) == [Answer(0, None, 2, "It shines", readable=0.0)]


def budget(least: int, most: int = 12) -> Question:
    return replace(draft(7), reasoning=Reasoning.BUDGET, min_tokens=least, max_tokens=most)


@pytest.mark.parametrize("echo", ["", "It shines. Wait,"], ids=["only what is new", "with what it was given"])
async def test_a_thought_that_ends_too_soon_goes_on_with_wait_in_place_of_its_end(echo: str) -> None:
    verdict = choice(" it", " is", " glare", ".", " Verdict", ":", {" Yes": 0.6, " No": 0.2})
    verdict["message"]["content"] = echo + verdict["message"]["content"]
    script = in_turn(
        completion(choice("It", " shines", ".", " Verdict", ":", {" No": 0.9, " Yes": 0.1})), completion(verdict)
    )
    async with engine_of(script) as (engine, server):
        (answer,) = await answers(engine, [budget(5)])
    assert answer.p_ng == pytest.approx(0.75)
    assert (answer.text, answer.tokens) == ("It shines. Wait, it is glare. Verdict:", 3 + 2 + 6)
    first, more = server.asked
    assert "continue_final_message" not in first
    assert more["messages"][1] == {"role": "assistant", "content": "It shines. Wait,"}
    assert (more["continue_final_message"], more["add_generation_prompt"]) == (True, False)
    assert (more["n"], more["max_tokens"], more["seed"]) == (1, 12 - 5 + 1, 7 + 5)


async def test_a_thought_is_kept_going_as_often_as_it_has_to_and_then_made_to_give_its_verdict() -> None:
    script = in_turn(*(completion(choice("Yes")) for _ in range(3)), completion(choice({" Yes": 0.3, " No": 0.1})))
    async with engine_of(script) as (engine, server):
        (answer,) = await answers(engine, [budget(6)])
    assert answer.text == "Yes Wait,Yes Wait,Yes Verdict:"
    assert answer.p_ng == pytest.approx(0.75)
    assert [body["max_tokens"] for body in server.asked] == [13, 10, 7, 1]


async def test_a_thought_that_is_long_enough_is_left_alone() -> None:
    said = choice("It", " shines", ".", " Verdict", ":", {" Yes": 0.6, " No": 0.2})
    async with engine_of(lambda _: completion(said)) as (engine, server):
        (answer,) = await answers(engine, [budget(3)])
    assert answer.text == "It shines. Verdict:"
    assert len(server.asked) == 1


@pytest.mark.parametrize("begin", ["schema", "plain"])
async def test_a_server_that_can_not_continue_is_no_place_for_a_least_length(begin: str) -> None:
    async with engine_of(drafting, answers_begin=begin) as (engine, server):
        with pytest.raises(ModelError, match=r"can't go on with a thought.*reasoning: cot.*answers_begin: prefill"):
            await answers(engine, [budget(3)])
        assert len(await answers(engine, [replace(draft(1), reasoning=Reasoning.COT)])) == 1
    assert len(server.asked) == 1


@pytest.mark.parametrize("begin", ["prefill", "plain"])
async def test_whether_a_verdict_is_right_is_one_more_request_in_the_same_conversation(begin: str) -> None:
    script = in_turn(completion(choice({"No": 0.9, "Yes": 0.1})), completion(choice({" yes": 0.6, "No": 0.2})))
    async with engine_of(script, answers_begin=begin) as (engine, server):
        (answer,) = await answers(engine, [replace(DIRECT, asks_p_true=True)])
    assert [answer.p_ng, answer.p_true] == pytest.approx([0.1, 0.75])
    assert (answer.text, answer.tokens) == ("No", 2)
    first, doubt = server.asked
    assert doubt["messages"] == [
        *first["messages"],
        {"role": "assistant", "content": "No"},
        {"role": "user", "content": P_TRUE_REQUEST},
    ]
    assert "continue_final_message" not in doubt
    assert {**doubt, "messages": 0} == {**first, "messages": 0}


async def test_whether_a_draft_is_right_is_asked_after_all_that_was_said() -> None:
    script = in_turn(
        completion(choice("It", " shines", " Verdict", ":", {" Yes": 0.6, " No": 0.2})),
        completion(choice({"The": 0.99, "Yes": 0.01})),
    )
    async with engine_of(script) as (engine, server):
        (answer,) = await answers(engine, [replace(draft(0), asks_p_true=True)])
    assert server.asked[1]["messages"][1] == {"role": "assistant", "content": "It shines Verdict: Yes"}
    assert answer.p_ng == pytest.approx(0.75)
    assert (answer.p_true, answer.tokens) == (None, 5)


async def test_a_verdict_that_can_not_be_read_is_not_asked_whether_it_is_right() -> None:
    async with engine_of(lambda _: completion(choice({"The": 0.99}))) as (engine, server):
        (answer,) = await answers(engine, [replace(DIRECT, asks_p_true=True)])
    assert (answer.p_ng, answer.p_true, len(server.asked)) == (None, None, 1)


@pytest.mark.parametrize("echo", ["", START], ids=["only what is new", "with what it was given"])
async def test_words_begin_as_told_whether_the_server_repeats_that_or_not(echo: str) -> None:
    async with engine_of(lambda _: completion(choice(text=echo + 'glare"}'))) as (engine, server):
        assert await written(engine) == '{"defect": "glare"}'
    (body,) = server.asked
    assert body["messages"][0]["content"][-1]["text"] == PREAMBLE + REPORT
    assert body["messages"][1] == {"role": "assistant", "content": START}
    assert (body["continue_final_message"], body["add_generation_prompt"]) == (True, False)
    assert (body["max_tokens"], body["temperature"], "logprobs" in body) == (20, 0.0, False)


async def test_words_without_a_start_are_a_plain_answer() -> None:
    async with engine_of(lambda _: completion(choice(text="A lamp."))) as (engine, server):
        assert await written(engine, "") == "A lamp."
    assert len(server.asked[0]["messages"]) == 1
    assert "continue_final_message" not in server.asked[0]


async def test_the_tokens_of_words_are_those_the_server_counts() -> None:
    async with engine_of(lambda _: completion(choice(text="A lamp."))) as (engine, _):
        prefix = await engine.open([PICTURE], PREAMBLE)
        assert (await engine.write(prefix, REPORT, start="", max_tokens=20)).tokens == 7
        assert prefix.tokens == 100


@pytest.mark.parametrize(
    "usage",
    [
        None,
        [],
        {"prompt_tokens": None, "completion_tokens": -1},
        {"prompt_tokens": "many", "completion_tokens": 10**12},
        {"prompt_tokens": math.inf, "completion_tokens": True},
    ],
)
async def test_counts_that_are_none_cost_no_answer(usage: object) -> None:
    """The ledger could not store them."""
    said = completion(choice(text="A lamp."))
    assert isinstance(said.body, dict)
    async with engine_of(lambda _: replace(said, body=said.body | {"usage": usage})) as (engine, _):
        prefix = await engine.open([PICTURE], PREAMBLE)
        text, tokens = await engine.write(prefix, REPORT, start="", max_tokens=20)
    assert (text, prefix.tokens) == ("A lamp.", 0)
    assert tokens in (0, 1)


async def test_a_server_that_keeps_to_schemas_is_given_one() -> None:
    said = completion(choice(text='{"bbox_2d": […'))
    async with engine_of(lambda _: said, answers_begin="schema") as (engine, server):
        assert await written(engine, '{"bbox_2d": [', BOX_SCHEMA) == '{"bbox_2d": […'
        assert await written(engine, "{") == '{"bbox_2d": […'
    held, free = server.asked
    schema = held["response_format"]["json_schema"]["schema"]
    assert schema == BOX_SCHEMA
    assert schema["properties"]["bbox_2d"]["items"] == {"type": "integer", "minimum": 0, "maximum": 1000}
    assert len(held["messages"]) == 1
    assert "response_format" not in free


@pytest.mark.parametrize("begin", ["prefill", "plain"])
async def test_a_server_that_keeps_to_none_is_given_none(begin: str) -> None:
    said = completion(choice(text='{"bbox_2d": […'))
    async with engine_of(lambda _: said, answers_begin=begin) as (engine, server):
        assert await written(engine, '{"bbox_2d": [', BOX_SCHEMA) == '{"bbox_2d": […'
    assert "response_format" not in server.asked[0]


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ('{ "defect":\t"glare",\n"bbox_2d": [1,2, 3,4] }', '{"defect": "glare", "bbox_2d": [1, 2, 3, 4]}'),
        ('{ "defect": "gla', START + '{ "defect": "gla'),
        ('{"note": 1}', START + '{"note": 1}'),
        ("[" * 50_000, START + "[" * 50_000),
    ],
    ids=["spaced otherwise", "cut off", "about something else", "too deep"],
)
async def test_json_begins_as_told_however_the_server_spaces_it(said: str, text: str) -> None:
    async with engine_of(lambda _: completion(choice(text=said)), answers_begin="schema") as (engine, _):
        assert await written(engine) == text


async def test_a_server_that_can_do_neither_gets_the_request_alone() -> None:
    async with engine_of(lambda _: completion(choice(text='glare"}')), answers_begin="plain") as (engine, server):
        assert await written(engine) == '{"defect": "glare"}'
    assert len(server.asked[0]["messages"]) == 1
    assert "response_format" not in server.asked[0]
