"""Fixtures: an untrained checkpoint and training conversations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Qwen3VLForConditionalGeneration

from inspector.lab.training.architecture import make_model, save_checkpoint
from inspector.lab.training.datasets import Conversation, ConversationDataset
from inspector.lab.training.vocabulary import make_tokenizer


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    return make_tokenizer(seed=1)


@pytest.fixture(scope="session")
def folder(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save a checkpoint with random weights."""
    made = tmp_path_factory.mktemp("checkpoint")
    save_checkpoint(make_model(tokenizer, seed=1), tokenizer, made)
    return made


@pytest.fixture(scope="session")
def model(folder: Path) -> Any:
    return Qwen3VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()


@pytest.fixture(scope="session")
def conversations() -> list[Conversation]:
    """Return three conversations: about a whole frame, a detail, and a comparison."""
    made = ConversationDataset(seed=3, first=0, last=1)[0]
    return [made[0], made[7], made[10]]
