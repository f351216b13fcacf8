"""Ask a model MMAD's questions through the engine's port: only those that a strategy needs and the vote file lacks.

The port compares two groups of words. The letters of a question are therefore read as one such comparison per option,
all in one batch behind the same prefix. The letter of a drafted answer is written after its draft. Computes no scores.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final, NamedTuple

from inspector.domain.prompts import VERDICT_CUE, Question
from inspector.errors import InspectorError, PictureError
from inspector.lab.evaluation.mmad.items import Item
from inspector.lab.evaluation.mmad.letter_strategy import LetterStrategy
from inspector.lab.evaluation.mmad.letter_votes import AnswerKind, LetterVote, VoteFile
from inspector.lab.evaluation.mmad.prompt import (
    direct,
    draft,
    drafted,
    letter_readings,
    preamble,
    question_key,
    sampled,
    trust,
)
from inspector.lab.evaluation.stopwatch import ms_since
from inspector.ports.engine import Answer, Engine, Picture, Prefix

WRITTEN_TOKENS: Final = 32  # at most, of a written answer
LETTER_TOKENS: Final = 4  # at most, of the letter after a draft


class _RawAnswer(NamedTuple):
    """The result of one call, before it becomes a vote."""

    text: str = ""
    draft: str = ""
    tokens: int = 0
    shares: dict[str, float] | None = None


class AnswerCollector:
    """Collects one model's answers to a set of questions."""

    def __init__(self, engine: Engine, root: Path, strategies: Sequence[LetterStrategy], votes: VoteFile) -> None:
        self._engine = engine
        self._root = root
        self._strategies = strategies
        self._votes = votes

    async def run(self, items: Sequence[Item], report: Callable[[int], None]) -> None:
        """Answer all questions, picture by picture; calls `report` with the number of finished questions.

        The questions about one picture are asked at once: the engine reads them side by side.
        """
        done = 0
        for picture, group in groupby(items, lambda item: item.picture):
            questions = list(group)
            unanswered = [item for item in questions if not self._is_answered(item)]
            if unanswered:
                await self._answer_picture(picture, unanswered)
            done += len(questions)
            report(done)

    def votes(self, item: Item, strategy: LetterStrategy) -> Sequence[LetterVote]:
        """The votes that this strategy uses."""
        return strategy.used(self._collected(item, strategy))

    def _collected(self, item: Item, strategy: LetterStrategy) -> list[LetterVote]:
        return self._votes.of(self._key(item), strategy.kind)

    def _key(self, item: Item) -> str:
        return question_key(item, self._engine.fingerprint)

    def _is_answered(self, item: Item) -> bool:
        collected = ((strategy, self._collected(item, strategy)) for strategy in self._strategies)
        return not any(strategy.next_votes(votes) or strategy.distrusted(votes) for strategy, votes in collected)

    async def _answer_picture(self, picture: str, items: Sequence[Item]) -> None:
        paths = (*items[0].templates, picture)
        pictures = [await asyncio.to_thread(_picture, self._root / path) for path in paths]
        try:
            prefix = await self._engine.open(pictures, preamble(items[0]))
        except PictureError as error:
            raise PictureError(f"{', '.join(paths)}: {error}; unpack that data set again") from error
        try:
            outcomes = await asyncio.gather(*(self._answer(prefix, item) for item in items), return_exceptions=True)
        finally:
            await self._engine.close(prefix)
        fault = next(filter(None, outcomes), None)
        if fault is not None:
            raise fault

    async def _answer(self, prefix: Prefix, item: Item) -> None:
        for strategy in self._strategies:
            await self._satisfy(prefix, item, strategy)

    async def _satisfy(self, prefix: Prefix, item: Item, strategy: LetterStrategy) -> None:
        """Collect votes until the strategy needs no more."""
        while count := strategy.next_votes(collected := self._collected(item, strategy)):
            started = time.perf_counter()
            answers = await self._ask(prefix, item, strategy.kind, len(collected), count)
            ms = ms_since(started) / count
            for number, answer in enumerate(answers, start=len(collected)):
                fields = answer._asdict()
                self._votes.add(
                    LetterVote(question=self._key(item), kind=strategy.kind, number=number, ms=ms, **fields)
                )
        await self._ask_trust(prefix, item, strategy.distrusted(collected))

    async def _ask(self, prefix: Prefix, item: Item, kind: AnswerKind, first: int, count: int) -> list[_RawAnswer]:
        """At most `count` answers; one only if asking again would give the same."""
        if kind is AnswerKind.READ:
            return [_RawAnswer(shares=shares(await self._answers(prefix, letter_readings(item)), item.letters))]
        if kind is AnswerKind.WRITTEN:
            text, tokens = await self._engine.write(prefix, direct(item), start="", max_tokens=WRITTEN_TOKENS)
            return [_RawAnswer(text, tokens=tokens)]
        seed = int(self._key(item), 16) + first
        if kind is AnswerKind.SAMPLED:
            answers = await self._answers(prefix, [sampled(item, seed + place) for place in range(count)])
            return [_RawAnswer(each.text.rstrip().removesuffix(VERDICT_CUE), tokens=each.tokens) for each in answers]
        drafts = await self._answers(prefix, [draft(item, seed + place) for place in range(count)])
        return [await self._concluded(prefix, item, each) for each in drafts]

    async def _concluded(self, prefix: Prefix, item: Item, draft: Answer) -> _RawAnswer:
        """Write the letter after a draft."""
        text, tokens = await self._engine.write(prefix, drafted(item), start=draft.text, max_tokens=LETTER_TOKENS)
        return _RawAnswer(text.removeprefix(draft.text), draft.text, draft.tokens + tokens)

    async def _ask_trust(self, prefix: Prefix, item: Item, votes: Sequence[LetterVote]) -> None:
        """Ask how much the model trusts its own answers; an unreadable reply counts as 0.5."""
        if not votes:
            return
        started = time.perf_counter()
        questions = [trust(item, vote.draft + vote.text) for vote in votes]
        answers = await self._answers(prefix, questions)
        ms = ms_since(started) / len(votes)
        for vote, answer in zip(votes, answers, strict=True):
            p_true = 0.5 if answer.p_ng is None else 1.0 - answer.p_ng
            self._votes.add(vote.model_copy(update={"p_true": p_true, "trust_ms": ms}))

    async def _answers(self, prefix: Prefix, questions: Sequence[Question]) -> list[Answer]:
        answers = [answer async for answer in self._engine.ask(prefix, questions)]
        return sorted(answers, key=lambda answer: answer.index)


def shares(answers: Sequence[Answer], letters: Sequence[str]) -> dict[str, float] | None:
    """The options' probabilities, from each letter's share against all others.

    None if one cannot be read: the model then hardly predicts any letter.
    """
    read = [answer.p_ng for answer in answers]
    total = math.fsum(share for share in read if share is not None)
    if None in read or not total:
        return None
    return {letter: (share or 0.0) / total for letter, share in zip(letters, read, strict=True)}


def _picture(path: Path) -> Picture:
    try:
        return Picture(path.read_bytes())
    except OSError as error:
        raise InspectorError(f"{path} can't be read: {error.strerror}; unpack that data set again") from error
