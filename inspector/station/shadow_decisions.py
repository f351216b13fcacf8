"""Lets drafts decide on the votes of live parts, in the background: live frames never wait for it."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from inspector.domain.part import PartRecord
from inspector.errors import LedgerError
from inspector.ports.drafts import Draft, ShadowDecision, ShadowStore
from inspector.tuning.counterfactual import shadow_disposition

log = logging.getLogger(__name__)

STEP_INTERVAL_S: Final = 0.5  # between two steps while there is a draft
PARTS_PER_STEP: Final = 20  # of one draft


class ShadowDecisions:
    """Decides on stored parts under open drafts. One per installation suffices; several do no harm."""

    def __init__(self, ledger: ShadowStore) -> None:
        self._ledger = ledger

    async def run(self) -> None:
        """Decide until cancelled."""
        while True:
            await asyncio.sleep(STEP_INTERVAL_S)
            try:
                await self.step()
            except LedgerError as error:
                log.warning("drafts decide nothing now: %s", error)

    async def step(self) -> None:
        """Decide on a few parts of each draft. Raises LedgerError."""
        for draft in await self._ledger.open_drafts():
            rows = await self._ledger.undecided(draft, PARTS_PER_STEP)
            decisions = [await asyncio.to_thread(_decide, draft, row.number, row.part) for row in rows]
            if decisions:
                await self._ledger.add_shadow_decisions(decisions)


def _decide(draft: Draft, number: int, part: PartRecord) -> ShadowDecision:
    return ShadowDecision(draft.draft_id, number, part.would_be.disposition, shadow_disposition(draft.pipeline, part))
