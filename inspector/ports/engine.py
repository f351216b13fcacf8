"""Port of `adapters/vlm`: one vision-language model that answers questions about pictures."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from numpy.typing import NDArray

from inspector.domain.prompts import Question
from inspector.domain.report import Box, JsonSchema

PatchMap = NDArray[Any]  # what a vision tower sees in one picture: [rows, columns, width]


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture (JPEG, PNG, BMP, TIFF or WebP bytes, already checked), or a part of it: `crop` is cut
    out at native resolution."""

    data: bytes
    crop: Box | None = None


class Prefix(Protocol):
    """Pictures and preamble, encoded once and kept. `tokens` counts them; `window` is the part of the last picture
    that is shown: more than its `crop` where that is too small for the card's zoom."""

    @property
    def tokens(self) -> int: ...

    @property
    def window(self) -> Box: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to the index-th question. `p_ng` is None when it could not be read; `text` is what was sampled;
    `p_true` how likely the model holds it to be right, None where it was not asked or said something else."""

    index: int
    p_ng: float | None
    tokens: int
    text: str
    p_true: float | None = None


class GeneratedText(NamedTuple):
    """Text the model wrote, and how many tokens that took."""

    text: str
    tokens: int


class Engine(Protocol):
    """One model. All methods are safe to call for many parts at once; failing one never changes another.

    Raises ModelError when the model can't answer.
    """

    @property
    def fingerprint(self) -> str:
        """Hash of weights, preprocessing, dtype and engine: 16 hex."""

    async def open(self, pictures: Sequence[Picture], preamble: str) -> Prefix:
        """Encodes the pictures and the preamble once. Raises PictureError for an unreadable picture."""

    def ask(self, prefix: Prefix, questions: Sequence[Question]) -> AsyncGenerator[Answer, None]:
        """Answers as they finish; closing the iterator cancels the rest."""

    async def write(
        self,
        prefix: Prefix,
        request: str,
        *,
        start: str,
        max_tokens: int,
        schema: JsonSchema | None = None,
        urgent: bool = False,
    ) -> GeneratedText:
        """Greedy text after `request`; it begins with `start`, which the model is made to say, and keeps to `schema`
        as far as the engine can hold it to one. `urgent`: a verdict waits for it; other text gives way to verdicts."""

    async def features(self, prefix: Prefix) -> PatchMap:
        """The patches of the prefix's last picture as the vision tower saw them when it was opened. Raises ModelError,
        with the remedy, where the engine can't show them."""

    async def close(self, prefix: Prefix) -> None:
        """Frees the prefix. Closing twice is allowed."""
