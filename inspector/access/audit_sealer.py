"""Seals the audit in the background, so that nobody who changes something waits for it."""

from __future__ import annotations

import logging
from typing import Final

from inspector.access.audit import Audit
from inspector.errors import LedgerError
from inspector.runtime.background_steps import BackgroundSteps

log = logging.getLogger(__name__)

INTERVAL_S: Final = 2.0  # an altered entry is found from so long after its change on
PAUSE_S: Final = 0.05  # between two steps: others write in between


class AuditSealer:
    """A thread that seals what is not sealed yet, from `start` to `stop`. Several processes may each have one."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit
        self._is_first = True
        self._steps = BackgroundSteps(self._step, "audit-sealer")

    def start(self) -> None:
        self._steps.start()

    def stop(self) -> None:
        """End the thread behind its current step. What is not sealed is sealed after the next start."""
        self._steps.stop()

    def _step(self) -> float:
        return PAUSE_S if self._sealed_a_step() else INTERVAL_S

    def _sealed_a_step(self) -> bool:
        """Seal a step. The seal goes to the log, which is kept apart from the database."""
        try:
            newest = self._audit.seal(everything=self._is_first)
        except LedgerError as error:
            log.warning("the audit is not sealed now: %s", error)
            return False
        if newest is None:
            self._is_first = False
            return False
        log.info("audit sealed up to entry %d: %d:%s", newest.entry, newest.position, newest.seal)
        return True
