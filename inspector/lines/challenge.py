"""The challenge set of a line: add labelled pictures, list them, remove them.

A golden sample is never a challenge part: the model is shown it, so it proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from inspector.domain.challenge import ChallengePart
from inspector.domain.pipeline import Pipeline
from inspector.errors import InspectorError, PictureError
from inspector.lines.line_pictures import measure_for_line
from inspector.lines.states import LineStates, require_short
from inspector.lines.stored_parts import PartArchive, label_of, picture_of, stored_part
from inspector.ports.camera import PictureReader
from inspector.ports.challenge import ChallengeChange, ChallengeStore, NewChallengePart
from inspector.ports.evidence import EvidenceStore
from inspector.ports.ledger import PipelineVersion
from inspector.utc import utc_now

MAX_CHALLENGE_PARTS: Final = 20_000  # of one line
MAX_GROUP_CHARACTERS: Final = 128
MAX_LISTED_FAULTS: Final = 5  # kinds in one error, and pictures of each kind


class ChallengePicture(NamedTuple):
    """A picture with its label. `name` tells people where it comes from, `camera` took it (empty: not said)."""

    name: str
    data: bytes
    is_ng: bool
    group: str = ""
    note: str = ""
    media_type: str = ""
    camera: str = ""


class ChallengeSource(NamedTuple):
    """What people say about the pictures that they add. `is_ng` is None where the folder or the reviews say it."""

    is_ng: bool | None
    group: str = ""
    note: str = ""
    camera: str = ""


class AddedParts(NamedTuple):
    """The numbers of the parts that were added, and how many pictures were in the set already."""

    numbers: tuple[int, ...]
    known: int


class SampleFault(NamedTuple):
    """Why a picture can't be a golden sample, and what to do."""

    problem: str
    remedy: str


class ChallengedPictures:
    """The pictures that prove a line. None of them may be a golden sample: the model is shown those."""

    def __init__(self, store: ChallengeStore, line: str) -> None:
        self._line = line
        self._numbers = {part.sha256: part.number for part in store.challenge_parts(line)}

    def fault(self, sha256: str) -> SampleFault | None:
        """Return why this picture can't be a golden sample of the line; None where it can."""
        number = self._numbers.get(sha256)
        if number is None:
            return None
        remedy = f"choose another picture, or run: inspector challenge remove {self._line} {number}"
        return SampleFault(f"is challenge part {number} of the line", remedy)


@dataclass(frozen=True, slots=True)
class ChallengeSets:
    """The challenge sets of all lines. Every method raises LedgerError, and InspectorError for an unknown line."""

    states: LineStates
    store: ChallengeStore
    evidence: EvidenceStore
    pictures: PictureReader
    now: Callable[[], datetime] = utc_now

    def parts(self, line: str) -> list[ChallengePart]:
        """List the parts in the set, oldest first."""
        return self.store.challenge_parts(self.states.version(line).pipeline.line)

    def add(self, line: str, pictures: Iterable[ChallengePicture], author: str, reason: str = "") -> AddedParts:
        """Add all pictures, or none; a picture that is in the set under the same label stays as it is.

        Raises InspectorError that lists the unusable ones: unreadable, labelled otherwise before, or golden samples.
        """
        require_short(reason)
        admission = _Admission(self, self.states.version(line), {each.sha256: each for each in self.parts(line)})
        for picture in pictures:
            admission.admit(picture)
        admission.require_sound()
        change = ChallengeChange(author, self.now(), reason)
        numbers = self.store.add_challenge_parts(line, list(admission.new.values()), change)
        return AddedParts(tuple(numbers), admission.known)

    def remove(self, line: str, numbers: Iterable[int], author: str, reason: str = "") -> int:
        """Remove these parts from the set and return how many they were. Raises InspectorError for unknown numbers."""
        require_short(reason)
        wanted, held = set(numbers), {each.number for each in self.parts(line)}
        if unknown := sorted(wanted - held):
            listed = _listed([str(number) for number in unknown])
            raise InspectorError(
                f"the challenge set of {line} has no part {listed}; see: inspector challenge list {line}"
            )
        self.store.remove_challenge_parts(line, sorted(wanted), ChallengeChange(author, self.now(), reason))
        return len(wanted)


