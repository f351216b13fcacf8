"""Thoughts that are kept going or cut, and verdicts that are held to be right: against whole prompts, one at a time,
through the model's own `forward`."""

from __future__ import annotations

import functools
from dataclasses import replace

import pytest
from support import tiny_model
from support.tiny_model import DIRECT, DRAFT, INVERTED, LONGER, PREAMBLE, card, engine, lamp
from support.vlm_answers import answers, same
from support.whole_prompt import WholePrompt

from inspector.adapters.vlm.fingerprint import wording
from inspector.adapters.vlm.transformers.chat_template import ChatTemplate
from inspector.adapters.vlm.transformers.checkpoint import load_checkpoint
from inspector.adapters.vlm.transformers.decoding import CUE_MAX_TOKENS, MARKUP_MAX_TOKENS, AnswerDecoder
from inspector.adapters.vlm.verdict import MARKUP, find_cue
from inspector.domain.declared import Reasoning, ViewName
from inspector.domain.prompts import COT, LETTER_COT, NO, P_TRUE_REQUEST, VERDICT_CUE, WAIT, YES, Question
from inspector.domain.prompts import DRAFT as ENDING
from inspector.domain.thoughts import SWITCH_WINDOW_TOKENS, SWITCH_WORDS
from inspector.ports.engine import Answer

ONE = (lamp(0.55),)
READ = (
    Question(ViewName.DIRECT, DIRECT, asks_p_true=True),
    Question(ViewName.PARAPHRASE, LONGER, asks_p_true=True),
    Question(ViewName.INVERTED, INVERTED, NO, YES, asks_p_true=True),
)
CHECKED = Question(ViewName.CHECKLIST, "Glare? Answer Yes or No.")
GREEDY = Question(ViewName.DIRECT, DRAFT, reasoning=Reasoning.DRAFT, max_tokens=16, asks_p_true=True)
LIMITS = [(1, 40), (12, 40), (39, 40), (20, 20), (40, 64)]


def budget(least: int, most: int, seed: int = 0, temperature: float = 1.0) -> Question:
    return Question(
        ViewName.DIRECT,
        DRAFT,
        reasoning=Reasoning.BUDGET,
        temperature=temperature,
        seed=seed,
        max_tokens=most,
        min_tokens=least,
    )


@functools.cache
def reference() -> WholePrompt:
    return WholePrompt(load_checkpoint(card(), tiny_model.folder() / "tiny"), card())


async def one(question: Question) -> Answer:
    (answer,) = await answers(engine(), ONE, [question])
    return answer


def test_words_that_the_model_did_not_choose_are_read_in_one_forward() -> None:
    loaded = load_checkpoint(card(), tiny_model.folder() / "tiny")
    chat = ChatTemplate(loaded.tokenizer, loaded.model.config.image_token_id, loaded.end_tokens)
    draft, (chosen, *_) = AnswerDecoder(0, budget(1, 1), chat), chat.encode("a")
    draft.take(chosen)
    assert draft.next == [chosen]
    assert not draft.at_verdict
    draft.take(chosen)
    assert draft.next == chat.encode(f" {VERDICT_CUE}")
    assert len(draft.next) > 1
    assert draft.at_verdict


def decoder_of(question: Question) -> tuple[AnswerDecoder, ChatTemplate]:
    loaded = load_checkpoint(card(), tiny_model.folder() / "tiny")
    chat = ChatTemplate(loaded.tokenizer, loaded.model.config.image_token_id, loaded.end_tokens)
    return AnswerDecoder(0, question, chat), chat


def test_markup_before_a_verdict_is_read_over() -> None:
    decoder, chat = decoder_of(budget(0, 40))
    for token in chat.encode("verdict:"):
        assert not decoder.at_verdict
        decoder.take(token)
    assert decoder.at_verdict
    [bold], [letter] = chat.encode("*"), chat.encode("N")
    assert not decoder.skip(letter)
    assert [decoder.skip(bold) for _ in range(MARKUP_MAX_TOKENS + 1)] == [True] * MARKUP_MAX_TOKENS + [False]


def test_a_quoted_cue_does_not_end_a_thought() -> None:
    decoder, chat = decoder_of(budget(0, 200))
    for token in chat.encode("Is it 'Verdict: Yes'? "):
        decoder.take(token)
        assert not decoder.at_verdict
    for token in chat.encode("Verdict:"):
        decoder.take(token)
    assert decoder.at_verdict


@pytest.mark.parametrize("least", [8, 12, 30])
async def test_the_verdict_of_a_thought_that_was_kept_going_is_read_after_all_of_it(least: int) -> None:
    forced = budget(least, 48, temperature=0.0)
    answer = await one(forced)
    assert f" {WAIT}" in answer.text
    assert answer.p_ng == pytest.approx(reference().share_of_ng(ONE, PREAMBLE, forced, answer.text), abs=1e-4)


async def test_up_to_where_it_is_kept_going_a_thought_is_as_it_would_have_been() -> None:
    free, forced = await one(budget(1, 48, temperature=0.0)), await one(budget(12, 48, temperature=0.0))
    assert forced.text.startswith(f"{free.text.removesuffix(f' {VERDICT_CUE}')} {WAIT}")


