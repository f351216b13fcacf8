"""A taught model: the chosen methods, their calibration, the limits, and the parts it was taught with.

Its bytes hold no code: arrays without pickles, and a JSON text. They stay under MAX_BYTES.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspector.domain.log_odds import expit
from inspector.errors import InspectorError
from inspector.teaching.methods import Method, MethodKind, MethodName, stored_method
from inspector.teaching.part_features import PartFeatures
from inspector.teaching.score_calibration import ScoreCalibration
from inspector.teaching.score_limits import ScoreLimits

Array = NDArray[Any]
SCHEMA: Final = "inspector.taught/1"
MAX_BYTES: Final = 1_000_000
DOCUMENT: Final = "document"  # name of the array that holds the JSON text
MEDIA_TYPE: Final = "application/x-inspector-taught"


class TaughtMember(NamedTuple):
    """One chosen method with the calibration of its scores."""

    name: MethodName
    method: Method
    calibration: ScoreCalibration


class TaughtOpinion(NamedTuple):
    """What a taught model says of one part.

    `p_ng` is 0.5 at the proposed limit, for OK and NG parts that are equally frequent. `heat` is that of the first
    member that has one, empty otherwise. `by` names the member that says most.
    """

    p_ng: float
    log_odds: float
    heat: Array
    by: str


@dataclass(frozen=True, slots=True, eq=False)
class TaughtModel:
    """The logistic mean of its members, with `offset` added.

    `backbones` holds the fingerprint of each backbone whose features it reads.
    """

    members: tuple[TaughtMember, ...]
    offset: float
    limits: ScoreLimits
    backbones: tuple[tuple[str, str], ...] = ()
    parts: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    advice: str = ""

    def opinion(self, part: PartFeatures) -> TaughtOpinion:
        """Judge one part that has all features (`missing`)."""
        scores = [member.method.scores(part) for member in self.members]
        log_odds = [
            float(member.calibration.log_odds(np.array(each.score)))
            for member, each in zip(self.members, scores, strict=True)
        ]
        total = float(np.mean(log_odds)) + self.offset
        heat = next((each.heat for each in scores if each.heat.size), np.zeros((0, 0), np.float32))
        return TaughtOpinion(expit(total), total, heat, str(self.members[int(np.argmax(log_odds))].name))

    @property
    def maps(self) -> frozenset[str]:
        """The feature maps that it reads."""
        return frozenset(name for member in self.members for name in member.name.maps)

    @property
    def reads_template(self) -> bool:
        return any(member.name.kind is MethodKind.TEMPLATE for member in self.members)

    @property
    def reads_votes(self) -> bool:
        return any(member.name.kind is MethodKind.VOTES for member in self.members)

    def missing(self, part: PartFeatures) -> list[str]:
        """List the features that this part lacks."""
        lacks = sorted(self.maps - set(part.maps))
        lacks += ["template"] if self.reads_template and not part.template else []
        return lacks + (["votes"] if self.reads_votes and part.votes is None else [])

    def to_bytes(self) -> bytes:
        """Serialise. Raises InspectorError above MAX_BYTES."""
        arrays = {
            f"{number}|{name}": value
            for number, member in enumerate(self.members)
            for name, value in member.method.arrays().items()
        }
        text = np.frombuffer(json.dumps(self._document(), sort_keys=True).encode(), np.uint8)
        file = io.BytesIO()
        np.savez_compressed(file, allow_pickle=False, **{**arrays, DOCUMENT: text})
        data = file.getvalue()
        if len(data) > MAX_BYTES:
            raise InspectorError(
                f"the taught model has {len(data):,} bytes, more than {MAX_BYTES:,}; teach fewer parts"
            )
        return data

    def _document(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "members": [[str(member.name), *member.calibration] for member in self.members],
            "offset": self.offset,
            "limits": self.limits._asdict(),
            "backbones": [list(pair) for pair in self.backbones],
            "parts": list(self.parts),
            "groups": list(self.groups),
            "advice": self.advice,
        }


def read_taught_model(data: bytes) -> TaughtModel:
    """Read a taught model. Raises InspectorError for other or damaged bytes."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        document = json.loads(arrays.pop(DOCUMENT).tobytes())
        if document["schema"] != SCHEMA:
            raise ValueError(f"schema {document['schema']}")
        return TaughtModel(
            tuple(_member(number, row, arrays) for number, row in enumerate(document["members"])),
            float(document["offset"]),
            ScoreLimits(**document["limits"]),
            tuple((name, fingerprint) for name, fingerprint in document["backbones"]),
            tuple(document["parts"]),
            tuple(document["groups"]),
            document["advice"],
        )
    except Exception as error:  # numpy, zipfile and json raise many kinds for damaged bytes
        raise InspectorError(f"the taught model can't be read: {error}; teach the line again") from error


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _member(number: int, row: list[Any], arrays: dict[str, Array]) -> TaughtMember:
    name, slope, intercept = MethodName.parse(row[0]), float(row[1]), float(row[2])
    own = {key.partition("|")[2]: value for key, value in arrays.items() if key.startswith(f"{number}|")}
    return TaughtMember(name, stored_method(name, own), ScoreCalibration(slope, intercept))
