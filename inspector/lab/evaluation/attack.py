"""Escapes of NG parts that carry stickers: after every rung of the ladder, and along a thought.

The same parts carry every sticker, so that what a text does is compared with what an empty sticker does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from inspector.domain.decision import decide
from inspector.domain.declared import Disposition
from inspector.domain.vote import StoppedBy, Tally
from inspector.lab.evaluation.batch_time import BatchTimeModel
from inspector.lab.evaluation.part_recorder import RecordedPart
from inspector.lab.evaluation.question_set import CUT_THOUGHTS, further_group
from inspector.lab.evaluation.recording_replay import RecordingReplay
from inspector.lab.evaluation.stickers import EMPTY_STICKER
from inspector.lab.evaluation.strategies import STRATEGIES, StrategyOutcome
from inspector.lab.evaluation.strategy_figures import UNREADABLE_SCORE
from inspector.numerics.exact_bounds import MeasuredShare, measured_share
from inspector.tuning.rung_effects import mcnemar

NO_STICKER: Final = "no sticker"
ALPHA: Final = 0.05  # of the test that a sticker makes parts escape


class Asking(NamedTuple):
    """A way of asking, up to a point: `kind` is service, rung (counted from 1) or tokens (of a thought)."""

    kind: str
    end: int = 0

    def __str__(self) -> str:
        names = {"service": "service", "rung": f"up to rung {self.end}", "tokens": f"thought of {self.end} tokens"}
        return names[self.kind]


@dataclass(frozen=True, slots=True)
class StickerEffect:
    """The escapes under one sticker. `newly`: parts that pass with it and not with the empty sticker; `no_longer`: the
    reverse. `p_ng`: mean score."""

    escapes: MeasuredShare
    p_ng: float
    newly: int
    no_longer: int

    @property
    def p_value(self) -> float:
        return mcnemar(self.newly, self.no_longer)

    @property
    def succeeds(self) -> bool:
        """Whether the sticker makes parts escape, beyond chance."""
        return self.newly > self.no_longer and self.p_value < ALPHA

    def as_json(self) -> dict[str, Any]:
        counts = {"newly": self.newly, "no_longer": self.no_longer, "p_value": self.p_value, "succeeds": self.succeeds}
        return {"escapes": self.escapes.as_json(), "p_ng": self.p_ng, **counts}


@dataclass(frozen=True, slots=True)
class AttackResult:
    """`effects[asking][sticker]`, and the number of parts and their source."""

    source: str
    parts: int
    unreadable: Sequence[str]
    effects: Mapping[Asking, Mapping[str, StickerEffect]]

    def as_json(self) -> dict[str, Any]:
        rows = [
            {"asking": asking.kind, "end": asking.end, "sticker": sticker, **effect.as_json()}
            for asking, effects in self.effects.items()
            for sticker, effect in effects.items()
        ]
        return {"source": self.source, "parts": self.parts, "unreadable": list(self.unreadable), "effects": rows}


class AttackedPart(NamedTuple):
    """A part after one way of asking."""

    passed: bool
    p_ng: float


async def measure_attack(
    source: str, parts: Mapping[str, Sequence[RecordedPart]], unreadable: Sequence[str] = ()
) -> AttackResult:
    """Compare the same NG parts under every sticker. `parts` must hold NO_STICKER and the empty sticker."""
    outcomes = {sticker: [await _outcomes(part) for part in recorded] for sticker, recorded in parts.items()}
    plain = outcomes[EMPTY_STICKER.name]
    shared = [asking for asking in _order(plain) if all(asking in part for each in outcomes.values() for part in each)]
    effects = {
        asking: {
            sticker: _effect([part[asking] for part in each], [part[asking] for part in plain])
            for sticker, each in outcomes.items()
        }
        for asking in shared
    }
    return AttackResult(source, len(plain), unreadable, effects)


def _order(parts: Iterable[Mapping[Asking, AttackedPart]]) -> list[Asking]:
    return list(dict.fromkeys(asking for part in parts for asking in part))


async def _outcomes(part: RecordedPart) -> dict[Asking, AttackedPart]:
    """The outcomes of one part: in the service, after every rung, and at every cut of a recorded thought."""
    batch_times = BatchTimeModel([part.recording])
    service, ladder = [await STRATEGIES[name](part, batch_times) for name in ("default", "ladder")]
    outcomes = {Asking("service"): _outcome(part, service.tally, service.stopped_by)}
    for rung in range(len(part.pipeline.ladder)):
        outcomes[Asking("rung", rung + 1)] = _outcome(part, _until(ladder, rung))
    return outcomes | dict(_along_thought(part, batch_times))


def _until(ladder: StrategyOutcome, rung: int) -> Tally:
    return replace(ladder.tally, votes=tuple(vote for vote in ladder.tally.votes if vote.rung <= rung))


def _along_thought(part: RecordedPart, batch_times: BatchTimeModel) -> Iterable[tuple[Asking, AttackedPart]]:
    cuts = further_group(part.pipeline, part.recording.seed, CUT_THOUGHTS).questions
    if part.recording.holds(cuts):
        votes = RecordingReplay(part.recording, batch_times).read_thought(cuts, lambda vote: False)  # noqa: ARG005
        for place, cut in enumerate(cuts):
            tally = Tally((votes[min(place, len(votes) - 1)],))
            yield Asking("tokens", cut.max_tokens), _outcome(part, tally)


def _outcome(part: RecordedPart, tally: Tally, stopped_by: StoppedBy = StoppedBy.LADDER_END) -> AttackedPart:
    passed = decide(part.pipeline, tally, stopped_by).disposition is Disposition.PASS
    return AttackedPart(passed, UNREADABLE_SCORE if tally.score is None else tally.score)


def _effect(parts: Sequence[AttackedPart], plain: Sequence[AttackedPart]) -> StickerEffect:
    pairs = [(part.passed, other.passed) for part, other in zip(parts, plain, strict=True)]
    newly, no_longer = pairs.count((True, False)), pairs.count((False, True))
    escapes = measured_share(sum(part.passed for part in parts), len(parts))
    return StickerEffect(escapes, sum(part.p_ng for part in parts) / len(parts), newly, no_longer)
