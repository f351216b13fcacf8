"""Qualify a line with the model of the card, and keep a line's right to pass over a change of its policy."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from typing import Final

from inspector.adapters.ledger import SqlQualificationStore
from inspector.bootstrap.from_settings import card_of
from inspector.bootstrap.overrides import card_fingerprint
from inspector.errors import InspectorError
from inspector.judging.judge import Judge
from inspector.lines.kept_rights import KeptRight, keep_right
from inspector.lines.qualification import ChallengeReplay, Qualification, Qualifications
from inspector.operations.apply import LineChange
from inspector.operations.challenge import challenge_sets
from inspector.operations.line_states import user_name
from inspector.operations.progress import Notify, ReportProgress
from inspector.ports.challenge import QualificationBasis
from inspector.ports.pool import Job, Judgement
from inspector.settings import Settings

LOWEST_PRIORITY: Final = 19  # of os.nice


class LoadedModel:
    """`ports.ChallengeModel` in this process."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    async def judge(self, job: Job) -> Judgement:
        """Climb the ladder; no words and no shadow votes follow."""
        async with aclosing(self._judge.judge(job)) as outcomes:
            judgement = await anext(outcomes)
        if not isinstance(judgement, Judgement):
            raise InspectorError("the model gave words before a judgement")
        return judgement


def yield_to_live_frames() -> None:
    """Let this process, and the threads that it starts from now on, work only while no other process wants the CPU.

    Frames of the running service on this machine are then judged as if nobody qualified a line.
    """
    with suppress(AttributeError, OSError):
        os.nice(LOWEST_PRIORITY)
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


@contextmanager
def qualifications(settings: Settings) -> Iterator[Qualifications]:
    """Yield the qualifications of this installation's lines. Raises LedgerError."""
    with challenge_sets(settings) as sets:
        yield Qualifications(sets, SqlQualificationStore(settings.database))


def qualify(
    settings: Settings, line: str, reason: str, notify: Notify, progress: ReportProgress, *, dry_run: bool = False
) -> Qualification:
    """Qualify the live version of a line under the model of the card, and record the result unless `dry_run`.

    The model is loaded only where stored votes do not suffice. Raises ModelError where it can't be loaded.
    """
    with qualifications(settings) as service:
        version = service.sets.states.version(line)
        replay = service.replay(version, card_fingerprint(settings, version))
        basis = QualificationBasis.ASKED if replay.unknown else QualificationBasis.STORED_VOTES
        if replay.unknown:
            replay = _ask(settings, service, replay, notify, progress)
        elif replay.outcomes:
            notify(f"recomputed from the stored votes of {len(replay.outcomes)} challenge parts; no model is asked")
        result = service.assess(replay, basis)
        if not dry_run:
            service.record(result, user_name(), reason)
        return result


def keep_rights(settings: Settings, changes: Sequence[LineChange], *, dry_run: bool = False) -> list[KeptRight]:
    """Recompute the qualification of each line whose change leaves its scores as they are, before the change is live.

    Lines without a qualification are left out, unless they are live by an override, which ends.
    """
    with qualifications(settings) as service:
        live = {version.pipeline.line: version for version in service.sets.states.archive.list_pipelines()}
        changed = [(live[change.line], change) for change in changes if change.is_changed and change.line in live]
        kept = [
            keep_right(service, version, change.content, user_name(), dry_run=dry_run) for version, change in changed
        ]
        return [each for each in kept if each is not None]


def _ask(
    settings: Settings, service: Qualifications, replay: ChallengeReplay, notify: Notify, progress: ReportProgress
) -> ChallengeReplay:
    from inspector.adapters.vlm import load

    card = card_of(settings)
    notify(f"loading {card.name} here: {len(replay.unknown)} challenge part(s) must be asked")
    engine = load(card, settings.model.parent, settings.threads)
    model = LoadedModel(Judge(engine, service.sets.evidence))

    def report(done: int, total: int) -> None:
        progress(f"asking {card.name}", done, total)

    return asyncio.run(service.ask(replay, model, report))
