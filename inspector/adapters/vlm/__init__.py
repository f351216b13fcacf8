"""Engines: a vision-language model that answers questions about pictures (`ports.Engine`).

Imported by `bootstrap`, `operations`, `cli` and the lab. Knows torch, transformers and httpx; never frames, ladders or
lines. torch is imported only if a card needs it.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from inspector.domain.model_card import ModelCard
from inspector.errors import ModelError
from inspector.ports.engine import Engine


def require_packages(card: ModelCard) -> None:
    """Raise ModelError, with the remedy, where the packages of the card's engine are not installed."""
    missing = [name for name in _PACKAGES.get(card.engine, ()) if find_spec(name) is None]
    if missing:
        raise ModelError(
            f"{card.name}: engine: {card.engine} needs {', '.join(missing)}, not installed here; "
            "pip install 'inspector[engine]', or name a card with engine: openai"
        )


def load(card: ModelCard, folder: Path, threads: int | None = None) -> Engine:
    """Load the engine that a card declares. Relative checkpoints start at the card's `folder`.

    `threads` limits the processor threads of one forward; None leaves it to torch. Raises ModelError, with the remedy,
    if the checkpoint can't be loaded as the card declares.
    """
    if card.engine == "stub":
        from inspector.adapters.vlm.stub import StubEngine

        return StubEngine(card.checkpoint)
    if card.engine == "openai":
        from inspector.adapters.vlm.openai.engine import OpenAIEngine

        return OpenAIEngine.load(card)
    require_packages(card)
    from inspector.adapters.vlm.transformers.engine import TransformersEngine

    return TransformersEngine.load(card, folder, threads)


def model_fingerprint(card: ModelCard, folder: Path) -> str:
    """Return the fingerprint of the engine that a card declares, without loading its weights.

    Raises ModelError if the checkpoint is missing or the server can't be reached.
    """
    if card.engine != "transformers":
        return load(card, folder).fingerprint
    require_packages(card)
    from inspector.adapters.vlm.fingerprint import fingerprint
    from inspector.adapters.vlm.transformers.checkpoint import find_checkpoint

    return fingerprint(card, find_checkpoint(card, folder))


_PACKAGES = {"transformers": ("torch", "transformers", "tokenizers", "safetensors", "llguidance", "threadpoolctl")}
