"""Golden samples of a line: list them, and plan and store a version with more or fewer of them.

A plan says what the change does before it is stored. Stored pictures stay: every version keeps its golden samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from pydantic import ValidationError

from inspector.domain.line_version import VersionOrigin
from inspector.domain.part_history import History
from inspector.domain.pipeline import Pipeline
from inspector.errors import InspectorError
from inspector.lines.challenge import ChallengedPictures, ChallengeSets
from inspector.lines.line_pictures import NamedPicture, golden_file_name, store_golden_sample
from inspector.lines.states import require_short
from inspector.lines.stored_parts import PartArchive, good_picture
from inspector.ports.ledger import PipelineVersion
from inspector.ports.lines import DeclaredVersion, StoreVersions

NEWEST_PARTS: Final = 10_000  # that are counted as affected, besides all reviewed ones


class GoldenSample(NamedTuple):
    """A golden sample of the live version. `is_shown`: the model is shown it next to each frame."""

    number: int
    sha256: str
    name: str
    is_shown: bool


@dataclass(frozen=True, slots=True)
class GoldenChange:
    """A change of a line's golden samples before it is stored.

    `parts` of the newest stored ones and `reviewed` ones were judged under the present fingerprint.
    """

    live: PipelineVersion
    samples: tuple[GoldenSample, ...]
    declared: DeclaredVersion
    parts: int
    reviewed: int

    @property
    def line(self) -> str:
        return self.live.pipeline.line

    @property
    def effects(self) -> list[str]:
        """What the change does, in sentences."""
        shown, before = sum(each.is_shown for each in self.samples), len(self.live.golden)
        return [
            f"golden samples: {before} become {len(self.samples)}; the model is shown {shown} with each frame",
            f"scores change: {self.line} becomes UNQUALIFIED until it is qualified; run: inspector qualify {self.line}",
            f"votes of {self.parts} stored parts, {self.reviewed} of them reviewed, no longer count for its thresholds",
            *(["values learned from votes no longer apply"] if self.live.pipeline.learned else []),
        ]

    def as_json(self, new_version: int | None) -> dict[str, Any]:
        return {
            "line": self.line,
            "live_version": self.live.version,
            "new_version": new_version,
            "golden_samples": [each._asdict() for each in self.samples],
            "affected_parts": self.parts,
            "affected_reviewed": self.reviewed,
            "effects": self.effects,
        }


class GoldenAddition(NamedTuple):
    """Pictures to add, and stored parts whose pictures to add. `is_first`: they come before the present ones."""

    pictures: Sequence[NamedPicture]
    result_ids: Sequence[str] = ()
    is_first: bool = False


class SampleArchive(PartArchive, Protocol):
    """What is known about a line's parts. Synchronous. Raises LedgerError."""

    def fingerprint(self, line: str, camera: str | None = None) -> str | None: ...

    def history(self, line: str, fingerprint: str, newest: int) -> History: ...


@dataclass(frozen=True, slots=True)
class GoldenSamples:
    """The golden samples of all lines. Every method raises LedgerError, and InspectorError for an unknown line."""

    sets: ChallengeSets
    archive: SampleArchive
    store: StoreVersions

    def samples(self, line: str) -> list[GoldenSample]:
        """List the golden samples of the live version."""
        version = self.sets.states.version(line)
        return _samples(version.pipeline, version.golden)

    def plan_addition(self, line: str, addition: GoldenAddition, author: str, reason: str) -> GoldenChange:
        """Plan a version with further golden samples.

        Stores their pictures; nothing refers to them before `store_change`. Raises InspectorError for an unusable one.
        """
        live = self.sets.states.version(line)
        known = dict(zip(live.golden, live.pipeline.golden_samples, strict=True))
        added: dict[str, str] = {}
        challenged = ChallengedPictures(self.sets.store, line)
        for each in self._named(line, addition):
            name, data = each
            sha256 = store_golden_sample(self.sets.pictures, self.sets.evidence, each, live.pipeline)
            if sha256 in known or sha256 in added:
                raise InspectorError(f"{name}: is a golden sample of {line} already; leave it out")
            if fault := challenged.fault(sha256):
                raise InspectorError(f"{name}: {fault.problem}; {fault.remedy}")
            added[sha256] = golden_file_name(sha256, data)
        return self._plan(live, added | known if addition.is_first else known | added, author, reason)

    def plan_removal(self, line: str, numbers: Sequence[int], author: str, reason: str) -> GoldenChange:
        """Plan a version without these golden samples. Raises InspectorError for numbers that the line lacks."""
        live = self.sets.states.version(line)
        unknown = sorted(set(numbers) - set(range(1, len(live.golden) + 1)))
        if unknown:
            raise InspectorError(f"{line} has no golden sample {unknown[0]}; see: inspector golden list {line}")
        kept = list(zip(live.golden, live.pipeline.golden_samples, strict=True))
        left = dict(pair for number, pair in enumerate(kept, 1) if number not in numbers)
        return self._plan(live, left, author, reason)

    def store_change(self, change: GoldenChange) -> int:
        """Store the version and return its number. Raises ConflictError where the line was changed meanwhile."""
        [stored] = self.store([change.declared])
        return stored.version

    def _named(self, line: str, addition: GoldenAddition) -> list[NamedPicture]:
        if not addition.pictures and not addition.result_ids:
            raise InspectorError("no pictures are named; name files, or stored parts with --part RESULT_ID")
        evidence = self.sets.evidence
        stored = [
            NamedPicture(f"part {each}", good_picture(self.archive, evidence, line, each))
            for each in addition.result_ids
        ]
        return [*addition.pictures, *stored]

    def _plan(self, live: PipelineVersion, golden: dict[str, str], author: str, reason: str) -> GoldenChange:
        require_short(reason)
        content = live.pipeline.model_dump() | {"golden_samples": tuple(golden.values()), "learned": None}
        try:
            pipeline = Pipeline.model_validate(content)
        except ValidationError as error:
            raise InspectorError(f"golden samples: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from error
        origin = VersionOrigin.GOLDEN
        declared = DeclaredVersion(pipeline, tuple(golden), author, "", live.version, reason, origin)
        parts, reviewed = self._affected(pipeline.line)
        return GoldenChange(live, tuple(_samples(pipeline, tuple(golden))), declared, parts, reviewed)

    def _affected(self, line: str) -> tuple[int, int]:
        """Count the parts of the present fingerprint, and how many of them are reviewed."""
        fingerprint = self.archive.fingerprint(line)
        if fingerprint is None:
            return 0, 0
        found = self.archive.history(line, fingerprint, NEWEST_PARTS)
        return len(found.parts), sum(part.is_ng is not None for part in found.parts)


def _samples(pipeline: Pipeline, golden: Sequence[str]) -> list[GoldenSample]:
    pairs = zip(golden, pipeline.golden_samples, strict=True)
    return [
        GoldenSample(number, sha256, name, number <= pipeline.references)
        for number, (sha256, name) in enumerate(pairs, 1)
    ]
