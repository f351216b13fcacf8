"""Packed rows against one row per question."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from support.training_rows import encode_rows
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from inspector.lab.training.architecture import VISUAL_TOKENS
from inspector.lab.training.datasets import Conversation, stack_pictures
from inspector.lab.training.example_encoder import ExampleEncoder
from inspector.lab.training.language_stage import answer_logits
from inspector.lab.training.training_examples import ExampleKind, TrainingExample
from inspector.lab.training.vision_tower import patchify, run_tower

CLOSE = 2e-5  # float32, summed in another order


def test_packed_questions_get_the_same_answers_as_single_ones(
    model: Any, tokenizer: Any, folder: Path, conversations: list[Conversation]
) -> None:
    encoder = ExampleEncoder(tokenizer)
    rows = encode_rows(encoder, conversations)
    pictures = stack_pictures([picture for conversation in conversations for picture in conversation.pictures]).pictures
    with torch.no_grad():
        packed = answer_logits(model, rows, run_tower(model.model.visual, patchify(pictures)))
        alone = torch.cat(
            [
                _unpacked_logits(model, tokenizer, folder, conversation, one)
                for conversation in conversations
                for one in conversation.examples
            ]
        )
    assert (packed - alone).abs().max() < CLOSE


def _unpacked_logits(
    model: Any, tokenizer: Any, folder: Path, conversation: Conversation, example: TrainingExample
) -> torch.Tensor:
    """Return the logits at the answer's positions, by the model's own forward."""
    content = [{"type": "image"}] * len(conversation.pictures) + [
        {"type": "text", "text": conversation.preamble + example.question}
    ]
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
    )
    answer_ids = tokenizer.encode(example.answer) if example.kind is not ExampleKind.VERDICT else []
    image = model.config.image_token_id
    prompt = [[token] * (VISUAL_TOKENS if token == image else 1) for token in tokenizer.encode(text)]
    ids = torch.tensor(
        [[token for group in prompt for token in group] + tokenizer.encode(example.prefill) + answer_ids]
    )
    processor = Qwen2VLImageProcessorPil.from_pretrained(folder)
    pictures = processor(images=[picture.pixels for picture in conversation.pictures], return_tensors="pt")
    out = model(input_ids=ids, mm_token_type_ids=(ids == image).int(), **pictures)
    logits: torch.Tensor = out.logits[0, -(len(answer_ids) + 1) :]
    return logits
