"""Varied wordings of pipelines and questions, so that the model learns the meaning and not single sentences.

The service's own wordings are in `inspector.domain.prompts`. The wordings here represent what users write into a
pipeline. HELD_OUT_WORDINGS of `checkpoint_evaluator` must not appear here.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from inspector.domain.cameras import ANY_CAMERA, CameraSettings
from inspector.domain.declared import Severity, ViewName
from inspector.domain.pipeline import Pipeline, Rung
from inspector.lab.synthetic import PRODUCTS

PRODUCT_NAMES: Final = {
    "washer": ("washer", "steel washer", "metal washer", "turned ring"),
    "board": ("board", "circuit board", "bare board", "PCB"),
    "cap": ("cap", "bottle cap", "plastic cap", "printed cap"),
}
GENERIC_NAMES: Final = ("part", "product", "item", "workpiece", "piece", "component")
OPENERS: Final = (
    "Look closely at the picture. ",
    "You are a quality inspector. ",
    "Examine the {p} carefully. ",
    "Check every area. ",
    "Inspect it now. ",
    "This is a quality check. ",
    "Please take your time. ",
)
NG_QUESTIONS: Final = (
    "Is there any {d} on {the} {p}?",
    "Is there a {d} anywhere on {the} {p}?",
    "Does {the} {p} have a {d}?",
    "Does {the} {p} show any {d}?",
    "Can you find a {d} on {the} {p}?",
    "Do you see a {d} on {the} {p}?",
    "Do you notice any {d}?",
    "Is a {d} visible on {the} {p}?",
    "Are there any {d}s on {the} {p}?",
    "Has {the} {p} been damaged?",
    "Is {the} {p} {bad}?",
    "Is {the} {p} {bad} or {bad2}?",
    "Does {the} {p} look {bad}?",
    "Does anything look wrong with {the} {p}?",
    "Is anything wrong here?",
    "Must {the} {p} be rejected?",
    "Should we reject {the} {p}?",
    "Should {the} {p} be sorted out?",
    "Is there a reason to reject {the} {p}?",
    "Would you scrap {the} {p}?",
    "Does {the} {p} fail the inspection?",
    "Does {the} {p} differ from a perfect one?",
    "Is {the} {p} an NG part?",
    "Tell me whether {the} {p} has a {d}.",
    "Decide whether {the} {p} is {bad}.",
    "Does the surface show a {d}?",
    "Is the surface of {the} {p} {bad} anywhere?",
    "Could {the} {p} disappoint its buyer?",
    "Would a buyer send {the} {p} back?",
    "Might somebody object to {the} {p}?",
    "Would you raise a warning about {the} {p}?",
    "Should the line stop because of {the} {p}?",
    "Does {the} {p} need repair?",
    "Must {the} {p} be reworked or thrown away?",
    "Is any {d} present?",
    "Is one {d} or more present on {the} {p}?",
    "Are one or more {d}s visible in this image?",
    "Does the image of {the} {p} contain a {d}?",
    "Does this photo show a {bad} {p}?",
    "Has something happened to {the} {p} that should not have?",
    "Did something go wrong when {the} {p} was made?",
    "Was a mistake made in making {the} {p}?",
    "Is some place on {the} {p} {bad}?",
    "Is any part of {the} {p} different from the design?",
    "Does some area of {the} {p} look {bad}?",
    "Do you detect a {d} in this image?",
    "Do you recognise any {d} here?",
    "Does a {d} appear anywhere?",
    "Can a {d} be found on {the} {p}?",
    "Can dirt, damage or a {d} be made out?",
    "Is there something foreign on {the} {p}?",
    "Is anything on {the} {p} that does not belong there?",
    "Is something missing from {the} {p} or added to it?",
    "Is {the} {p} worse than it should be?",
    "Does {the} {p} violate the specification?",
    "Would you put {the} {p} into the reject bin?",
    "Ought {the} {p} to be kept back?",
    "Will the customer be unhappy with {the} {p}?",
    "Would anybody complain about a {p} like this one?",
    "Might this {p} come back as a complaint?",
    "Does {the} {p} need to be set apart from the others?",
    "Shall {the} {p} be put aside?",
    "Should an operator be called because of {the} {p}?",
    "Is an alarm due here?",
    "Must a warning be given about {the} {p}?",
    "Do you spot anything {bad}?",
    "Do you spot a {d} in this photo of {the} {p}?",
    "Do {d}s appear in this picture?",
    "Does any {d} appear on the surface of {the} {p}?",
    "Is there at least one {d}?",
    "Is one area of {the} {p} not as the drawing wants it?",
    "Does {the} {p} look other than it was designed to look?",
    "Is {the} {p} unlike what its designer wanted?",
    "Has something gone wrong in producing {the} {p}?",
    "Went the production of {the} {p} wrong at some place?",
    "Is dirt or damage to be seen on {the} {p}?",
    "Is {the} {p} contaminated or damaged somewhere?",
    "Is there something on {the} {p} that ought not to be there?",
    "Are there things in this picture that should not be on a {p}?",
    "Is rework needed on {the} {p}?",
    "Could {the} {p} cause trouble later?",
    "Would you refuse to buy {the} {p}?",
    "Does {the} {p} fall short of the standard?",
    "Is the quality of {the} {p} too low?",
    "Are there reasons to doubt {the} {p}?",
    "Can any {d} be seen in the image?",
    "Do you find {d}s, large or small?",
    "Is even one small {d} visible?",
    "Should {the} {p} be held back for a closer look?",
)
OK_QUESTIONS: Final = (
    "Is {the} {p} {good}?",
    "Is {the} {p} {good} and {good2}?",
    "Does {the} {p} look {good}?",
    "Is {the} {p} without any {d}?",
    "Is {the} {p} free of {d}s?",
    "Is everything fine with {the} {p}?",
    "Is everything in order here?",
    "Can we accept {the} {p}?",
    "Can {the} {p} be shipped?",
    "Would you let {the} {p} pass?",
    "Should {the} {p} pass the inspection?",
    "Does {the} {p} meet the quality standard?",
    "Is {the} {p} an OK part?",
    "Is the surface {good} everywhere?",
    "Tell me whether {the} {p} is {good}.",
    "Does {the} {p} satisfy the specification?",
    "Would a buyer be happy with {the} {p}?",
    "May {the} {p} go on to packing?",
    "Is every area of {the} {p} {good}?",
    "Is nothing wrong with {the} {p}?",
    "Was {the} {p} made correctly?",
    "Would the customer be content with {the} {p}?",
    "Is {the} {p} as its designer wanted it?",
    "Can {the} {p} leave the factory as it is?",
    "Did production of {the} {p} go well?",
    "Are there no {d}s in this image of {the} {p}?",
    "Is the quality of {the} {p} high enough?",
    "Is this image one of a {good} {p}?",
    "Would you buy {the} {p}?",
)
DEFECT_WORDS: Final = (
    "defect",
    "flaw",
    "fault",
    "anomaly",
    "problem",
    "error",
    "damage",
    "blemish",
    "irregularity",
    "imperfection",
    "deviation",
    "mark",
    "nonconformity",
    "contamination",
    "defective spot",
)
BAD_WORDS: Final = (
    "defective",
    "damaged",
    "faulty",
    "flawed",
    "bad",
    "broken",
    "dirty",
    "incomplete",
    "abnormal",
    "not good",
    "contaminated",
    "spoilt",
    "out of specification",
    "badly made",
)
GOOD_WORDS: Final = (
    "good",
    "perfect",
    "flawless",
    "intact",
    "clean",
    "complete",
    "as it should be",
    "acceptable",
    "normal",
)
TYPO_SHARE: Final = 0.25  # share of free questions with typos
DETERMINERS: Final = ("this", "the", "this", "the shown")
ENDINGS: Final = (
    " Answer Yes or No.",
    " Answer Yes or No.",
    " Yes or No?",
    " Reply with Yes or No.",
    " Answer with Yes or No only.",
    "",
)
FOREIGN_DEFECTS: Final = ("hole", "rust", "bubble", "bent_lead", "chip", "wear", "fray", "break", "spot", "tear")


def free_question(rng: np.random.Generator, product: str) -> tuple[str, bool]:
    """Return a question in random wording, and whether Yes means NG."""
    yes_is_ng = bool(rng.random() < 0.7)
    core = pick(rng, NG_QUESTIONS if yes_is_ng else OK_QUESTIONS)
    opener = pick(rng, OPENERS) if rng.random() < 0.25 else ""
    words = {
        "p": product,
        "the": pick(rng, DETERMINERS),
        "d": pick(rng, DEFECT_WORDS),
        "bad": pick(rng, BAD_WORDS),
        "bad2": pick(rng, BAD_WORDS),
        "good": pick(rng, GOOD_WORDS),
        "good2": pick(rng, GOOD_WORDS),
    }
    text = (opener + core).format(**words)
    return (_with_typos(rng, text) if rng.random() < TYPO_SHARE else text) + pick(rng, ENDINGS), yes_is_ng


def _with_typos(rng: np.random.Generator, text: str) -> str:
    """Drop one letter in one or two words.

    The model then reads unknown words by their pieces instead of guessing.
    """
    words = text.split(" ")
    for _ in range(int(rng.integers(1, 3))):
        at = int(rng.integers(len(words)))
        if len(words[at]) > 3:
            cut = int(rng.integers(1, len(words[at]) - 1))
            words[at] = words[at][:cut] + words[at][cut + 1 :]
    return " ".join(words)


def random_pipeline(rng: np.random.Generator, product: str, references: int = 0) -> Pipeline:
    """Return a declaration of this product as a user might write it."""
    name = pick(rng, PRODUCT_NAMES[product]) if rng.random() < 0.85 else pick(rng, GENERIC_NAMES)
    return Pipeline(
        line=product,
        cameras={ANY_CAMERA: CameraSettings()},
        product=name,
        question=declared_question(rng, name),
        defects=_declared_defects(rng, product),
        references=references,
        golden_samples=("golden",) * max(1, references),
        ladder=(Rung(views=(ViewName.DIRECT,)),),
    )


def declared_question(rng: np.random.Generator, name: str) -> str:
    """Return a pipeline's question; Yes means NG."""
    if rng.random() < 0.35:
        return f"Is there any defect on this {name}?{'' if rng.random() < 0.3 else ' Answer Yes or No.'}"
    while True:
        text, yes_is_ng = free_question(rng, name)
        if yes_is_ng:
            return text


def _declared_defects(rng: np.random.Generator, product: str) -> dict[str, Severity]:
    """Return the product's classes in default or random order, sometimes with a class of another product."""
    classes = list(PRODUCTS[product].defects.items())
    if rng.random() < 0.3:
        classes.append((pick(rng, FOREIGN_DEFECTS), Severity.MINOR))
    if rng.random() < 0.4:
        classes = [classes[k] for k in rng.permutation(len(classes))]
    return dict(classes)


def pick(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    """Return a random choice."""
    return choices[int(rng.integers(len(choices)))]
