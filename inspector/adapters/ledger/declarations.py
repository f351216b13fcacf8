"""Reads stored declarations. Those that were stored before lines had to name their cameras mean any camera."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inspector.domain.cameras import ANY_CAMERA
from inspector.domain.pipeline import Pipeline


def pipeline_of(declaration: Mapping[str, Any]) -> Pipeline:
    """Return the pipeline of a stored declaration. Raises ValidationError for one of another grammar."""
    cameras = declaration.get("cameras") or [ANY_CAMERA]
    return Pipeline.model_validate({**declaration, "cameras": cameras})
