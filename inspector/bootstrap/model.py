"""Builds a model replica out of settings. Runs inside the process that Ray Serve starts for it."""

from __future__ import annotations

import os
from importlib import resources
from typing import TYPE_CHECKING

from inspector.bootstrap.from_settings import card_of, log_process
from inspector.bootstrap.traces import trace_process
from inspector.settings import Settings

if TYPE_CHECKING:
    from inspector.adapters.serving.replica import VisionModel


def open_model(settings: Settings, threads: int) -> VisionModel:
    """Load the engine that the model card names. Raises ModelError."""
    from inspector.adapters.backbones import load_backbone
    from inspector.adapters.camera import CameraPictureReader
    from inspector.adapters.serving.replica import VisionModel
    from inspector.adapters.vlm import load
    from inspector.bootstrap.evidence import open_evidence
    from inspector.ports.backbone import FeatureSources

    log_process(settings, f"model-{os.getpid()}")
    trace_process(settings, f"model-{os.getpid()}")
    card = card_of(settings)
    engine, evidence = load(card, settings.model.parent, threads=threads), open_evidence(settings)
    is_client, features = card.engine == "openai", FeatureSources(load_backbone, CameraPictureReader().grey_pixels)
    return VisionModel(engine, evidence, health_check_picture(), is_client=is_client, features=features)


def health_check_picture() -> bytes:
    """Return the picture of a sound part that a health check asks about."""
    return resources.files("inspector.bootstrap").joinpath("assets", "health_check.jpg").read_bytes()
