"""The words of a question: one prefix for all views, different wordings for different votes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.declarations import a_pipeline, pipelines

from inspector.domain.declared import JOINT_VIEWS, Reasoning, ViewName
from inspector.domain.pipeline import P_TRUE_VERSION, REASONING_TOKENS, REASONING_VERSION, Pipeline, TokenLimits
from inspector.domain.prompts import (
    COT,
    LETTER_COT,
    NO,
    P_TRUE_REQUEST,
    PARAPHRASES,
    PICTURES_OF,
    VERDICT_CUE,
    WAIT,
    YES,
    Pictures,
    Question,
    checklist,
    preamble,
    questions,
    report_request,
)

PIPELINE = a_pipeline()


def ask(view: ViewName, *, samples: int = 1, reasoning: Reasoning = Reasoning.NONE, seed: int = 0) -> list[Question]:
    return questions(PIPELINE, view, samples=samples, reasoning=reasoning, temperature=0.7, seed=seed)


@given(pipelines(), st.sampled_from(Pictures))
def test_a_preamble_ends_with_a_line_of_its_own(pipeline: Pipeline, pictures: Pictures) -> None:
    text = preamble(pipeline, pictures)
    assert text.endswith(".\n")
    assert text.count("\n") == 1
    assert pipeline.product in text


@given(
    pipelines(), st.sampled_from(ViewName), st.integers(1, 16), st.sampled_from(Reasoning), st.integers(0, 2**32 - 1)
)
def test_every_question_can_follow_the_shared_prefix(
    pipeline: Pipeline, view: ViewName, samples: int, reasoning: Reasoning, seed: int
) -> None:
    asked = questions(pipeline, view, samples=samples, reasoning=reasoning, temperature=0.8, seed=seed)
    assert asked
    for question in asked:
        assert question.view is view
        assert question.text == question.text.strip()
        assert "\n" not in question.text
        assert "{" not in question.text
        assert {question.ng_words, question.ok_words} in ({YES, NO}, {("A",), ("B",)})


@given(pipelines(), st.sampled_from(ViewName), st.integers(1, 16), st.integers(0, 99))
def test_without_reasoning_no_wording_is_asked_twice(
    pipeline: Pipeline, view: ViewName, samples: int, seed: int
) -> None:
    asked = questions(pipeline, view, samples=samples, reasoning=Reasoning.NONE, temperature=0.8, seed=seed)
    assert len({question.text for question in asked}) == len(asked)
    assert view is ViewName.CHECKLIST or len(asked) <= samples


@given(st.sampled_from([view for view in ViewName if view not in JOINT_VIEWS]), st.integers(1, 16))
def test_with_reasoning_every_sample_is_drawn_from_its_own_seed(view: ViewName, samples: int) -> None:
    asked = ask(view, samples=samples, reasoning=Reasoning.DRAFT)
    assert len({question.seed for question in asked}) == samples
    assert all(question.temperature == 0.7 and question.max_tokens > 0 for question in asked)
    assert all(VERDICT_CUE in question.text for question in asked)


@pytest.mark.parametrize("reasoning", [Reasoning.COT, Reasoning.BUDGET])
def test_thoughts_end_with_their_cue_and_an_answer_of_their_view(reasoning: Reasoning) -> None:
    (direct,), (options,) = (ask(view, reasoning=reasoning) for view in (ViewName.DIRECT, ViewName.OPTIONS))
    assert direct.text.endswith("Think step by step, then write 'Verdict: Yes' or 'Verdict: No'.")
    assert options.text.endswith("Think step by step, then write 'Verdict: A' or 'Verdict: B'.")


@pytest.mark.parametrize("reasoning", Reasoning)
def test_limits_are_those_of_the_kind_unless_others_are_given(reasoning: Reasoning) -> None:
    (question,) = ask(ViewName.DIRECT, reasoning=reasoning)
    assert (question.min_tokens, question.max_tokens) == REASONING_TOKENS[reasoning]
    (question,) = questions(
        PIPELINE, ViewName.DIRECT, samples=1, reasoning=reasoning, temperature=0, seed=0, limits=TokenLimits(3, 5)
    )
    assert (question.min_tokens, question.max_tokens) == (3, 5)


def test_every_view_with_votes_of_its_own_is_asked_whether_it_is_right_where_the_pipeline_weighs_by_that() -> None:
    weighing = a_pipeline(count="weighted", settle={"weight_by": "p_true"})
    for view in ViewName:
        asked = questions(weighing, view, samples=2, reasoning=Reasoning.NONE, temperature=0, seed=0)
        assert {question.asks_p_true for question in asked} == {view not in JOINT_VIEWS}
        assert not any(question.asks_p_true for question in ask(view))


def test_words_that_are_no_part_of_a_models_fingerprint_change_only_with_their_version() -> None:
    """Who changes one of them raises its version, so that lines that ask it have to be qualified again."""
    assert (REASONING_VERSION, COT, LETTER_COT, WAIT) == (
        "thoughts/1",
        " Think step by step, then write 'Verdict: Yes' or 'Verdict: No'.",
        " Think step by step, then write 'Verdict: A' or 'Verdict: B'.",
        "Wait,",
    )
    assert (P_TRUE_VERSION, P_TRUE_REQUEST) == ("p_true/2", "Is that right? Answer Yes or No.")


def test_without_reasoning_nothing_is_sampled() -> None:
    (question,) = ask(ViewName.DIRECT)
    assert (question.text, question.temperature, question.max_tokens) == (
        "Is there any defect on this circuit board? Answer Yes or No.",
        0.0,
        0,
    )


def test_only_the_inverted_view_means_ok_by_yes() -> None:
    for view in ViewName:
        assert all((question.ok_words == YES) == (view is ViewName.INVERTED) for question in ask(view))


def test_the_seed_turns_the_wordings() -> None:
    first, second = ask(ViewName.PARAPHRASE, seed=0), ask(ViewName.PARAPHRASE, seed=1)
    assert first[0].text != second[0].text
    assert len({ask(ViewName.PARAPHRASE, seed=seed)[0].text for seed in range(8)}) == len(PARAPHRASES)


def test_declared_wordings_replace_ours() -> None:
    pipeline = a_pipeline(paraphrases=["Is it broken?"], checklist=["Is a hole missing?", "Do traces touch?"])
    asked = questions(pipeline, ViewName.PARAPHRASE, samples=8, reasoning=Reasoning.NONE, temperature=0, seed=3)
    assert [question.text for question in asked] == ["Is it broken? Answer Yes or No."]
    assert checklist(pipeline) == ("Is a hole missing?", "Do traces touch?")


def test_without_a_checklist_every_class_is_an_item() -> None:
    assert checklist(PIPELINE) == ("Is there a short on this circuit board?",
                                   "Is there a missing hole on this circuit board?")  # fmt: skip


@pytest.mark.parametrize("view", ViewName)
def test_every_view_has_pictures_and_every_picture_a_preamble(view: ViewName) -> None:
    assert preamble(PIPELINE, PICTURES_OF[view])


def test_references_are_distinguished_from_the_frame() -> None:
    with_references = a_pipeline(references=1, golden_samples=["a.png"])
    assert "The last picture" in preamble(with_references, Pictures.FRAME)
    assert "The last picture" not in preamble(PIPELINE, Pictures.FRAME)


def test_the_report_asks_for_declared_classes_only() -> None:
    assert "one of: short, missing_hole)" in report_request(PIPELINE)


def test_options_come_in_both_orders() -> None:
    asked = questions(PIPELINE, ViewName.OPTIONS, samples=2, reasoning=Reasoning.NONE, temperature=0, seed=0)
    assert {question.ng_words for question in asked} == {("A",), ("B",)}
    assert all(question.text.endswith(" Answer A or B.") for question in asked)


def test_both_sides_are_refuted() -> None:
    asked = questions(PIPELINE, ViewName.REFUTE, samples=2, reasoning=Reasoning.NONE, temperature=0, seed=0)
    assert {question.ng_words for question in asked} == {YES, NO}
