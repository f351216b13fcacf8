"""Ways people may ask: pipelines and questions in many words, so that the model learns the meaning, not a sentence.

The service's own wordings come from inspector.view; those here stand for what other people will write into a
pipeline. None of the held-out wordings of `measure` may be added here.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from inspector.pipeline import Pipeline, Rung, Severity, ViewName
from inspector.products import PRODUCTS

NAMES: Final = {
    "washer": ("washer", "steel washer", "metal washer", "turned ring"),
    "board": ("board", "circuit board", "bare board", "PCB"),
    "cap": ("cap", "bottle cap", "plastic cap", "printed cap"),
}
ANY_NAMES: Final = ("part", "product", "item", "workpiece", "piece", "component")
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
)
DEFECT_WORDS: Final = ("defect", "flaw", "fault", "anomaly", "problem", "error", "damage", "blemish", "irregularity")
BAD: Final = (
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
)
GOOD: Final = ("good", "perfect", "flawless", "intact", "clean", "complete", "as it should be", "acceptable", "normal")
DETERMINERS: Final = ("this", "the", "this", "the shown")
ENDINGS: Final = (
    " Answer Yes or No.",
    " Answer Yes or No.",
    " Yes or No?",
    " Reply with Yes or No.",
    " Answer with Yes or No only.",
    "",
)
KNOWN_ELSEWHERE: Final = ("hole", "rust", "bubble", "bent_lead", "chip", "wear", "fray", "break", "spot", "tear")


def free_question(rng: np.random.Generator, product: str) -> tuple[str, bool]:
    """A question as anybody might put it, and whether Yes means NG."""
    yes_is_ng = bool(rng.random() < 0.6)
    core = pick(rng, NG_QUESTIONS if yes_is_ng else OK_QUESTIONS)
    opener = pick(rng, OPENERS) if rng.random() < 0.25 else ""
    words = {
        "p": product,
        "the": pick(rng, DETERMINERS),
        "d": pick(rng, DEFECT_WORDS),
        "bad": pick(rng, BAD),
        "bad2": pick(rng, BAD),
        "good": pick(rng, GOOD),
        "good2": pick(rng, GOOD),
    }
    return (opener + core).format(**words) + pick(rng, ENDINGS), yes_is_ng


def random_pipeline(rng: np.random.Generator, product: str, references: int = 0) -> Pipeline:
    """A declaration of this drawn product as some factory might write it."""
    name = pick(rng, NAMES[product]) if rng.random() < 0.85 else pick(rng, ANY_NAMES)
    return Pipeline(
        line=product,
        product=name,
        question=declared_question(rng, name),
        defects=_declared_defects(rng, product),
        references=references,
        golden_samples=("golden",) * max(1, references),
        ladder=(Rung(views=(ViewName.DIRECT,)),),
    )


def declared_question(rng: np.random.Generator, name: str) -> str:
    """A pipeline's question: Yes means NG."""
    if rng.random() < 0.35:
        return f"Is there any defect on this {name}?{'' if rng.random() < 0.3 else ' Answer Yes or No.'}"
    while True:
        text, yes_is_ng = free_question(rng, name)
        if yes_is_ng:
            return text


def _declared_defects(rng: np.random.Generator, product: str) -> dict[str, Severity]:
    """The product's classes, in the usual or any order, now and then with one it can't have."""
    classes = list(PRODUCTS[product].defects.items())
    if rng.random() < 0.3:
        classes.append((pick(rng, KNOWN_ELSEWHERE), Severity.MINOR))
    if rng.random() < 0.4:
        classes = [classes[k] for k in rng.permutation(len(classes))]
    return dict(classes)


def pick(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[int(rng.integers(len(choices)))]
