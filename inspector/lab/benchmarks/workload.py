"""Workloads for contestants: questions about parts, in the product's own words."""

from __future__ import annotations

from typing import Final, NamedTuple

from inspector.domain.declared import Reasoning, ViewName
from inspector.domain.prompts import ANSWER, DRAFT, WORDINGS, Question

PREAMBLE: Final = "This picture shows a part on a production line. Known defects: scratch.\n"
TEXTS: Final = tuple(wording.text.format(product="part") for wordings in WORDINGS.values() for wording in wordings)
TEMPERATURE: Final = 0.8


class Workload(NamedTuple):
    """`asks` questions about each of `parts` parts at once; `tokens` are sampled before each answer, 0 for none."""

    asks: int
    parts: int
    tokens: int = 0

    def questions(self) -> list[Question]:
        texts = [TEXTS[number % len(TEXTS)] for number in range(self.asks)]
        if not self.tokens:
            return [Question(ViewName.PARAPHRASE, text + ANSWER) for text in texts]
        return [
            Question(
                ViewName.DIRECT,
                TEXTS[0] + DRAFT,
                reasoning=Reasoning.DRAFT,
                temperature=TEMPERATURE,
                seed=seed,
                min_tokens=self.tokens,  # no contestant may answer earlier
                max_tokens=self.tokens,
            )
            for seed in range(self.asks)
        ]
