"""What only a GPU does: its attention, its graphs, and the engine's answers next to the model's own there."""

from __future__ import annotations

import functools
from typing import Any

import pytest
import torch
from support.demo_model import CARD, MODELS
from support.whole_prompt import WholePrompt

from inspector.adapters.vlm.transformers.checkpoint import load_checkpoint
from inspector.adapters.vlm.transformers.cuda_graph import CudaGraph, GraphCache
from inspector.adapters.vlm.transformers.engine import TransformersEngine
from inspector.adapters.vlm.transformers.shared_prefix_attention import additive_mask, gpu_attention, plain_attention
from inspector.domain.declared import ViewName
from inspector.domain.prompts import Question
from inspector.lab.synthetic import draw, encode
from inspector.ports.engine import Picture

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is visible")

ON_GPU = CARD.model_copy(update={"num_gpus": 1.0, "compile": False, "kv_gib": 1.0})
PREAMBLE = "A bottle cap.\n"
QUESTIONS = [
    Question(ViewName.PARAPHRASE, f"{text} Answer Yes or No.")
    for text in ("Is there any defect?", "Look closely: does it deviate from a good one?", "Is anything wrong with it?")
]
PICTURES = [[Picture(encode(draw("cap", seed)))] for seed in range(4)]


class WholePromptOnDevice(WholePrompt):
    """Whole prompts on the model's device."""

    def _inputs(self, *told: Any) -> dict[str, torch.Tensor]:
        return {name: each.to(self.model.device) for name, each in super()._inputs(*told).items()}


@functools.cache
def reference() -> WholePromptOnDevice:
    return WholePromptOnDevice(load_checkpoint(ON_GPU, MODELS / "demo"), ON_GPU)


@functools.cache
def engine() -> TransformersEngine:
    return TransformersEngine.load(ON_GPU, MODELS)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("tokens", "keys"), [(1, 1), (4, 13), (36, 448), (70, 31)])
def test_its_attention_says_what_plain_attention_says(tokens: int, keys: int, dtype: torch.dtype) -> None:
    queries = torch.randn(3, tokens, 2, 32, device="cuda", dtype=dtype).transpose(1, 2)
    kept = torch.randn(2, 3, 2, keys, 32, device="cuda", dtype=dtype)
    seen = torch.rand(3, 1, 1, keys, device="cuda") < 0.7
    seen[..., 0] = True
    for mask in (None, additive_mask(seen, dtype)):
        exact = plain_attention(queries.double(), *kept.double(), attn_mask=mask, scale=0.2)
        for told, true in zip(gpu_attention(queries, *kept, attn_mask=mask, scale=0.2), exact, strict=True):
            assert torch.allclose(told.double(), true.double(), atol=1e-5 if dtype is torch.float32 else 0.03)


def test_work_is_captured_and_replayed_for_other_numbers() -> None:
    device = torch.device("cuda")
    pool = torch.cuda.graph_pool_handle()
    graph = CudaGraph(pool, lambda given: (given.cumsum(0) * 2,), torch.zeros(3, device=device))
    assert graph.replay(torch.tensor([1.0, 2.0, 3.0]))[0].tolist() == [2.0, 6.0, 12.0]
    assert graph.replay(torch.tensor([0.0, 1.0, 0.0], device=device))[0].tolist() == [0.0, 2.0, 2.0]


def test_work_that_reads_a_number_from_the_device_runs_without_a_graph(caplog: pytest.LogCaptureFixture) -> None:
    graphs = GraphCache.of(torch.device("cuda"))
    assert graphs
    for number in (1.0, 2.0, 3.0):
        (result,) = graphs.run("a", lambda given: (given * given.sum().item(),), torch.full((2,), number))
        assert result.sum() == 4 * number**2
    assert "launched operation by operation" in caplog.text


@pytest.mark.parametrize("part", range(len(PICTURES)))
async def test_its_answers_have_the_probability_of_a_whole_forward(part: int) -> None:
    """The first part runs as it comes, the second is captured, the others are replayed."""
    prefix = await engine().open(PICTURES[part], PREAMBLE)
    found = sorted([answer async for answer in engine().ask(prefix, QUESTIONS)], key=lambda answer: answer.index)
    for question, answer in zip(QUESTIONS, found, strict=True):
        assert answer.p_ng == pytest.approx(reference().share_of_ng(PICTURES[part], PREAMBLE, question), abs=1e-4)
    await engine().close(prefix)


@pytest.mark.parametrize("part", range(len(PICTURES)))
async def test_its_greedy_words_are_those_of_generate(part: int) -> None:
    prefix = await engine().open(PICTURES[part], PREAMBLE)
    request = "What do you see?"
    written = await engine().write(prefix, request, start="It", max_tokens=24)
    assert written == reference().generate(PICTURES[part], PREAMBLE + request, "It", 24)
    await engine().close(prefix)
