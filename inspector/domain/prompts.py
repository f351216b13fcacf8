"""The prompts: each view turns a pipeline into the words of a question.

All text that reaches the model is written here, so that training, engine and prompt tests share it. The preamble comes
before the question and is the same for every view, so views share its key-value prefix (question last, FIELD section
1). A preamble ends with a newline and a question starts with a letter. Tokenising the two apart therefore gives the
same tokens as tokenising them together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple

from inspector.domain.declared import FRAME_VIEWS, Reasoning, ViewName
from inspector.domain.pipeline import REASONING_TOKENS, Pipeline, TokenLimits

YES: Final = ("Yes",)
NO: Final = ("No",)
VERDICT_CUE: Final = "Verdict:"


class Pictures(StrEnum):
    """The pictures that a view shows to the model. Views with the same pictures share a prefix."""

    FRAME = "frame"  # references (if the pipeline asks for any), then the frame
    COMPARE = "compare"  # one golden sample, then the frame
    ZOOM = "zoom"  # an enlarged detail of the frame, after the same detail of a golden sample where there is one
    SIMILAR = "similar"  # the good and the NG reviewed part that look most like the frame, then the frame
    DETAIL = "detail"  # an enlarged detail of the frame alone
    CLAIM = "claim"  # the detail that an NG answer claims, after the same detail of a golden sample where there is one
    CLAIM_FIRST = "claim_first"  # the same two pictures in the other order


PICTURES_OF: Final[dict[ViewName, Pictures]] = {
    **dict.fromkeys(FRAME_VIEWS, Pictures.FRAME),
    ViewName.COMPARE: Pictures.COMPARE,
    ViewName.ZOOM: Pictures.ZOOM,
    ViewName.SIMILAR: Pictures.SIMILAR,
    ViewName.SEPARATE: Pictures.CLAIM,
}
CLAIM_ORDERS: Final = (Pictures.CLAIM, Pictures.CLAIM_FIRST)
_GOLDEN_FIRST: Final = ("The first one", "the second one")


class Wording(NamedTuple):
    """A question without its ending, and the answers that mean NG and OK."""

    text: str
    ng: tuple[str, ...] = YES
    ok: tuple[str, ...] = NO


@dataclass(frozen=True, slots=True)
class Question:
    """One question to the model.

    `ng_words` and `ok_words` are the answers that mean NG and OK; the engine sums all their spellings. With `reasoning`
    other than none, the engine first samples text up to VERDICT_CUE. A text of fewer than `min_tokens` continues with
    WAIT; one of `max_tokens` is cut. With `asks_p_true`, P_TRUE_REQUEST follows the verdict and the engine also reads
    the probability of Yes there.

    The sampled text goes on from `begin`, which counts towards no limit. `switch_penalty`, in log-odds, makes words
    that begin another thought less likely while the present one is young (TIP, Wang 2025, 2501.18585).
    """

    view: ViewName
    text: str
    ng_words: tuple[str, ...] = YES
    ok_words: tuple[str, ...] = NO
    reasoning: Reasoning = Reasoning.NONE
    temperature: float = 0.0
    seed: int = 0
    max_tokens: int = 0
    min_tokens: int = 0
    asks_p_true: bool = False
    begin: str = ""
    switch_penalty: float = 0.0


PARAPHRASES: Final = (
    "Can you see any flaw or damage on this {product}?",
    "Look closely at the {product}. Does it deviate from a good one anywhere?",
    "Would a careful inspector reject this {product}?",
    "Is something wrong with the {product} in this picture?",
    "Are there visible faults on this {product}?",
    "Does this {product} have a defect of any kind?",
    "Is this {product} damaged, dirty, misprinted or incomplete?",
    "Should this {product} be taken off the line because of a defect?",
)
OPTIONS: Final = (  # both orders, so that a preference for one letter cancels out
    Wording("Which is true of this {product}? A: it is good. B: it has a defect.", ng=("B",), ok=("A",)),
    Wording("Which is true of this {product}? A: it has a defect. B: it is good.", ng=("A",), ok=("B",)),
)
REFUTE: Final = (
    Wording("Somebody says that this {product} is good. Is that wrong?"),
    Wording("Somebody says that this {product} has a defect. Is that wrong?", ng=NO, ok=YES),
)
WORDINGS: Final[Mapping[ViewName, tuple[Wording, ...]]] = {
    ViewName.PARAPHRASE: tuple(Wording(text) for text in PARAPHRASES),
    ViewName.INVERTED: (
        Wording("Is this {product} free of any defect?", ng=NO, ok=YES),
        Wording("Is this {product} as good as new everywhere?", ng=NO, ok=YES),
    ),
    ViewName.OPTIONS: OPTIONS,
    ViewName.REFUTE: REFUTE,
    ViewName.COMPARE: (
        Wording("Compared with the good {product}, does the second one show any defect?"),
        Wording("Does the second {product} differ from the good one by a defect?"),
    ),
    ViewName.ZOOM: (
        Wording("Does this detail of the {product} show any defect?"),
        Wording("Is there a flaw in this detail of the {product}?"),
    ),
    ViewName.SIMILAR: (
        Wording("Does the last {product} show a defect, as the second one does?"),
        Wording("Is the last {product} as good as the first one?", ng=NO, ok=YES),
    ),
}
ANSWER: Final = " Answer Yes or No."
LETTER: Final = " Answer A or B."
DRAFT: Final = f" Think in at most twelve words, then write '{VERDICT_CUE} Yes' or '{VERDICT_CUE} No'."
LETTER_DRAFT: Final = f" Think in at most twelve words, then write '{VERDICT_CUE} A' or '{VERDICT_CUE} B'."
COT: Final = f" Think step by step, then write '{VERDICT_CUE} Yes' or '{VERDICT_CUE} No'."
LETTER_COT: Final = f" Think step by step, then write '{VERDICT_CUE} A' or '{VERDICT_CUE} B'."
WAIT: Final = "Wait,"  # replaces an end of the reasoning that comes too soon
P_TRUE_REQUEST: Final = "Is that right?" + ANSWER
ENDINGS: Final[Mapping[Reasoning, str]] = {
    Reasoning.NONE: ANSWER,
    Reasoning.DRAFT: DRAFT,
    Reasoning.COT: COT,
    Reasoning.BUDGET: COT,
}
LETTER_ENDINGS: Final[Mapping[Reasoning, str]] = {
    Reasoning.NONE: LETTER,
    Reasoning.DRAFT: LETTER_DRAFT,
    Reasoning.COT: LETTER_COT,
    Reasoning.BUDGET: LETTER_COT,
}


def preamble(pipeline: Pipeline, pictures: Pictures) -> str:
    """Return the text between the pictures and the question; it ends with a newline."""
    if pictures in CLAIM_ORDERS:
        return _claim_preamble(pipeline, pictures)
    detail = f"This picture is an enlarged detail of a {pipeline.product} on a production line."
    introduction = {
        Pictures.FRAME: f"This picture shows a {pipeline.product} on a production line."
        if pipeline.references == 0
        else f"The last picture shows a {pipeline.product} on a production line; the ones before show good ones.",
        Pictures.COMPARE: f"The first picture shows a good {pipeline.product}. The second one is to be inspected.",
        Pictures.ZOOM: detail
        if not pipeline.golden_samples
        else f"The first picture shows an enlarged detail of a good {pipeline.product}. "
        "The second one shows the same detail of the one that is to be inspected.",
        Pictures.SIMILAR: f"Of three pictures, the first one shows a good {pipeline.product} and the second one a "
        "defective one, as people said. The last one is to be inspected.",
        Pictures.DETAIL: detail,
    }[pictures]
    return f"{introduction} Known defects: {', '.join(word(name) for name in pipeline.defects)}.\n"


def _claim_preamble(pipeline: Pipeline, pictures: Pictures) -> str:
    if not pipeline.golden_samples:
        return f"This picture is an enlarged detail of a {pipeline.product} on a production line.\n"
    first, second = ("The second one", "the first one") if pictures is Pictures.CLAIM_FIRST else _GOLDEN_FIRST
    same = f"Both pictures show the same enlarged detail of a {pipeline.product}."
    return f"{same} {first} shows a good one; {second} is to be inspected.\n"


def claim_orders(pipeline: Pipeline) -> tuple[Pictures, ...]:
    """Return the orders in which a claimed detail is shown: both, or the detail alone without golden samples."""
    return CLAIM_ORDERS if pipeline.golden_samples else CLAIM_ORDERS[:1]


def separating_questions(pipeline: Pipeline, defect: str, pictures: Pictures = Pictures.CLAIM) -> list[Question]:
    """List what separates a claimed defect from a good part; Yes is NG.

    These are the claim's own question and, next to a golden sample, whether only the part shows it.
    """
    claimed = word(defect) if defect in pipeline.defects else "defect"
    shown = "the first detail" if pictures is Pictures.CLAIM_FIRST else "the second detail"
    texts = [f"Is there a {claimed} on {shown}?", f"Does {shown} show a {claimed} that the other detail does not show?"]
    if not pipeline.golden_samples:
        texts = [f"Is there a {claimed} on this detail?"]
    return [Question(ViewName.SEPARATE, text + ANSWER) for text in texts]


def word(defect: str) -> str:
    """Return a defect class in plain words: `missing_hole` → "missing hole"."""
    return defect.replace("_", " ")


def questions(
    pipeline: Pipeline,
    view: ViewName,
    *,
    samples: int,
    reasoning: Reasoning,
    temperature: float,
    seed: int,
    limits: TokenLimits | None = None,
) -> list[Question]:
    """List the questions of one view in one rung.

    There are `samples` of them, all different where the view has more than one wording. A checklist has one question
    per item and counts as one vote. The one question of separate stands for those about a claim, which is not known
    yet. `limits` defaults to the limits of `reasoning`.
    """
    if view is ViewName.CHECKLIST:
        return [Question(view, text + ANSWER) for text in checklist(pipeline)]
    if view is ViewName.SEPARATE:
        return separating_questions(pipeline, "")[:1]
    wordings = _wordings(pipeline, view)
    if reasoning is Reasoning.NONE:
        samples, temperature = min(samples, len(wordings)), 0.0
    least, most = limits or REASONING_TOKENS[reasoning]
    ending = Question(
        view,
        (LETTER_ENDINGS if view is ViewName.OPTIONS else ENDINGS)[reasoning],
        reasoning=reasoning,
        temperature=temperature,
        max_tokens=most,
        min_tokens=least,
        asks_p_true=pipeline.asks_p_true,
    )
    return [_worded(ending, wordings[number % len(wordings)], number) for number in range(seed, seed + samples)]


def _worded(question: Question, wording: Wording, seed: int) -> Question:
    """Put a wording in front of a question that consists of its ending only."""
    text = wording.text + question.text
    return replace(question, text=text, ng_words=wording.ng, ok_words=wording.ok, seed=seed)


def checklist(pipeline: Pipeline) -> tuple[str, ...]:
    """Return the declared checklist, or one question per defect class. Yes means NG."""
    if pipeline.checklist:
        return pipeline.checklist
    return tuple(f"Is there a {word(name)} on this {pipeline.product}?" for name in pipeline.defects)


def _wordings(pipeline: Pipeline, view: ViewName) -> tuple[Wording, ...]:
    if view is ViewName.DIRECT:
        return (Wording(pipeline.question),)
    if view is ViewName.PARAPHRASE and pipeline.paraphrases:
        return tuple(Wording(text) for text in pipeline.paraphrases)
    return tuple(each._replace(text=each.text.format(product=pipeline.product)) for each in WORDINGS[view])


def report_request(pipeline: Pipeline) -> str:
    """Ask for the most important defect as one JSON object (boxes on Qwen's 0..1000 grid)."""
    classes = ", ".join(pipeline.defects)
    return (
        f'Report the most important defect as JSON with the keys "defect" (one of: {classes}), "severity" '
        '(critical, major or minor), "bbox_2d" ([x0, y0, x1, y1]) and "description" (one short sentence).'
    )


REPORT_TOKENS: Final = 96  # limit of one report
LOCATE_REQUEST: Final = 'Point at the most suspicious region as JSON with the key "bbox_2d" ([x0, y0, x1, y1]).'
LOCATE_TOKENS: Final = 32  # limit of one located box


def golden_preamble(pipeline: Pipeline, count: int) -> str:
    """Return the text after `count` golden samples that are shown without a frame; it ends with a newline."""
    pictures = "This picture shows" if count == 1 else f"These {count} pictures show"
    classes = ", ".join(word(name) for name in pipeline.defects)
    return f"{pictures} a good {pipeline.product} on a production line. Known defects: {classes}.\n"


def checklist_request(pipeline: Pipeline) -> str:
    """Ask for one question about each defect class, as a JSON object."""
    return (
        f"Write the questions that an inspector asks about this {pipeline.product}, as JSON with the keys "
        f"{', '.join(pipeline.defects)}. Under each key stands one short question about that defect, which names where "
        f"on this {pipeline.product} it would be. It ends with '?', and its answer is Yes where the defect is there "
        f"and No on a good {pipeline.product}."
    )


CHECKLIST_ITEM_TOKENS: Final = 64  # limit per written question
