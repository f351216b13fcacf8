"""The engine measured beside others: everybody does the work that is named, on the same weights. Who is faster is for
`inspector bench engine` to say."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest
import torch
from support import tiny_model
from support.tiny_model import PREAMBLE, card, lamp
from torch.utils.flop_counter import FlopCounterMode
from transformers import Qwen3ForCausalLM

from inspector.adapters.vlm.transformers.checkpoint import load_checkpoint
from inspector.adapters.vlm.transformers.model_forward import ModelForward, RowTokens, VisionLanguageModel
from inspector.errors import ModelError
from inspector.lab.benchmarks import contestants as entrants
from inspector.lab.benchmarks.contest import Contest
from inspector.lab.benchmarks.measurement import MIB, timed
from inspector.lab.benchmarks.random_weights import SIZES, save_language_model, stand_in
from inspector.lab.benchmarks.roofline import DeviceRates, ModelCost
from inspector.lab.benchmarks.vllm_peer import started
from inspector.lab.benchmarks.workload import Workload
from inspector.operations.bench_engine import ENGINE, SEPARATE, TOGETHER, EngineBenchmark, contestants

PICTURES = (lamp(0.2), lamp(0.7))


@functools.cache
def contest() -> Contest:
    return Contest.on(functools.partial(load_checkpoint, card(), tiny_model.folder() / "tiny"), card(), threads=1)


@pytest.mark.parametrize("case", [Workload(3, 1), Workload(2, 2, 5)], ids=["direct", "two sampled parts"])
def test_every_contender_does_the_work(case: Workload) -> None:
    pictures = PICTURES[: case.parts]
    ours = contest()
    with ours.engine() as engine, ours.reader() as reader, ours.generate() as (separate, together):
        for run in (engine, reader, separate, together):
            assert run(case, pictures).seconds > 0.0


def test_figures_name_everybody_who_ran() -> None:
    said: list[str] = []
    bench = EngineBenchmark(contest(), PICTURES, rounds=2, notify=said.append)
    [figures] = bench.measure_pictures([Workload(2, 1)]).values()
    assert set(figures) == {f"{name}_{unit}" for name in (ENGINE, SEPARATE, TOGETHER) for unit in ("s", "peak_mib")}
    assert [line.startswith("2 asks, 1 part(s), 0 tokens: engine ") for line in said] == [True]
    assert contestants(Workload(9, 4)) == [ENGINE]
    assert contestants(Workload(9, 4, 48)) == [ENGINE, TOGETHER]


def test_random_weights_may_have_the_shape_of_the_8b_model() -> None:
    """Shapes only: on a device without memory."""
    like = load_checkpoint(card(), tiny_model.folder() / "tiny")
    like.model.to("meta").bfloat16()
    made = stand_in(like, SIZES["8b"]).model
    assert sum(weights.numel() for weights in made.parameters()) == 8_767_123_696
    assert {(weights.device.type, weights.dtype) for weights in made.parameters()} == {("meta", torch.bfloat16)}


def test_questions_of_a_case_differ_unless_they_are_samples() -> None:
    assert len({question.text for question in Workload(16, 1).questions()}) == 16
    samples = Workload(9, 4, 48).questions()
    assert len({question.text for question in samples}) == 1
    assert len({question.seed for question in samples}) == 9


@torch.inference_mode()
def test_a_peer_gets_the_language_model_that_we_have(tmp_path: Path) -> None:
    plain = contest().plain
    save_language_model(plain.model, tmp_path)
    told = Qwen3ForCausalLM.from_pretrained(tmp_path)
    tokens = torch.tensor([contest().chat.prefix((4,), PREAMBLE)])
    positions = torch.arange(tokens.shape[1]).expand(3, 1, -1)
    ours = plain.model.model.language_model(input_ids=tokens, position_ids=positions).last_hidden_state
    assert torch.allclose(told(tokens).logits, plain.model.lm_head(ours), atol=1e-4)


@pytest.mark.parametrize("case", [Workload(3, 2), Workload(9, 2, 12)], ids=["direct", "sampled"])
def test_a_peer_is_given_as_many_tokens_as_pass_our_model(case: Workload, monkeypatch: pytest.MonkeyPatch) -> None:
    read, advance = list[int](), VisionLanguageModel.advance

    def counted(self: VisionLanguageModel, batch: Sequence[RowTokens]) -> ModelForward:
        read.extend(len(row) for _, tokens in batch for row in tokens)
        return advance(self, batch)

    monkeypatch.setattr(VisionLanguageModel, "advance", counted)
    entrants.reader(contest().make, card(), threads=1)(case, PICTURES)
    work, rows = contest().work(case, PICTURES), case.asks * case.parts
    texts = {question.text for question in case.questions()}  # one that is asked again is read once
    questions = sum(len(contest().chat.suffix(text)) for text in texts) * case.parts
    drawn_and_read = rows * (work.tokens - 1)  # the last one is drawn only
    assert len(work.prompts) * work.samples == rows
    assert sum(read) == questions + drawn_and_read


@pytest.mark.parametrize(
    ("python", "said"),
    [("/no/such/python", "can't be started"), (sys.executable, "No module named 'vllm'")],
)
def test_a_peer_that_is_not_there_is_told_with_what_to_name(tmp_path: Path, python: str, said: str) -> None:
    remedy = "name the python of an environment that holds vLLM"
    with pytest.raises(ModelError, match=f"{said}.*; {remedy}"), started(Path(python), tmp_path, threads=1):
        pass


def test_what_a_forward_cannot_do_without_is_what_torch_counts() -> None:
    checkpoint, tokens = contest().make(), 48
    text, layers = checkpoint.model.model.language_model, checkpoint.model.config.text_config.num_hidden_layers
    checkpoint.model.set_attn_implementation("eager")
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        text(input_ids=torch.ones(1, tokens, dtype=torch.long))
    cost, counted = ModelCost.of(checkpoint, token_bytes=100), counter.get_total_flops()
    hidden = 2 * layers * cost.width * tokens**2  # worked out, and hidden by the mask
    assert cost.reading_flops(tokens) * layers / (layers - 1) == pytest.approx(counted - hidden, rel=0.01)
    steps = sum(cost.step_flops(1, seen) for seen in range(1, tokens + 1)) - 2 * tokens * cost.head
    assert steps == pytest.approx(counted - hidden, rel=0.01)
    weights = sum(weight.nbytes for weight in (*text.layers.parameters(), checkpoint.model.lm_head.weight))
    assert cost.step_bytes(7) == weights + 700


def test_a_forward_takes_as_long_as_the_longer_of_moving_and_multiplying() -> None:
    best = DeviceRates(bytes_s=1e9, flop_s=1e12)
    assert best.least_ms(2e6, 1e9) == pytest.approx(2.0)
    assert best.least_ms(2e6, 5e9) == pytest.approx(5.0)


def test_the_device_s_best_is_told_beside_what_forwards_took() -> None:
    figures = contest().roofline(PICTURES[0], parts=2, asks=3).figures()
    assert (figures["parts"], figures["asks"]) == (2, 3)
    assert min(figures.values()) > 0.0
    for name in ("decode", "prefill"):
        assert figures[f"{name}_over_bound"] == pytest.approx(
            figures[f"{name}_ms"] / figures[f"{name}_bound_ms"], rel=0.05, abs=0.01
        )


def test_the_peak_of_a_lap_is_its_own() -> None:
    held: list[bytes] = []
    lap = timed(lambda: held.extend(b"x" * (64 * MIB) for _ in range(2)), 2, psutil.Process())
    assert 100 < lap.mib < 200
