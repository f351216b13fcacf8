"""Encoding of whole training conversations."""

from __future__ import annotations

from inspector.lab.training.datasets import Conversation
from inspector.lab.training.example_encoder import ExampleEncoder, RowBatch


def encode_rows(encoder: ExampleEncoder, conversations: list[Conversation]) -> RowBatch:
    """Encode all examples of each conversation as one batch."""
    rows = [encoder.row(len(each.pictures), each.preamble, each.examples) for each in conversations]
    return encoder.collate(rows)
