"""Port of `adapters/vlm`: one vision-language model that answers questions about pictures."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from numpy.typing import NDArray

from inspector.domain.cameras import Region
from inspector.domain.prompts import Question
from inspector.domain.report import Box, JsonSchema

PatchMap = NDArray[Any]  # a vision tower's features of one picture: [rows, columns, width]


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture, or a part of it.

    `data` holds JPEG, PNG, BMP, TIFF or WebP bytes. `region` is the camera's, and is cut out first: `crop` and windows
    are parts of it. `crop` is cut out with some of its surroundings and enlarged to the card's budget. `bit_depth` is
    the pipeline's depth of 16-bit files that do not declare theirs.
    """

    data: bytes
    crop: Box | None = None
    bit_depth: int | None = None
    region: Region | None = None


class Prefix(Protocol):
    """Pictures and preamble, encoded once and cached.

    `tokens` counts them. `window` is the shown part of the last picture: its `crop` with the surroundings. `scale` is
    the side of one of that picture's pixels in shown pixels: above 1 it is enlarged.
    """

    @property
    def tokens(self) -> int: ...

    @property
    def window(self) -> Box: ...

    @property
    def scale(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to the index-th question.

    `p_ng` is None when the answer could not be read. `text` is the sampled text. `p_true` is the model's own
    probability that the answer is right; None where it was not asked or gave no readable reply. `readable` is the share
    of the probability that NG and OK had together.
    """

    index: int
    p_ng: float | None
    tokens: int
    text: str
    p_true: float | None = None
    readable: float = 1.0


class GeneratedText(NamedTuple):
    """Text that the model wrote, and its number of tokens."""

    text: str
    tokens: int


class Engine(Protocol):
    """One model. All methods are safe to call for many parts at once; a failing call never affects another.

    Raises ModelError when the model can't answer.
    """

    @property
    def fingerprint(self) -> str:
        """The hash (16 hex) of weights, preprocessing, dtype and engine."""

    async def open(self, pictures: Sequence[Picture], preamble: str) -> Prefix:
        """Encode the pictures and the preamble once. Raises PictureError for an unreadable picture."""

    def ask(self, prefix: Prefix, questions: Sequence[Question]) -> AsyncGenerator[Answer, None]:
        """Yield answers as they finish. Closing the iterator cancels the rest."""

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
        """Generate greedy text after `request`.

        The text begins with `start`, which the model is forced to write, and follows `schema` as far as the engine can
        enforce it. `urgent`: a verdict waits for this text; other text gives way to verdicts.
        """

    async def features(self, prefix: Prefix) -> PatchMap:
        """Return the patches of the prefix's last picture, as the vision tower encoded them when the prefix was opened.

        Raises ModelError, with the remedy, where the engine can't provide them.
        """

    async def close(self, prefix: Prefix) -> None:
        """Free the prefix. Closing twice is allowed."""
