"""The grammar of a model card: which checkpoint judges, and what it needs (`models/*.yaml`). Pure."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from inspector.pipeline import Name


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class Pixels(Strict):
    """Pixel budget of one picture: it is resized, keeping its shape, to lie between these areas (pixels)."""

    min: int = Field(ge=28 * 28)
    max: int = Field(ge=28 * 28, le=16_777_216)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min > self.max:
            raise ValueError("pixels.min must not exceed pixels.max")
        return self


class ModelCard(Strict):
    """One model. `checkpoint` is a folder (relative to the card) or a hub id; `revision` pins a hub id."""

    name: Name
    engine: Literal["transformers", "stub"] = "transformers"
    checkpoint: Annotated[str, StringConstraints(min_length=1)]
    revision: str | None = None
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    pixels: Pixels
    zoom_pixels: Pixels | None = None
    num_gpus: float = Field(default=0.0, ge=0.0, le=64.0)
    num_cpus: float = Field(default=1.0, ge=0.0, le=256.0)
    replicas: int = Field(default=1, ge=1, le=256)
    max_replicas: int | None = Field(default=None, ge=1, le=256)
    max_ongoing_requests: int = Field(default=16, ge=1, le=1024)

    @model_validator(mode="after")
    def _replicas_ordered(self) -> Self:
        if self.max_replicas is not None and self.max_replicas < self.replicas:
            raise ValueError("max_replicas must not be below replicas")
        return self
