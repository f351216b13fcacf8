"""What response and request models share."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Path
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from inspector.domain.declared import Name
from inspector.utc import in_utc

PREFIX: Final = "/api/v1"
MAX_NUMBER: Final = 2**63 - 1  # of a part or event: databases count with 64 bits
MAX_VERSION: Final = 2**31 - 1  # of a line
MAX_RESULT_ID_CHARACTERS: Final = 128

ResultId = Annotated[str, Path(max_length=MAX_RESULT_ID_CHARACTERS)]
LineName = Annotated[Name, Path()]
Moment = Annotated[AwareDatetime, AfterValidator(in_utc)]
"""A time of a query, whose zone may lead beyond the first or the last time that there is."""


class ApiModel(BaseModel):
    """Base of the response models: frozen, no unknown fields, built from attributes."""

    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)


class ApiRequest(BaseModel):
    """Base of request bodies and queries. An unknown field is refused: a misspelt one would be ignored in silence."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ShareAnswer(ApiModel):
    """A share of parts with its exact 95 % interval; null where there are no parts."""

    found: int = Field(ge=0)
    parts: int = Field(ge=0)
    value: float | None
    low: float | None
    high: float | None
