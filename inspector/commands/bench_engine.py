"""What asking again costs: the engine beside K calls of `generate` and beside `num_return_sequences`, in one run on one
model. Reports ratios, with the medians they come from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

from inspector.commands.demo import Say
from inspector.model_card import ModelCard, Pixels
from inspector.ports import Picture
from inspector.products import draw, encode
from inspector.vlm.contest import Case, Contest

SIDE: Final = 640  # 400 visual tokens
DIRECT: Final = Case(asks=9, parts=1)
SAMPLED: Final = Case(asks=9, parts=4, tokens=48)
OURS: Final = "engine"
SEPARATE: Final = "separate"
TOGETHER: Final = "num_return_sequences"
Figures = dict[str, float]


def bench_engine(
    card: ModelCard, folder: Path, *, asks: Sequence[int], parts: Sequence[int], rounds: int, threads: int, say: Say
) -> dict[str, Any]:
    """`card` lends its tokenizer. `generate` gains nothing from the direct questions of other parts, so that it is
    asked them about one part only."""
    pixels = Pixels(min=SIDE * SIDE, max=SIDE * SIDE)
    contest = Contest.on_stand_in(card.model_copy(update={"pixels": pixels}), folder, threads)
    pictures = [Picture(encode(draw("board", seed))) for seed in range(max(*parts, SAMPLED.parts))]
    cases = {DIRECT, *(Case(count, together) for count in asks for together in parts)}
    everyone, alone = (OURS, SEPARATE, TOGETHER), (OURS,)
    direct = {
        case: _measured(contest, case, pictures, rounds, everyone if case.parts == 1 else alone, say)
        for case in sorted(cases)
    }
    sampled = _measured(contest, SAMPLED, pictures, rounds, (OURS, TOGETHER), say)
    return {
        "parameters": contest.parameters,
        "visual_tokens": contest.visual_tokens(pictures[0]),
        "threads": threads,
        "rounds": rounds,
        "direct_k9_vs_separate": _ratio(direct[DIRECT], SEPARATE),
        "direct_k9_vs_num_return_sequences": _ratio(direct[DIRECT], TOGETHER),
        "sampled_4x9_vs_num_return_sequences": _ratio(sampled, TOGETHER),
        "vs_peer": None,
        "direct": [case._asdict() | figures for case, figures in direct.items()],
        "sampled": [SAMPLED._asdict() | sampled],
    }


def _measured(
    contest: Contest, case: Case, pictures: Sequence[Picture], rounds: int, names: Sequence[str], say: Say
) -> Figures:
    """Medians. The contenders take turns, so that whatever else the machine does disturbs all alike; a first round
    that warms up is not counted."""
    contenders = {OURS: contest.engine_lap, SEPARATE: contest.separate_lap, TOGETHER: contest.together_lap}
    laps = [{name: contenders[name](case, pictures[: case.parts]) for name in names} for _ in range(rounds + 1)][1:]
    figures = {f"{name}_s": round(median(lap[name].seconds for lap in laps), 4) for name in names}
    figures |= {f"{name}_peak_mib": round(median(lap[name].mib for lap in laps), 1) for name in names}
    times = ", ".join(f"{name} {figures[f'{name}_s'] * 1000:.0f} ms" for name in names)
    say(f"{case.asks} asks, {case.parts} part(s), {case.tokens} tokens: {times} a part")
    return figures


def _ratio(figures: Figures, other: str) -> float:
    return round(figures[f"{OURS}_s"] / figures[f"{other}_s"], 3)
