"""Every kind of Qwen3-VL answers as transformers' own `forward` and `generate` do, or is refused with its remedy."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from support.tiny_kinds import copied, mixture_of_experts, thinking
from support.tiny_model import DIRECT, DRAFT, INVERTED, PREAMBLE, REPORT, card, lamp
from support.vlm_answers import answers
from support.whole_prompt import WholePrompt

from inspector.adapters.vlm import checkpoint_config
from inspector.adapters.vlm.checkpoint_config import read_checkpoint_config
from inspector.adapters.vlm.transformers.checkpoint import load_checkpoint
from inspector.adapters.vlm.transformers.compiled import compile_layers
from inspector.adapters.vlm.transformers.engine import TransformersEngine
from inspector.domain.declared import Reasoning, ViewName
from inspector.domain.prompts import NO, P_TRUE_REQUEST, VERDICT_CUE, YES, Question
from inspector.domain.thoughts import CLOSED_THOUGHT, THOUGHT_END
from inspector.errors import ModelError

PICTURES = (lamp(0.7), lamp(0.3))
READ = (Question(ViewName.DIRECT, DIRECT), Question(ViewName.INVERTED, INVERTED, NO, YES))
THOUGHT = Question(ViewName.DIRECT, DRAFT, reasoning=Reasoning.COT, max_tokens=24)


class Kind:
    """An engine of one checkpoint, and the reference for it."""

    def __init__(self, path: Path) -> None:
        self.engine = TransformersEngine.load(card(), path.parent)
        self.reference = WholePrompt(load_checkpoint(card(), path), card())


@pytest.fixture(scope="module")
def experts(tmp_path_factory: pytest.TempPathFactory) -> Kind:
    return Kind(mixture_of_experts(tmp_path_factory.mktemp("experts")))


@pytest.fixture(scope="module")
def thinker(tmp_path_factory: pytest.TempPathFactory) -> Kind:
    return Kind(thinking(tmp_path_factory.mktemp("thinking")))


async def test_a_mixture_of_experts_reads_verdicts_as_its_forward_does(experts: Kind) -> None:
    found = await answers(experts.engine, PICTURES, READ)
    expected = [experts.reference.share_of_ng(PICTURES, PREAMBLE, question) for question in READ]
    assert [answer.p_ng or 0.0 for answer in found] == pytest.approx(expected, abs=1e-4)
    assert abs(expected[0] - 0.5) > 0.1


async def test_a_mixture_of_experts_writes_what_generate_writes(experts: Kind) -> None:
    prefix = await experts.engine.open(PICTURES, PREAMBLE)
    written = await experts.engine.write(prefix, REPORT, start="", max_tokens=16)
    await experts.engine.close(prefix)
    assert written.text == experts.reference.generate(PICTURES, PREAMBLE + REPORT, "", 16)[0]


def test_a_mixture_of_experts_is_not_compiled(experts: Kind) -> None:
    assert not compile_layers(experts.reference.model)


async def test_a_verdict_that_is_read_at_once_stands_behind_a_closed_thought(thinker: Kind) -> None:
    found = await answers(thinker.engine, PICTURES, READ)
    expected = [thinker.reference.share_of_ng(PICTURES, PREAMBLE, question, CLOSED_THOUGHT) for question in READ]
    assert [answer.p_ng for answer in found] == pytest.approx(expected, abs=1e-4)


async def test_a_text_is_written_behind_a_closed_thought(thinker: Kind) -> None:
    prefix = await thinker.engine.open(PICTURES, PREAMBLE)
    written = await thinker.engine.write(prefix, REPORT, start="{", max_tokens=16)
    await thinker.engine.close(prefix)
    expected, _ = thinker.reference.generate(PICTURES, PREAMBLE + REPORT, f"{CLOSED_THOUGHT}{{", 16)
    assert written.text == expected.removeprefix(CLOSED_THOUGHT)


@pytest.mark.parametrize("seed", range(4))
async def test_a_cue_inside_the_thought_is_no_verdict_and_the_end_of_the_budget_closes_it(
    thinker: Kind, seed: int
) -> None:
    """The tiny model never closes its thought, and writes its cue inside."""
    question = replace(THOUGHT, temperature=1.0 if seed else 0.0, seed=seed)
    (answer,) = await answers(thinker.engine, PICTURES, [question])
    thought, end, said = answer.text.partition(THOUGHT_END)
    assert (end, said.strip().partition(":")[0]) == (THOUGHT_END, VERDICT_CUE[:-1])
    assert answer.p_ng == pytest.approx(
        thinker.reference.share_of_ng(PICTURES, PREAMBLE, question, answer.text), abs=1e-4
    )
    assert seed or VERDICT_CUE in thought


async def test_a_thought_is_kept_going_to_its_least_length(thinker: Kind) -> None:
    question = replace(THOUGHT, reasoning=Reasoning.BUDGET, min_tokens=20)
    (answer,) = await answers(thinker.engine, PICTURES, [question])
    assert answer.tokens >= 20
    assert answer.text.count(THOUGHT_END) == 1


async def test_whether_a_verdict_is_right_is_asked_behind_a_closed_thought(thinker: Kind) -> None:
    chat = thinker.engine._chat
    asked = chat.text(chat.reply("Yes", P_TRUE_REQUEST))
    assert asked.endswith(f"{P_TRUE_REQUEST}\nassistant\n<think>\n{CLOSED_THOUGHT}")
    (answer,) = await answers(thinker.engine, PICTURES, [replace(READ[0], asks_p_true=True)])
    assert answer.p_ng is not None


def test_a_template_in_the_processors_file_is_found(tmp_path: Path) -> None:
    path = copied(tmp_path)
    template = (path / "chat_template.jinja").read_text()
    (path / "chat_template.jinja").unlink()
    (path / "chat_template.json").write_text(json.dumps({"chat_template": template}))
    assert load_checkpoint(card(), path).tokenizer.chat_template == template


@pytest.mark.parametrize("text", ["", "[]", '{"chat_template": 7}', '{"other": ""}'])
def test_a_processors_file_without_a_template_is_none(tmp_path: Path, text: str) -> None:
    path = copied(tmp_path)
    (path / "chat_template.jinja").unlink()
    (path / "chat_template.json").write_text(text)
    with pytest.raises(ModelError, match=r"no chat template; add chat_template\.jinja"):
        load_checkpoint(card(), path)


def quantised(folder: Path, kind: str) -> Path:
    path = copied(folder)
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps(config | {"quantization_config": {"quant_method": kind}}))
    return path


@pytest.mark.parametrize("kind", ["fp8", "awq", "gptq", "compressed-tensors", "bitsandbytes"])
def test_quantised_weights_need_a_gpu_and_their_packages(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = quantised(tmp_path, kind)
    with pytest.raises(ModelError, match=f"{kind} weights need a GPU; set num_gpus: 1, name the checkpoint without"):
        load_checkpoint(card(), path)
    on_gpu = card(num_gpus=1)
    monkeypatch.setattr(checkpoint_config, "find_spec", lambda _: None)
    first = checkpoint_config.QUANTISATION_PACKAGES[kind][0]
    with pytest.raises(ModelError, match=f"{kind} weights need {first}.*; pip install {first}.* with vLLM"):
        read_checkpoint_config(on_gpu, path)
    monkeypatch.setattr(checkpoint_config, "find_spec", lambda _: "installed")
    assert read_checkpoint_config(on_gpu, path).quantisation == kind


def test_unknown_quantised_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="secret weights are not supported, fp8, awq"):
        load_checkpoint(card(), quantised(tmp_path, "secret"))
