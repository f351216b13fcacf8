"""Golden samples of a line from the command line: pictures come from files and stored parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from inspector.adapters.ledger import SqlArchive, store_versions
from inspector.lines.golden_samples import GoldenAddition, GoldenChange, GoldenSample, GoldenSamples
from inspector.lines.line_pictures import NamedPicture
from inspector.operations.challenge import challenge_sets
from inspector.operations.line_states import user_name
from inspector.operations.regular_file import named_picture
from inspector.settings import Settings


def golden_samples(settings: Settings, line: str) -> list[GoldenSample]:
    """List the golden samples of the live version. Raises LedgerError, and InspectorError for an unknown line."""
    with _service(settings) as service:
        return service.samples(line)


def plan_addition(
    settings: Settings, line: str, files: Sequence[Path], result_ids: Sequence[str], reason: str, *, first: bool
) -> GoldenChange:
    """Plan a version with further golden samples, from files and from stored parts.

    Stores their pictures; nothing refers to them before `store_change`. Raises InspectorError for an unusable one.
    """
    pictures = [NamedPicture(str(file), named_picture(file)) for file in files]
    with _service(settings) as service:
        return service.plan_addition(line, GoldenAddition(pictures, result_ids, first), user_name(), reason)


def plan_removal(settings: Settings, line: str, numbers: Sequence[int], reason: str) -> GoldenChange:
    """Plan a version without these golden samples. Raises InspectorError for numbers that the line does not have."""
    with _service(settings) as service:
        return service.plan_removal(line, numbers, user_name(), reason)


def store_change(settings: Settings, change: GoldenChange) -> int:
    """Store the version and return its number. Raises ConflictError where the line was changed meanwhile."""
    with _service(settings) as service:
        return service.store_change(change)


@contextmanager
def _service(settings: Settings) -> Iterator[GoldenSamples]:
    with challenge_sets(settings) as sets, closing(SqlArchive(settings.database)) as archive:
        yield GoldenSamples(sets, archive, partial(store_versions, settings.database))
