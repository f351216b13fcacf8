"""What asking again costs: the engine beside K calls of `generate`, beside `num_return_sequences`, and beside a peer
with prefix caching, in one run on one model; and what the device could do at best. Reports ratios, with the medians
they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from inspector.domain.model_card import ModelCard, Pixels
from inspector.lab.benchmarks.contest import Contest, Run
from inspector.lab.benchmarks.measurement import Lap
from inspector.lab.benchmarks.workload import Case
from inspector.lab.synthetic import draw, encode
from inspector.operations.demo import Say
from inspector.ports.engine import Picture

SIDE: Final = 640  # 400 visual tokens
DIRECT: Final = Case(asks=9, parts=1)
SAMPLED: Final = Case(asks=9, parts=4, tokens=48)
CROWDED: Final = Case(asks=9, parts=16)
OURS: Final = "engine"
SEPARATE: Final = "separate"
TOGETHER: Final = "num_return_sequences"
PEER: Final = "peer"
CaseFigures = dict[str, float]


def bench_engine(
    card: ModelCard,
    folder: Path,
    *,
    asks: Sequence[int],
    parts: Sequence[int],
    rounds: int,
    threads: int,
    peer: Path | None,
    say: Say,
) -> dict[str, Any]:
    """`card` lends its tokenizer. `peer` is the interpreter of an environment that holds vLLM; without one there is no
    such comparison."""
    pixels = Pixels(min=SIDE * SIDE, max=SIDE * SIDE)
    contest = Contest.on_stand_in(card.model_copy(update={"pixels": pixels}), folder, threads)
    pictures = [Picture(encode(draw("board", seed))) for seed in range(max(*parts, SAMPLED.parts))]
    bench = EngineBenchmark(contest, pictures, rounds, say)
    cases = sorted({DIRECT, *(Case(count, together) for count in asks for together in parts)})
    reading = bench.beside(peer) if peer else {}
    best = bench.roofline()
    seeing = bench.seeing((*cases, SAMPLED))
    return {
        "parameters": contest.parameters,
        "visual_tokens": contest.visual_tokens(pictures[0]),
        "threads": threads,
        "rounds": rounds,
        **_ratios(seeing, reading),
        "roofline": best,
        "direct": _rows({case: seeing[case] for case in cases}),
        "sampled": _rows({SAMPLED: seeing[SAMPLED]}),
        "text_alone": _rows(reading),
    }


@dataclass(frozen=True, slots=True)
class EngineBenchmark:
    """Who runs, on which pictures, and how often."""

    contest: Contest
    pictures: Sequence[Picture]
    rounds: int
    say: Say

    def seeing(self, cases: Sequence[Case]) -> dict[Case, CaseFigures]:
        """Everybody who sees pictures."""
        with self.contest.engine() as ours, self.contest.generate() as (separate, together):
            everybody = {OURS: ours, SEPARATE: separate, TOGETHER: together}
            return {case: self.measured(case, {name: everybody[name] for name in asked(case)}) for case in cases}

    def beside(self, python: Path) -> dict[Case, CaseFigures]:
        """The peer sees no pictures: it and we read as many tokens instead."""
        with self.contest.reader() as ours, self.contest.peer(python) as peer:
            return {case: self.measured(case, {OURS: ours, PEER: peer}) for case in (DIRECT, SAMPLED)}

    def roofline(self) -> CaseFigures:
        """A token for many rows, and one prefix, beside the least time that they could take on this device."""
        figures = self.contest.roofline(self.pictures[0], CROWDED.parts, CROWDED.asks).figures()
        decode, prefill = (figures[f"{name}_over_bound"] for name in ("decode", "prefill"))
        self.say(
            f"{CROWDED.asks} samples, {CROWDED.parts} parts: a token takes {decode:.2f} times as long as this device "
            f"needs to move or multiply what it takes, a prefix {prefill:.2f} times"
        )
        return figures

    def measured(self, case: Case, contenders: Mapping[str, Run]) -> CaseFigures:
        """Medians. The contenders take turns, every other round the other way round, so that whatever else the machine
        does disturbs all alike; a first round that warms up is not counted."""
        laps = [self._round(case, contenders, number) for number in range(self.rounds + 1)][1:]
        figures = {f"{name}_s": round(median(lap[name].seconds for lap in laps), 4) for name in contenders}
        figures |= {f"{name}_peak_mib": round(median(lap[name].mib for lap in laps), 1) for name in contenders}
        times = ", ".join(f"{name} {figures[f'{name}_s'] * 1000:.0f} ms" for name in contenders)
        self.say(f"{case.asks} asks, {case.parts} part(s), {case.tokens} tokens: {times} a part")
        return figures

    def _round(self, case: Case, contenders: Mapping[str, Run], number: int) -> dict[str, Lap]:
        order = [*contenders][:: -1 if number % 2 else 1]
        return {name: contenders[name](case, self.pictures[: case.parts]) for name in order}


def asked(case: Case) -> list[str]:
    """`generate` gains nothing from the direct questions of other parts, so that it is asked them about one part only,
    and nothing from other samples where each has a call of its own."""
    is_separate, is_together = case.parts == 1 and not case.tokens, case.parts == 1 or case.tokens > 0
    return [OURS, *([SEPARATE] if is_separate else []), *([TOGETHER] if is_together else [])]


def _ratios(seeing: Mapping[Case, CaseFigures], reading: Mapping[Case, CaseFigures]) -> dict[str, float | None]:
    return {
        "direct_k9_vs_separate": _ratio(seeing[DIRECT], SEPARATE),
        "direct_k9_vs_num_return_sequences": _ratio(seeing[DIRECT], TOGETHER),
        "sampled_4x9_vs_num_return_sequences": _ratio(seeing[SAMPLED], TOGETHER),
        "vs_peer": _ratio(reading[DIRECT], PEER) if reading else None,
        "sampled_4x9_vs_peer": _ratio(reading[SAMPLED], PEER) if reading else None,
    }


def _ratio(figures: CaseFigures, other: str) -> float:
    return round(figures[f"{OURS}_s"] / figures[f"{other}_s"], 3)


def _rows(measured: Mapping[Case, CaseFigures]) -> list[dict[str, float]]:
    return [case._asdict() | figures for case, figures in measured.items()]
