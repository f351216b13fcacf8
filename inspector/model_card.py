"""The grammar of a model card: which checkpoint judges, and what it needs (`models/*.yaml`). Pure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationInfo, field_validator

from inspector.pipeline import Name, Strict


class Pixels(Strict):
    """Pixel budget of one picture: it is resized, keeping its shape, to lie between these areas (pixels)."""

    min: int = Field(ge=28 * 28, le=16_777_216)
    max: int = Field(ge=28 * 28, le=16_777_216)

    @field_validator("max")
    @classmethod
    def _ordered(cls, most: int, info: ValidationInfo) -> int:
        least = info.data.get("min", 0)
        if least > most:
            raise ValueError(f"{most} is below pixels.min {least}; use at least {least}")
        return most


class ModelCard(Strict):
    """One model. `checkpoint` is a folder (relative to the card) or a hub id; `revision` pins a hub id."""

    name: Name
    engine: Literal["transformers", "stub"] = "transformers"
    checkpoint: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    revision: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    pixels: Pixels
    zoom_pixels: Pixels | None = None
    num_gpus: float = Field(default=0.0, ge=0.0, le=64.0)
    num_cpus: float = Field(default=1.0, ge=0.0, le=256.0)
    replicas: int = Field(default=1, ge=1, le=256)
    max_replicas: int | None = Field(default=None, ge=1, le=256)
    max_ongoing_requests: int = Field(default=16, ge=1, le=1024)

    @field_validator("num_gpus")
    @classmethod
    def _whole_above_one(cls, num_gpus: float) -> float:
        if num_gpus > 1.0 and not num_gpus.is_integer():
            raise ValueError(f"Ray shares one GPU, never {num_gpus:g}; use a share up to 1 or a whole number")
        return num_gpus

    @field_validator("max_replicas")
    @classmethod
    def _not_below_replicas(cls, most: int | None, info: ValidationInfo) -> int | None:
        replicas = info.data.get("replicas", 1)
        if most is not None and most < replicas:
            raise ValueError(f"{most} is below replicas {replicas}; use at least {replicas}")
        return most
