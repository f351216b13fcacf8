"""Declarations that arrive as JSON: read with every fault at its field, and bound to pictures of a stored version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from inspector.config.diff import Declaration
from inspector.config.engine_limits import unserved_settings
from inspector.config.loader import read_pipeline_data
from inspector.domain.model_card import ModelCard
from inspector.domain.pipeline import Pipeline
from inspector.errors import DeclarationError, Fault
from inspector.lines.carried_settings import carry_over
from inspector.lines.versions import ReadableVersion

BODY: Final = "declaration"  # stands for the file in faults


@dataclass(frozen=True, slots=True)
class DeclarationReader:
    """Reads declarations for the model of one card, or for any model."""

    card: ModelCard | None = None

    def changed(self, declaration: Mapping[str, Any], live: Declaration) -> ReadableVersion:
        """Read the changed declaration of a line that has a live version. Raises DeclarationError with every fault.

        Its golden samples are those of the live version, by their names; it may name them in another order, or fewer.
        """
        pipeline = read_pipeline_data(declaration, BODY)
        known = dict(zip(live.pipeline.golden_samples, live.golden, strict=True))
        faults = [*_other_line(pipeline, live.pipeline.line), *_unknown_golden(pipeline, known)]
        _refuse([*faults, *self._unserved(pipeline)])
        golden = tuple(known[name] for name in pipeline.golden_samples)
        return carry_over(ReadableVersion(pipeline, golden), live)

    def _unserved(self, pipeline: Pipeline) -> Iterator[Fault]:
        if self.card is not None:
            yield from (Fault(BODY, *each) for each in unserved_settings(pipeline, self.card))


def _other_line(pipeline: Pipeline, line: str) -> Iterator[Fault]:
    if pipeline.line != line:
        yield Fault(BODY, "line", f"is {pipeline.line!r}, but the draft is of {line!r}", f"write {line!r}")


def _unknown_golden(pipeline: Pipeline, known: Mapping[str, str]) -> Iterator[Fault]:
    for number, name in enumerate(pipeline.golden_samples):
        if name not in known:
            remedy = "add the picture to the line's golden samples first, or remove it here"
            yield Fault(BODY, f"golden_samples[{number}]", f"{name}: is no golden sample of the line", remedy)


def _refuse(faults: list[Fault]) -> None:
    if faults:
        raise DeclarationError(faults)
