"""The engine door: asks a vision-language model about pictures (`ports.Engine`). Knows torch, transformers and
httpx, and nothing of frames, ladders or lines. torch is imported only when a card asks for it."""

from __future__ import annotations

from pathlib import Path

from inspector.domain.model_card import ModelCard
from inspector.ports.engine import Engine


def load(card: ModelCard, folder: Path, threads: int | None = None) -> Engine:
    """The engine that a card declares. `folder` is where the card lies: a relative checkpoint starts there.
    `threads` limits the processor threads of one forward; None leaves it to torch.

    Raises ModelError, with the remedy, when the checkpoint can't be loaded as the card asks.
    """
    if card.engine == "stub":
        from inspector.adapters.vlm.stub import StubEngine

        return StubEngine()
    if card.engine == "openai":
        from inspector.adapters.vlm.openai.engine import OpenAIEngine

        return OpenAIEngine.load(card)
    from inspector.adapters.vlm.transformers.engine import TransformersEngine

    return TransformersEngine.load(card, folder, threads)