@pytest.mark.parametrize(("least", "most"), LIMITS)
@pytest.mark.parametrize("seed", range(6))
async def test_a_thought_keeps_to_its_limits(least: int, most: int, seed: int) -> None:
    answer = await one(budget(least, most, seed))
    said = answer.text.rstrip(MARKUP)
    announced = find_cue(said)  # none where a stray quotation mark was never closed
    assert announced is None or announced.end == len(said)
    assert said.endswith(VERDICT_CUE)
    cue = len(tiny_model.engine()._chat.encode(f" {VERDICT_CUE}"))
    assert least <= answer.tokens - cue <= most + MARKUP_MAX_TOKENS
    assert cue <= CUE_MAX_TOKENS


async def test_a_thought_without_a_least_length_is_a_draft_of_its_own_cap() -> None:
    thought = replace(budget(0, 30, seed=5), reasoning=Reasoning.COT)
    assert await one(thought) == await one(replace(thought, reasoning=Reasoning.DRAFT))
    assert WAIT not in (await one(thought)).text


async def test_a_thought_follows_its_seed_in_any_company() -> None:
    thoughts = [replace(budget(*limits, seed), asks_p_true=seed % 2 == 0) for seed in range(4) for limits in LIMITS]
    together = await answers(engine(), ONE, thoughts)
    mixed = await answers(engine(), ONE, [*READ, CHECKED, *reversed(thoughts)])
    assert same(together, [replace(await one(each), index=place) for place, each in enumerate(thoughts)])
    assert [answer.text for answer in mixed[: len(READ) : -1]] == [answer.text for answer in together]
    assert len({answer.text for answer in together}) > len(LIMITS)


@pytest.mark.parametrize("brightness", [0.05, 0.55, 0.95])
async def test_whether_a_verdict_is_right_is_read_after_the_whole_conversation(brightness: float) -> None:
    pictures = (lamp(brightness), lamp(0.3))
    found = await answers(engine(), pictures, [CHECKED, *READ])
    assert found[0].p_true is None
    for question, answer in zip(READ, found[1:], strict=True):
        assert answer.p_ng is not None
        said = (question.ng_words if answer.p_ng > 0.5 else question.ok_words)[0]
        assert answer.p_true == pytest.approx(reference().p_true(pictures, PREAMBLE, question, said), abs=1e-4)


async def test_whether_a_draft_is_right_is_read_after_the_draft_and_its_verdict() -> None:
    answer = await one(GREEDY)
    assert answer.p_ng is not None
    said = f"{answer.text} {'Yes' if answer.p_ng > 0.5 else 'No'}"
    assert answer.p_true == pytest.approx(reference().p_true(ONE, PREAMBLE, GREEDY, said), abs=1e-4)


async def test_whether_it_is_right_changes_nothing_of_an_answer_but_a_token_more() -> None:
    asked = [*READ, GREEDY, replace(GREEDY, temperature=1.0, seed=3)]
    doubted = await answers(engine(), ONE, asked)
    plain = await answers(engine(), ONE, [replace(question, asks_p_true=False) for question in asked])
    assert all(answer.p_true is not None for answer in doubted)
    assert same([replace(each, p_true=None, tokens=each.tokens - 1) for each in doubted], plain)


async def test_a_verdict_that_can_not_be_read_is_not_asked_whether_it_is_right() -> None:
    odd = Question(ViewName.DIRECT, DIRECT, ("lamp",), ("light",), asks_p_true=True)
    answer = await one(odd)
    assert (answer.p_ng, answer.p_true) == (None, None)


def test_no_model_is_another_one_because_lines_may_think_or_doubt() -> None:
    """Else every line of every model would have to be qualified again."""
    assert any(ENDING in sentence for sentence in wording())
    assert not any(words in sentence for words in (COT, LETTER_COT, P_TRUE_REQUEST) for sentence in wording())


async def test_a_short_question_beside_a_long_one_has_room_for_all_of_its_thought() -> None:
    """All rows of a batch take as many columns as the longest question."""
    long = Question(ViewName.CHECKLIST, f"{'Is there any glare on this lamp? ' * 12}Answer Yes or No.")
    short = budget(40, 40)
    assert same((await answers(engine(), ONE, [long, short]))[1:], [replace(await one(short), index=1)])


async def test_a_thought_goes_on_from_its_given_beginning_as_it_went_on_by_itself() -> None:
    whole = await one(budget(20, 40, temperature=0.0))
    begin = whole.text[: whole.text.index(f" {WAIT}")]
    written = len(engine()._chat.encode(begin))
    rest = await one(replace(budget(20 - written, 40 - written, temperature=0.0), begin=begin))
    assert rest.text == whole.text
    assert rest.tokens == whole.tokens - written
    assert rest.p_ng == pytest.approx(whole.p_ng, abs=1e-5)


def test_another_thought_is_less_likely_only_where_a_young_thought_might_end() -> None:
    decoder, chat = decoder_of(replace(budget(0, 200), switch_penalty=3.0))
    held = frozenset(chat.first_tokens(SWITCH_WORDS))
    assert decoder.penalty is None, "the first thought is no other one"
    for token in chat.encode("It shines."):
        decoder.take(token)
    assert decoder.penalty is not None
    assert (frozenset(decoder.penalty.tokens), decoder.penalty.log_odds) == (held, 3.0)
    (inside, *_) = chat.encode("a")
    decoder.take(inside)
    assert decoder.penalty is None, "a word inside a sentence begins nothing"
    (stop,) = chat.encode(".")
    for _ in range(SWITCH_WINDOW_TOKENS):
        decoder.take(inside)
    decoder.take(stop)
    assert decoder.penalty is None, "an old thought may be left"
    decoder.take(next(iter(held)))
    decoder.take(stop)
    assert decoder.penalty is not None, "the next thought is young again"