class _Admission:
    """Checks pictures one by one, so that one is in memory at a time."""

    def __init__(self, sets: ChallengeSets, version: PipelineVersion, held: dict[str, ChallengePart]) -> None:
        self.new: dict[str, NewChallengePart] = {}
        self.known = 0
        self._sets = sets
        self._version = version
        self._held = held
        self._faults: dict[str, list[str]] = {}  # names of the pictures by what is wrong with them

    def admit(self, picture: ChallengePicture) -> None:
        if len(self._held) + len(self.new) >= MAX_CHALLENGE_PARTS:
            raise InspectorError(f"a challenge set holds at most {MAX_CHALLENGE_PARTS} parts; nothing was added")
        try:
            camera = self._camera(picture.camera)
            self._measure(picture, camera)
        except (InspectorError, PictureError) as error:
            self._faults.setdefault(str(error), []).append(picture.name)
            return
        sha256 = self._sets.evidence.put(picture.data, picture.media_type).sha256
        if fault := self._fault(sha256, picture, camera):
            self._faults.setdefault(fault, []).append(picture.name)
        elif sha256 in self._held or sha256 in self.new:
            self.known += 1
        else:
            self.new[sha256] = NewChallengePart(sha256, picture.is_ng, picture.group, picture.note, camera)

    def require_sound(self) -> None:
        """Raise InspectorError that lists the unusable pictures."""
        if not self._faults:
            return
        count = sum(len(names) for names in self._faults.values())
        kinds = [f"{_listed(names)}: {fault}" for fault, names in self._faults.items()]
        raise InspectorError(f"{count} picture(s) can't be challenge parts, nothing was added: {_listed(kinds, '; ')}")

    def _measure(self, picture: ChallengePicture, camera: str) -> None:
        pipeline = self._version.pipeline
        shown = picture.data, picture.media_type
        measure_for_line(self._sets.pictures, *shown, pipeline, pipeline.region(camera))

    def _camera(self, named: str) -> str:
        """Return the camera that took a picture; the line's only one where none is named.

        Raises InspectorError where the picture would count for no camera.
        """
        pipeline = self._version.pipeline
        known = pipeline.named_cameras
        if not named and len(pipeline.cameras) == 1:
            return known[0] if known else ""
        if any(group.includes(named) for group in pipeline.camera_groups):
            return named
        listed = ", ".join(known)
        if named:
            raise InspectorError(f"camera: {pipeline.line} declares no camera {named!r}; name one of {listed}")
        raise InspectorError(f"camera: each camera of {pipeline.line} has a region; say which took it: {listed}")

    def _fault(self, sha256: str, picture: ChallengePicture, camera: str) -> str:
        if sha256 in self._version.golden:
            return "is a golden sample of the line, which the model is shown; choose another picture"
        earlier = self._held.get(sha256) or self.new.get(sha256)
        if earlier is not None and earlier.is_ng != picture.is_ng:
            was = "NG" if earlier.is_ng else "OK"
            return f"is in the set as {was} already; remove that part first, or correct the label"
        if earlier is not None and earlier.camera != camera:
            was = f"a picture of {earlier.camera or 'no named camera'}"
            return f"is in the set as {was} already; remove that part first, or correct the camera"
        if len(picture.group) > MAX_GROUP_CHARACTERS:
            return f"group: {len(picture.group)} characters, at most {MAX_GROUP_CHARACTERS} are stored; shorten it"
        return ""


def _listed(texts: Sequence[str], separator: str = ", ") -> str:
    """Join the first of these texts, and count the others."""
    shown, more = texts[:MAX_LISTED_FAULTS], len(texts) - MAX_LISTED_FAULTS
    return separator.join(shown) + (f"{separator}and {more} more" if more > 0 else "")


def stored_pictures(
    archive: PartArchive,
    evidence: EvidenceStore,
    pipeline: Pipeline,
    result_ids: Sequence[str],
    source: ChallengeSource,
) -> Iterator[ChallengePicture]:
    """Yield the pictures of stored parts, labelled by their reviews. Raises InspectorError that names the unusable."""
    for result_id in result_ids:
        part, is_ng = stored_part(archive, pipeline.line, result_id), label_of(archive, result_id)
        if source.is_ng not in (None, is_ng):
            raise InspectorError(f"part {result_id} was reviewed as {'NG' if is_ng else 'OK'}; leave --label out")
        if source.camera not in ("", part.key.camera):
            raise InspectorError(f"part {result_id} is of camera {part.key.camera}; leave --camera out")
        data, group = picture_of(evidence, part), source.group or part.part_id or ""
        note = source.note or f"part {result_id}"
        yield ChallengePicture(result_id, data, is_ng, group, note, camera=part.key.camera)
