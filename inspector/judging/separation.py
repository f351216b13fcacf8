"""Builds the input on which two disagreeing answers must differ (S*, Li 2025, 2502.14382), and asks about it.

One vote says NG, another OK. What the first one claims is written as a report: a class and its region. If it is right,
the magnified region of the part differs from the same region of a golden sample by that defect; if it is wrong, it does
not. Both orders are asked, so that a preference for the first or the last picture cancels out, and the claim's own
question. Without a golden sample the region is asked about alone.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Final, NamedTuple

from inspector.domain.declared import ViewName
from inspector.domain.log_odds import expit, logit, mean
from inspector.domain.pipeline import Pipeline
from inspector.domain.prompts import REPORT_TOKENS, Pictures, claim_orders, report_request, separating_questions
from inspector.domain.report import BOX_GRID, Box, on_frame, read_words, report_schema
from inspector.domain.vote import Vote
from inspector.judging.part_pictures import PartPictures
from inspector.judging.report_writer import REPORT_START
from inspector.ports.engine import Answer, Engine, GeneratedText

REGION_MARK: Final = " in "  # between class and region of a claim's text


class DefectClaim(NamedTuple):
    """The defect that an NG answer claims, and its region of what the pictures show."""

    defect: str
    box: Box


class Separation:
    """The claim about one part, and the answers to what separates it from a good part."""

    def __init__(self, engine: Engine, pictures: PartPictures, pipeline: Pipeline) -> None:
        self._engine = engine
        self._pictures = pictures
        self._pipeline = pipeline

    async def write_claim(self) -> GeneratedText:
        """Let the model write what an NG answer claims. A verdict waits for it."""
        prefix = await self._pictures.prefix(Pictures.FRAME)
        schema, request = report_schema(self._pipeline), report_request(self._pipeline)
        return await self._engine.write(
            prefix, request, start=REPORT_START, max_tokens=REPORT_TOKENS, schema=schema, urgent=True
        )

    def read_claim(self, text: str) -> DefectClaim | None:
        """Return the claim; None where the text names no defect or no region."""
        found = read_words(text, self._pipeline).main
        return None if found is None or found.bbox_norm is None else DefectClaim(found.defect, found.bbox_norm)

    async def answers(self, claim: DefectClaim, pictures: Pictures) -> AsyncGenerator[Answer, None]:
        """Yield the answers to the claim's questions about its region, shown in this order."""
        await self._pictures.show_claim(claim.box)
        prefix = await self._pictures.prefix(pictures)
        asked = separating_questions(self._pipeline, claim.defect, pictures)
        async with aclosing(self._engine.ask(prefix, asked)) as answers:
            async for answer in answers:
                yield answer

    async def vote(self, rung: int, min_readable: float) -> Vote | None:
        """Return one vote from all answers, without its time; None where there is no claim to ask about."""
        text = await self.write_claim()
        claim = self.read_claim(text.text)
        if claim is None:
            return None
        orders = [
            [answer async for answer in self.answers(claim, pictures)] for pictures in claim_orders(self._pipeline)
        ]
        region = self._pictures.region
        about = claim_text(claim._replace(box=on_frame(claim.box, region)))
        return separating_vote(orders, about, rung, text.tokens, min_readable)


def claim_text(claim: DefectClaim) -> str:
    """Return a claim as the text of its vote: `scratch in [100, 200, 300, 400]`, on the grid of reports."""
    return f"{claim.defect}{REGION_MARK}{[round(edge * BOX_GRID) for edge in claim.box]}"


def claimed_defect(text: str) -> str:
    """Return the class that the text of a vote claims."""
    return text.rpartition(REGION_MARK)[0]


def separating_vote(
    orders: Sequence[Sequence[Answer]], about: str, rung: int, claim_tokens: int, min_readable: float
) -> Vote:
    """Combine the answers to both orders into one vote: the mean of the orders' mean log-odds.

    The vote is as readable as the least readable answer that it counts. An order without one leaves the vote
    unreadable: the other order alone would show the model's preference for a place.
    """
    answers = [answer for order in orders for answer in order]
    tokens = claim_tokens + sum(answer.tokens for answer in answers)
    readable = [[answer for answer in order if _is_read(answer, min_readable)] for order in orders]
    if not all(readable):
        least = min((answer.readable for answer in answers), default=0.0)
        return Vote(ViewName.SEPARATE, rung, None, tokens, text=about, readable=least)
    p_ng = expit(mean(mean(logit(answer.p_ng or 0.0) for answer in order) for order in readable))
    least = min(answer.readable for order in readable for answer in order)
    return Vote(ViewName.SEPARATE, rung, p_ng, tokens, text=about, readable=least)


def _is_read(answer: Answer, min_readable: float) -> bool:
    return answer.p_ng is not None and answer.readable >= min_readable
