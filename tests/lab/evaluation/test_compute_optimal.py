"""The best strategy for each difficulty, chosen by other parts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.evaluated_parts import a_line

from inspector.domain.declared import ViewName
from inspector.domain.prompts import Pictures
from inspector.domain.vote import StoppedBy, Tally, Vote
from inspector.lab.evaluation.compute_optimal import FIRST, compute_optimal
from inspector.lab.evaluation.part_recorder import RecordedPart
from inspector.lab.evaluation.recording import NamedSuspect, PictureEncoding, Recording
from inspector.lab.evaluation.recording_replay import AskingCost
from inspector.lab.evaluation.strategies import StrategyOutcome, choose_strategies
from inspector.lab.evaluation.strategy_figures import part_labels
from inspector.ports.engine import GeneratedText

ENCODING_MS = 5.0


def part(number: int, line: str = "cups") -> RecordedPart:
    looks = (PictureEncoding(Pictures.FRAME, ENCODING_MS),)
    suspect = NamedSuspect(GeneratedText("", 0), 0.0)
    recording = Recording(f"{number}", f"{number}", "m", (), "f", 0, looks, suspect, ())
    return RecordedPart(a_line(line=line), number % 2 == 1, None, recording)


def outcome(p_ng: float | None, ms: float, votes: int = 1) -> StrategyOutcome:
    tally = Tally((Vote(ViewName.DIRECT, 0, p_ng),))
    return StrategyOutcome(tally, StoppedBy.LADDER_END, 1, AskingCost(votes, 10, ms))


def towards(is_ng: bool, p: float) -> float:
    return p if is_ng else 1.0 - p


PARTS = [part(number) for number in range(60)]
EASY = [number // 2 % 2 == 0 for number in range(60)]  # pairs of an OK and an NG part
DIRECT = [outcome(towards(each.is_ng, 0.95 if easy else 0.45), 10.0) for each, easy in zip(PARTS, EASY, strict=True)]
LONG = [outcome(towards(each.is_ng, 0.3 if easy else 0.9), 80.0, 9) for each, easy in zip(PARTS, EASY, strict=True)]


def test_easy_parts_are_asked_directly_and_hard_ones_at_length() -> None:
    chosen = compute_optimal(PARTS, {FIRST: DIRECT, "fixed-9": LONG}, part_labels(PARTS))
    assert all(((each.tally.score or 0.0) > 0.5) is known.is_ng for each, known in zip(chosen, PARTS, strict=True))
    for each, direct, easy in zip(chosen, DIRECT, EASY, strict=True):
        assert (each == direct) is easy


def test_the_direct_verdict_is_paid_and_the_frame_is_encoded_once() -> None:
    chosen = compute_optimal(PARTS, {FIRST: DIRECT, "fixed-9": LONG}, part_labels(PARTS))
    assert chosen[EASY.index(False)].cost == AskingCost(10, 20, 80.0 + 10.0 - ENCODING_MS)


def test_of_equally_good_strategies_the_cheaper_is_chosen() -> None:
    same = [each._replace(cost=replace_ms(each.cost, 99.0)) for each in DIRECT]
    assert compute_optimal(PARTS, {"other": same, FIRST: DIRECT}, part_labels(PARTS)) == DIRECT


def replace_ms(cost: AskingCost, ms: float) -> AskingCost:
    return cost._replace(ms=ms)


def test_no_part_chooses_for_itself() -> None:
    """A strategy that is right about one part alone is not chosen for it."""
    lucky = [outcome(towards(each.is_ng, 0.1), 1.0) for each in PARTS]
    lucky[3] = outcome(towards(PARTS[3].is_ng, 0.99), 1.0)
    wrong = [*DIRECT]
    wrong[3] = outcome(towards(PARTS[3].is_ng, 0.05), 10.0)
    chosen = compute_optimal(PARTS, {FIRST: wrong, "lucky": lucky}, part_labels(PARTS))
    assert chosen[3] == wrong[3]


@pytest.mark.parametrize("count", [1, 2])
def test_without_other_parts_the_direct_verdict_stays(count: int) -> None:
    few = PARTS[:count]
    labels = replace(part_labels(few), fold=part_labels(few).fold * 0)
    assert compute_optimal(few, {"fixed-9": LONG[:count], FIRST: DIRECT[:count]}, labels) == DIRECT[:count]


def test_it_is_compared_with_the_direct_question() -> None:
    assert set(choose_strategies(["compute-optimal"])) == {"default", "direct", "compute-optimal"}
