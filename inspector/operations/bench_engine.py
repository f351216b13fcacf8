"""Measure the cost of asking several questions about a part with the engine and its alternatives, on one model in one
run.

The alternatives are separate calls of `generate`, one call with `num_return_sequences`, and a peer with prefix caching.
The result also compares the engine with the best that the device could do. Ratios are reported with their medians.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from inspector.domain.model_card import ModelCard, Pixels
from inspector.lab.benchmarks.contest import Contest, Run
from inspector.lab.benchmarks.measurement import Measurement
from inspector.lab.benchmarks.random_weights import SIZES
from inspector.lab.benchmarks.workload import Workload
from inspector.lab.synthetic import draw, encode
from inspector.operations.progress import Notify
from inspector.ports.engine import Picture

SIDE: Final = 640  # pixels of a square picture: 400 visual tokens
DIRECT: Final = Workload(asks=9, parts=1)
SAMPLED: Final = Workload(asks=9, parts=4, tokens=48)
CROWDED: Final = Workload(asks=9, parts=16)
ENGINE: Final = "engine"
SEPARATE: Final = "separate"
TOGETHER: Final = "num_return_sequences"
PEER: Final = "peer"
CaseFigures = dict[str, float]


def measure_engine(
    card: ModelCard,
    folder: Path,
    *,
    asks: Sequence[int],
    parts: Sequence[int],
    rounds: int,
    threads: int,
    peer: Path | None,
    size: str,
    notify: Notify,
) -> dict[str, Any]:
    """Measure all cases; `card` provides the tokenizer, the device and the type of the weights.

    `peer` is the Python interpreter of an environment with vLLM; None skips that comparison.
    """
    pixels = Pixels(min=SIDE * SIDE, max=SIDE * SIDE)
    contest = Contest.on_stand_in(card.model_copy(update={"pixels": pixels}), folder, threads, SIZES[size])
    pictures = [Picture(encode(draw("board", seed))) for seed in range(max(*parts, SAMPLED.parts))]
    benchmark = EngineBenchmark(contest, pictures, rounds, notify)
    cases = sorted({DIRECT, *(Workload(count, together) for count in asks for together in parts)})
    text_figures = benchmark.measure_with_peer(peer) if peer else {}
    roofline = benchmark.roofline()
    figures = benchmark.measure_pictures((*cases, SAMPLED))
    return {
        "parameters": contest.parameters,
        "visual_tokens": contest.visual_tokens(pictures[0]),
        "threads": threads,
        "rounds": rounds,
        **_ratios(figures, text_figures),
        "roofline": roofline,
        "direct": _rows({case: figures[case] for case in cases}),
        "sampled": _rows({SAMPLED: figures[SAMPLED]}),
        "text_alone": _rows(text_figures),
    }


@dataclass(frozen=True, slots=True)
class EngineBenchmark:
    """The contestants, the pictures they get, and the number of measured rounds."""

    contest: Contest
    pictures: Sequence[Picture]
    rounds: int
    notify: Notify

    def measure_pictures(self, cases: Sequence[Workload]) -> dict[Workload, CaseFigures]:
        """Measure the contestants that read pictures."""
        with self.contest.engine() as engine, self.contest.generate() as (separate, together):
            runs = {ENGINE: engine, SEPARATE: separate, TOGETHER: together}
            return {case: self.measure(case, {name: runs[name] for name in contestants(case)}) for case in cases}

    def measure_with_peer(self, python: Path) -> dict[Workload, CaseFigures]:
        """Measure the engine and the peer on text: the peer reads no pictures, so both get as many text tokens."""
        with self.contest.reader() as engine, self.contest.peer(python) as peer:
            return {case: self.measure(case, {ENGINE: engine, PEER: peer}) for case in (DIRECT, SAMPLED)}

    def roofline(self) -> CaseFigures:
        """Compare one token for many rows, and one prefix, with the least time that this device needs for them."""
        figures = self.contest.roofline(self.pictures[0], CROWDED.parts, CROWDED.asks).figures()
        decode, prefill = (figures[f"{name}_over_bound"] for name in ("decode", "prefill"))
        self.notify(
            f"{CROWDED.asks} samples, {CROWDED.parts} parts: a token takes {decode:.2f} times the least time that this "
            f"device needs to move and multiply its data, a prefix {prefill:.2f} times"
        )
        return figures

    def measure(self, case: Workload, runs: Mapping[str, Run]) -> CaseFigures:
        """Measure one case and return medians.

        The contestants take turns, in reverse order every other round, so that other load on the machine affects all
        of them alike. A first warm-up round is not counted.
        """
        laps = [self._round(case, runs, number) for number in range(self.rounds + 1)][1:]
        figures = {f"{name}_s": round(median(lap[name].seconds for lap in laps), 4) for name in runs}
        figures |= {f"{name}_peak_mib": round(median(lap[name].mib for lap in laps), 1) for name in runs}
        on_device = {name: round(median(lap[name].device_mib for lap in laps), 1) for name in runs}
        figures |= {f"{name}_device_peak_mib": mib for name, mib in on_device.items() if mib}
        times = ", ".join(f"{name} {figures[f'{name}_s'] * 1000:.0f} ms" for name in runs)
        self.notify(f"{case.asks} asks, {case.parts} part(s), {case.tokens} tokens: {times} a part")
        return figures

    def _round(self, case: Workload, runs: Mapping[str, Run], number: int) -> dict[str, Measurement]:
        order = [*runs][:: -1 if number % 2 else 1]
        return {name: runs[name](case, self.pictures[: case.parts]) for name in order}


def contestants(case: Workload) -> list[str]:
    """The contestants that a case is measured on.

    Direct questions about several parts do not help `generate`, so it gets them about one part only. Separate calls do
    not profit from further samples, so they get one sample only.
    """
    is_separate, is_together = case.parts == 1 and not case.tokens, case.parts == 1 or case.tokens > 0
    return [ENGINE, *([SEPARATE] if is_separate else []), *([TOGETHER] if is_together else [])]


def _ratios(figures: Mapping[Workload, CaseFigures], text: Mapping[Workload, CaseFigures]) -> dict[str, float | None]:
    return {
        "direct_k9_vs_separate": _ratio(figures[DIRECT], SEPARATE),
        "direct_k9_vs_num_return_sequences": _ratio(figures[DIRECT], TOGETHER),
        "sampled_4x9_vs_num_return_sequences": _ratio(figures[SAMPLED], TOGETHER),
        "vs_peer": _ratio(text[DIRECT], PEER) if text else None,
        "sampled_4x9_vs_peer": _ratio(text[SAMPLED], PEER) if text else None,
    }


def _ratio(figures: CaseFigures, other: str) -> float:
    return round(figures[f"{ENGINE}_s"] / figures[f"{other}_s"], 3)


def _rows(figures: Mapping[Workload, CaseFigures]) -> list[dict[str, float]]:
    return [case._asdict() | of_case for case, of_case in figures.items()]
