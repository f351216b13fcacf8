"""Keeps the tables of votes up to date in the background, so that the first person who asks does not wait for them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from inspector.errors import InspectorError
from inspector.lines.pricing import Pricing
from inspector.lines.vote_tables import MAX_TABLES
from inspector.runtime.background_steps import BackgroundSteps

log = logging.getLogger(__name__)

INTERVAL_S: Final = 15.0  # between two updates: what a line brings meanwhile is added to the next answer
PAUSE_S: Final = 0.05  # between two pages: requests run in between
MAX_LINES: Final = MAX_TABLES // 2  # the other tables are for drafts and shorter ladders


class VoteTableUpdates:
    """A thread that adds new parts to the tables of every line's live version, from `start` to `stop`."""

    def __init__(self, pricing: Pricing, lines: Callable[[], Sequence[str]]) -> None:
        self._pricing = pricing
        self._lines = lines
        self._pages = self._all_pages()
        self._steps = BackgroundSteps(self._step, "vote-tables")

    def start(self) -> None:
        self._steps.start()

    def stop(self) -> None:
        """End the thread behind its current page."""
        self._steps.stop()

    def _step(self) -> float:
        try:
            next(self._pages)
        except StopIteration:
            self._pages = self._all_pages()
            return INTERVAL_S
        except InspectorError as error:
            log.warning("the tables of votes are not brought up to date now: %s", error)
            self._pages = self._all_pages()
            return INTERVAL_S
        return PAUSE_S

    def _all_pages(self) -> Iterator[None]:
        for line in self._lines()[:MAX_LINES]:
            yield from self._pricing.update_pages(line)
