"""The wording of MMAD's questions. Pure.

As in the benchmark: the inspector's role, the template as a normal sample, the query picture, then one question with
lettered options, without earlier answers. The engine puts pictures first, and questions after the text that they share.
Worded anew for that order, or in the benchmark's own sentences (Jiang et al., ICLR 2025: those of its code that shows
pictures first), so that figures compare. Drafts and trust are not of the benchmark; they are asked in our words.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Final

from inspector.domain.declared import Reasoning, ViewName
from inspector.domain.prompts import NO, VERDICT_CUE, YES, Question
from inspector.lab.evaluation.mmad.items import Item, MmadWording
from inspector.text import printable

ROLE: Final = "You are an industrial inspector who checks products by their pictures. "
NO_TEMPLATE: Final = "The picture is the query. "
TEMPLATE: Final = "The first picture is a normal sample, a template to compare with; the last picture is the query. "
TEMPLATES: Final = (
    "The first {count} pictures are normal samples, templates to compare with; the last picture is the query. "
)
KNOWLEDGE: Final = "About the object and its possible defects: {text} "
TASK: Final = "Judge whether the query picture shows a defect, and answer the question about it.\n"
DIRECT: Final = "Answer with the letter of the right option directly."
OFFICIAL_ROLE: Final = (
    "You are an industrial inspector who checks products by images. You should judge whether there is a defect in the "
    "query image and answer the questions about it.\nAnswer with the option's letter from the given choices directly.\n"
)
OFFICIAL_TEMPLATES: Final = "The first {count} image is the normal sample, which can be used as a template to compare."
OFFICIAL_KNOWLEDGE: Final = (
    "Following is the domain knowledge which contains some types of defect and the normal object characteristics:\n"
)
OFFICIAL_QUERY: Final = "The last image is the query imageFollowing is the question list: \n"  # no space there either
DRAFT: Final = f"Think in at most twelve words, then write '{VERDICT_CUE}' and the letter of the right option."
TRUST: Final = "Somebody answers: {answer}\nIs this answer right? Answer Yes or No."
DRAFT_TOKENS: Final = 24
SAMPLED_TOKENS: Final = 32  # at most, of a sampled answer
TEMPERATURE: Final = 0.8


def preamble(item: Item) -> str:
    """The text that all questions about one picture share; ends with a newline."""
    if item.wording is MmadWording.OFFICIAL:
        return _official_preamble(item)
    knowledge = KNOWLEDGE.format(text=_plain(item.knowledge)) if item.knowledge else ""
    return ROLE + _shown(len(item.templates)) + knowledge + TASK


def _shown(templates: int) -> str:
    if templates == 0:
        return NO_TEMPLATE
    return TEMPLATE if templates == 1 else TEMPLATES.format(count=templates)


def _official_preamble(item: Item) -> str:
    """Where the benchmark shows pictures first, as it does for models behind an API."""
    shown = OFFICIAL_TEMPLATES.format(count=len(item.templates)) if item.templates else ""
    knowledge = f"{OFFICIAL_KNOWLEDGE}{_plain(item.knowledge)}\n" if item.knowledge else ""
    return OFFICIAL_ROLE + knowledge + shown + OFFICIAL_QUERY


def direct(item: Item) -> str:
    """The request for the letter alone. In the benchmark's wording it stands before the question."""
    return _asked(item) + ("\n" if item.wording is MmadWording.OFFICIAL else DIRECT)


def letter_readings(item: Item) -> list[Question]:
    """One question per option on the same logits: that letter against all others."""
    return [
        Question(ViewName.OPTIONS, direct(item), (letter,), tuple(other for other in item.letters if other != letter))
        for letter in item.letters
    ]


def draft(item: Item, seed: int) -> Question:
    """A sampled draft that ends with the cue; the letter follows it."""
    return Question(
        ViewName.OPTIONS,
        drafted(item),
        item.letters[:1],
        item.letters[1:],
        reasoning=Reasoning.DRAFT,
        temperature=TEMPERATURE,
        seed=seed,
        max_tokens=DRAFT_TOKENS,
    )


def sampled(item: Item, seed: int) -> Question:
    """The letter itself, sampled: no draft comes before it."""
    return replace(draft(item, seed), text=direct(item), max_tokens=SAMPLED_TOKENS)


def drafted(item: Item) -> str:
    """The request for a short draft, the cue and the letter."""
    return _asked(item) + DRAFT


def trust(item: Item, answer: str) -> Question:
    """The question whether the model's own answer is right (P(True)); No counts as NG."""
    return Question(ViewName.OPTIONS, _asked(item) + TRUST.format(answer=_plain(answer)), NO, YES)


def question_key(item: Item, fingerprint: str) -> str:
    """16 hex digits that identify everything the answers depend on: the model, the pictures' names, all wording."""
    texts = (fingerprint, *item.templates, item.picture, preamble(item), direct(item), drafted(item), TRUST)
    return hashlib.sha256(json.dumps((*texts, DRAFT_TOKENS, TEMPERATURE)).encode()).hexdigest()[:16]


def _asked(item: Item) -> str:
    options = (f"{letter}. {_plain(text)}\n" for letter, text in zip(item.letters, item.options, strict=True))
    space = " " if item.wording is MmadWording.OFFICIAL else ""
    return f"Question: {_plain(item.question)}{space}\n{''.join(options)}"


def _plain(text: str) -> str:
    """The text as one line without control tokens: a model reads `<|…|>` as a picture or the end of its turn."""
    return " ".join(printable(text).replace("<|", "< |").split())
