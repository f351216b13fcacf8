"""What counts as a verdict in a model's text, and what its probabilities say."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.adapters.vlm.openai.responses import Alternative, Token, read_token, up_to_cue, verdict
from inspector.adapters.vlm.verdict import MARKUP, UNREAD, begins_cue, find_cue, read_verdict, spellings
from inspector.domain.prompts import NO, YES

THOUGHTS = st.text(alphabet=st.sampled_from("ab \n.:'\"`*“”是否VerdictYesNo"), max_size=80)
OTHER_WORDS = ("是", "否", "はい", "いいえ", "Ja", "Nein", "Oui", "Non", "Sí", "да", "нет", "नहीं", "Yesterday", "")


def said_after_cue(text: str) -> str | None:
    cue = find_cue(text)
    return text[cue.end :].strip(" *\n") if cue else None


@pytest.mark.parametrize(
    ("text", "said", "why"),
    [
        ("I see it. Verdict: Yes", "Yes", "as asked"),
        ("I see it. verdict: no", "no", "in small letters"),
        ("VERDICT: NO", "NO", "in capitals"),
        ("Verdict: **No**", "No", "a bold verdict"),
        ("**Verdict:** No", "No", "a bold cue"),
        ("**Verdict**: No", "No", "a bold word before the colon"),
        ("Verdict : No", "No", "French spacing"),
        ("Verdict：No", "No", "a full-width colon"),
        ("Final verdict: Yes", "Yes", "a word before it"),
        ("It's 5\" wide. Verdict: No", "No", "neither an apostrophe nor inches quote anything"),
        ("I am to write 'Verdict: Yes' or 'Verdict: No'.\nVerdict: No", "No", "the task in single quotes"),
        ('The task says "write Verdict: Yes or Verdict: No". Verdict: No', "No", "the task in double quotes"),
        ("`Verdict: Yes` would be wrong. Verdict: No", "No", "the task as code"),
        ("„Verdict: Yes“ heißt Fehler. Verdict: No", "No", "German quotes"),
        ("「Verdict: Yes」は不良です。Verdict: No", "No", "Japanese quotes"),
        ("« Verdict: Yes » non. Verdict: No", "No", "French quotes"),
        ("<think>Verdict: Yes? No.</think>\n\nVerdict: No", "No", "a closed thought"),
        ("Verdict: Yes? Let me look again.</think>Verdict: No", "No", "a thought that the template began"),
        ("<think>a</think>b<think>Verdict: Yes</think>Verdict: No", "No", "two thoughts"),
        ("<think>Verdict: Yes", None, "a thought that never ends"),
        ("Verdicts: Yes", None, "another word"),
        ("The verdict is Yes", None, "no colon"),
        ("'Verdict: Yes'", None, "nothing but a quotation"),
        ("", None, "nothing"),
    ],
)
def test_the_verdict_follows_the_first_cue_of_the_answer(text: str, said: str | None, why: str) -> None:
    found = said_after_cue(text)
    assert (found.split("\n")[0].strip("*") if found is not None else None) == said, why


@pytest.mark.parametrize("quote", ["'", '"', "`", "“”", "‘’", "«»", "「」", "『』"])
@given(words=st.text(alphabet="abc ", max_size=20))
def test_a_quoted_cue_announces_nothing(quote: str, words: str) -> None:
    assert find_cue(f"x {quote[0]}a {words}Verdict: Yes{quote[-1]} y") is None


@given(THOUGHTS)
def test_whatever_a_thought_holds_the_verdict_behind_it_is_found(thought: str) -> None:
    text = f"<think>{thought}</think>\nVerdict: No"
    cue = find_cue(text)
    assert cue is not None
    assert text[cue.start :] == "Verdict: No"
    assert find_cue(f"<think>{thought}") is None


@given(THOUGHTS)
def test_a_text_up_to_its_cue_ends_in_one_cue_that_is_found_again(text: str) -> None:
    said = up_to_cue(text)
    cue = find_cue(said)
    assert cue is None or cue.end == len(said)
    if find_cue(text) is not None:
        assert text.startswith(said)
        assert begins_cue(said)


@given(THOUGHTS, st.integers(1, 6))
def test_where_a_text_is_cut_into_tokens_does_not_move_its_verdict(thought: str, size: int) -> None:
    text = f"{thought}\nVerdict: **No**"
    cut = [text[at : at + size] for at in range(0, len(text), size)]
    place, cue = verdict([Token(token=each) for each in cut]), find_cue(text)
    assert cue is not None
    assert place is not None or len(cut[-1]) > 0
    if place is not None:
        assert sum(map(len, cut[:place])) >= cue.end


@given(
    st.dictionaries(
        st.sampled_from(("Yes", " No", "no", *OTHER_WORDS)) | st.text(max_size=4), st.floats(1e-6, 1.0), min_size=1
    )
)
def test_words_in_other_languages_are_doubt_and_never_an_answer(weights: dict[str, float]) -> None:
    total = math.fsum(weights.values())
    token = Token(
        token="x",
        top_logprobs=tuple(Alternative(token=word, logprob=math.log(each / total)) for word, each in weights.items()),
    )
    p_ng, readable = read_token(token, YES, NO)
    known = math.fsum(each for word, each in weights.items() if word.strip(MARKUP) in spellings((*YES, *NO)))
    assert readable == pytest.approx(known / total)
    assert p_ng is None or 0.0 <= p_ng <= 1.0


@pytest.mark.parametrize("shares", [(math.nan, 0.5), (0.5, math.nan), (math.nan, math.nan)])
def test_a_probability_that_is_no_number_is_unread(shares: tuple[float, float]) -> None:
    assert read_verdict(*shares) == UNREAD


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_the_sides_and_the_doubt_share_all_probability(first: float, second: float) -> None:
    ng, ok = first, (1.0 - first) * second
    reading = read_verdict(ng, ok)
    assert reading.readable == pytest.approx(ng + ok)
    assert reading.p_ng is None or reading.p_ng * reading.readable == pytest.approx(ng)
