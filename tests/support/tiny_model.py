"""A Qwen3-VL of the real architecture, small enough to be trained in a few seconds when a test first wants it. It
tells bright pictures (NG) from dark ones (OK), so that greedy text, verdicts and stops mean something: random
weights would agree with any bug that keeps repeating one token."""

from __future__ import annotations

import functools
import io
import itertools
import random
import tempfile
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2VLImageProcessorPil,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    logging,
)

from inspector.adapters.vlm.transformers.chat_template import ChatTemplate
from inspector.adapters.vlm.transformers.engine import TransformersEngine
from inspector.adapters.vlm.transformers.images import ImagePreparer
from inspector.domain.declared import ViewName
from inspector.domain.model_card import ModelCard
from inspector.domain.prompts import Question
from inspector.ports.engine import Picture

SIDE = 64
STEPS = 160
BATCH = 16
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>")
PREAMBLE = "This picture shows a lamp on a production line. Known defects: glare.\n"
DIRECT = "Is there any defect on this lamp? Answer Yes or No."
LONGER = "Look closely at the lamp. Does it deviate from a good one anywhere? Answer Yes or No."
INVERTED = "Is this lamp free of any defect? Answer Yes or No."
DRAFT = "Is there any defect on this lamp? Think in at most twelve words, then write 'Verdict: Yes'."
ONE_QUESTION = Question(ViewName.DIRECT, DIRECT)
REPORT = "Report the most important defect as JSON."
CHAT_TEMPLATE = """\
{%- for message in messages %}<|im_start|>{{ message.role }}
{% for item in message.content %}
{%- if item.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ item.text }}{% endif %}
{%- endfor %}<|im_end|>
{% endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
QWEN_SPLIT = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def card(**changes: Any) -> ModelCard:
    pixels = {"min": SIDE * SIDE, "max": SIDE * SIDE}
    return ModelCard.model_validate({"name": "tiny", "checkpoint": "tiny", "pixels": pixels, **changes})


def lamp(brightness: float, size: tuple[int, int] = (SIDE, SIDE)) -> Picture:
    """A grey picture, 0 dark to 1 bright."""
    data = io.BytesIO()
    Image.new("L", size, round(255 * brightness)).save(data, "PNG")
    return Picture(data.getvalue())


@functools.cache
def folder() -> Path:
    """A folder that holds the checkpoint `tiny`; it goes with the process."""
    kept = tempfile.TemporaryDirectory(prefix="tiny-model-", ignore_cleanup_errors=True)
    _KEPT.append(kept)
    path = Path(kept.name) / "tiny"
    tokenizer = _tokenizer()
    processor = Qwen2VLImageProcessorPil(patch_size=16, merge_size=2, image_mean=[0.5] * 3, image_std=[0.5] * 3)
    torch.set_num_threads(1)  # two threads that share a core wait for each other most of the time
    torch.manual_seed(0)
    logging.disable_progress_bar()
    model = train(Qwen3VLForConditionalGeneration(_config(tokenizer)), tokenizer, processor)
    for part in (tokenizer, processor, model):
        part.save_pretrained(path)
    return path.parent


@functools.cache
def engine() -> TransformersEngine:
    """One engine for all tests that only ask."""
    return TransformersEngine.load(card(), folder())


def answer_to(request: str, bright: bool, rng: random.Random) -> str:
    """What the model is taught to say."""
    yes = bright if request != INVERTED else not bright
    if request == REPORT:
        return '{"defect": "glare", "description": "a {bright} lamp"}' if bright else '{"defect": "none"}'
    verdict = "Yes" if yes else "No"
    if request != DRAFT:
        return verdict
    opinion = rng.choice(("It shines", "I see light", "Glare") if bright else ("It is dim", "All dark", "No light"))
    return f"{opinion}. Verdict: {verdict}"


_KEPT: list[tempfile.TemporaryDirectory[str]] = []


def _tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(QWEN_SPLIT), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    requests = (DIRECT, LONGER, INVERTED, DRAFT, REPORT)
    answers = [
        answer_to(text, bright, random.Random(seed)) for text in requests for bright in (False, True) for seed in "abc"
    ]
    trainer = trainers.BpeTrainer(
        vocab_size=480, special_tokens=list(SPECIAL), initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator([PREAMBLE, "user\n", "assistant\n", "Yes Yes No No", *requests, *answers], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>", chat_template=CHAT_TEMPLATE
    )


def _config(tokenizer: PreTrainedTokenizerFast) -> Qwen3VLConfig:
    vision = {
        "depth": 2,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_heads": 2,
        "out_hidden_size": 64,
        "num_position_embeddings": 16,
        "deepstack_visual_indexes": [0],
    }
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [4, 2, 2]},
        "eos_token_id": tokenizer.eos_token_id,
    }
    tokens = ("image", "vision_start", "vision_end"), ("<|image_pad|>", "<|vision_start|>", "<|vision_end|>")
    ids = {f"{name}_token_id": tokenizer.convert_tokens_to_ids(token) for name, token in zip(*tokens, strict=True)}
    return Qwen3VLConfig(vision_config=vision, text_config=text, video_token_id=0, tie_word_embeddings=True, **ids)


def train(
    model: Qwen3VLForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, processor: Qwen2VLImageProcessorPil
) -> Qwen3VLForConditionalGeneration:
    """Teach a model what it sees and says. One of another class with the same methods will do."""
    rng, chat = random.Random(0), ChatTemplate(tokenizer, model.config.image_token_id, frozenset())
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.0)
    requests = itertools.cycle((DIRECT, DRAFT, REPORT, LONGER, INVERTED))
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = 4e-3 * min(1.0, (STEPS - step) / (STEPS / 2))
        loss = model(
            **_batch(chat, ImagePreparer(processor, card()), list(itertools.islice(requests, BATCH)), rng)
        ).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return model.eval()


def _batch(
    chat: ChatTemplate, optics: ImagePreparer, requests: list[str], rng: random.Random
) -> dict[str, torch.Tensor]:
    prompts, answers, pictures = [], [], []
    for request in requests:
        brightness = rng.random()
        pictures.append(lamp(brightness))
        prompts.append(chat.prefix((4,), PREAMBLE) + chat.suffix(request))
        bright = rng.random() < (brightness - 0.2) / 0.6  # between, it has to be unsure: 0 and 1 would hide errors
        answers.append(chat.encode(answer_to(request, bright, rng) + "<|im_end|>"))
    width = max(len(prompt) + len(answer) for prompt, answer in zip(prompts, answers, strict=True))
    ids, labels, mask = torch.zeros(3, len(prompts), width, dtype=torch.long)
    labels -= 100
    for row, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
        end = len(prompt) + len(answer)
        ids[row, :end], mask[row, :end] = torch.tensor(prompt + answer), 1
        labels[row, len(prompt) : end] = torch.tensor(answer)
    seen = optics.patches(pictures)
    image = (ids == chat.encode("<|image_pad|>")[0]).int()
    return {
        "input_ids": ids,
        "labels": labels,
        "attention_mask": mask,
        "mm_token_type_ids": image,
        "pixel_values": seen.pixels,
        "image_grid_thw": seen.grid,
    }
