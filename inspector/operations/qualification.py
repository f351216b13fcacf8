"""Qualify a line with the model of the card, and keep a line's right to pass over a change of its policy."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from typing import Final, NamedTuple

from inspector.adapters.ledger import SqlQualificationStore
from inspector.bootstrap.from_settings import card_of
from inspector.bootstrap.overrides import card_fingerprints
from inspector.errors import InspectorError
from inspector.judging.judge import Judge
from inspector.lines.challenge_replay import ChallengeReplay
from inspector.lines.kept_rights import NO_FINGERPRINTS, KeptRight, keep_right
from inspector.lines.pricing import Price
from inspector.lines.qualification import (
    LineQualification,
    Qualifications,
    RegionQualification,
    bases,
    groups_of,
)
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


class QualificationRequest(NamedTuple):
    """Which line is to be qualified, and why. With a camera, only what cameras of its region judge.

    `is_trial`: the result is shown, and nothing is recorded.
    """

    line: str
    reason: str = ""
    camera: str | None = None
    is_trial: bool = False


def qualify(
    settings: Settings, request: QualificationRequest, notify: Notify, progress: ReportProgress
) -> LineQualification:
    """Qualify the live version of a line under the model of the card, and record the result.

    The model is loaded only where stored votes do not suffice. Raises ModelError where it can't be loaded.
    """
    with qualifications(settings) as service:
        version = service.sets.states.version(request.line)
        groups = groups_of(version.pipeline, request.camera)
        replays = [service.replay(each) for each in bases(version, groups, card_fingerprints(settings, version))]
        regions = _assessed(settings, service, replays, notify, progress)
        for each in regions if not request.is_trial else ():
            service.record(each, user_name(), request.reason)
        return service.result(version, regions)


def keep_rights(settings: Settings, changes: Sequence[LineChange], prices: Sequence[Price] = ()) -> list[KeptRight]:
    """Recompute the qualification of each changed line on stored votes, before the change is live.

    `prices` say under which fingerprints its parts were scored as the change does. Lines whose right stays as it is
    are left out.
    """
    with qualifications(settings) as service:
        live = {version.pipeline.line: version for version in service.sets.states.archive.list_pipelines()}
        changed = [(live[change.line], change) for change in changes if change.is_changed and change.line in live]
        scored = {price.line: price.scored_under for price in prices}
        kept = [
            keep_right(service, version, change.content, user_name(), scored.get(change.line, NO_FINGERPRINTS))
            for version, change in changed
        ]
        return [each for each in kept if each is not None]


def _assessed(
    settings: Settings,
    service: Qualifications,
    replays: Sequence[ChallengeReplay],
    notify: Notify,
    progress: ReportProgress,
) -> list[RegionQualification]:
    if any(each.unknown for each in replays):
        return _asked(settings, service, replays, notify, progress)
    if known := sum(len(each.outcomes) for each in replays):
        notify(f"recomputed from the stored votes of {known} challenge parts; no model is asked")
    return [service.assess(each, QualificationBasis.STORED_VOTES) for each in replays]


def _asked(
    settings: Settings,
    service: Qualifications,
    replays: Sequence[ChallengeReplay],
    notify: Notify,
    progress: ReportProgress,
) -> list[RegionQualification]:
    from inspector.adapters.vlm import load

    card = card_of(settings)
    notify(f"loading {card.name} here: {sum(len(each.unknown) for each in replays)} challenge part(s) must be asked")
    engine = load(card, settings.model.parent, settings.threads)
    model = LoadedModel(Judge(engine, service.sets.evidence))

    def report(done: int, total: int) -> None:
        progress(f"asking {card.name}", done, total)

    return asyncio.run(service.prove(replays, model, report))
