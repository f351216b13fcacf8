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
from inspector.teaching.score_calibration import ScoreCalibration, mean_of_known
from inspector.teaching.score_limits import ScoreLimits

Array = NDArray[Any]
SCHEMA: Final = "inspector.taught/1"
MAX_BYTES: Final = 1_000_000
TEMPLATE: Final = "template"  # a feature that a part may lack
VOTES: Final = "votes"
DOCUMENT: Final = "document"  # name of the array that holds the JSON text
GOLDEN_PART: Final = "golden sample"  # name of a part that is one, before its number
MEDIA_TYPE: Final = "application/x-inspector-taught"


class TaughtMember(NamedTuple):
    """One chosen method with the calibration of its scores."""

    name: MethodName
    method: Method
    calibration: ScoreCalibration

    def log_odds(self, score: float) -> float:
        return float(self.calibration.log_odds(np.array(score)))


class TaughtOpinion(NamedTuple):
    """What a taught model says of one part.

    `p_ng` is 0.5 at the proposed limit, for OK and NG parts that are equally frequent. `heat` is that of the first
    member that has one, empty otherwise. `by` names the member that says most. `member_log_odds` is NaN for a
    member whose features the part lacks.
    """

    p_ng: float
    log_odds: float
    heat: Array
    by: str
    member_log_odds: tuple[float, ...] = ()


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

    @property
    def golden(self) -> int:
        """How many of its parts were golden samples."""
        return sum(name.startswith(GOLDEN_PART) for name in self.parts)

    def opinion(self, part: PartFeatures) -> TaughtOpinion:
        """Judge one part that has all features (`missing`)."""
        scores = [member.method.scores(part) for member in self.members]
        heat = next((each.heat for each in scores if each.heat.size), np.zeros((0, 0), np.float32))
        return self._mean(
            [member.log_odds(each.score) for member, each in zip(self.members, scores, strict=True)], heat
        )

    def with_votes(self, given: TaughtOpinion, votes: float) -> TaughtOpinion:
        """Return an opinion that was given before the model was asked, with the log-odds of its votes."""
        rows = zip(self.members, given.member_log_odds, strict=True)
        parts = [each.log_odds(votes) if each.name.kind is MethodKind.VOTES else known for each, known in rows]
        return self._mean(parts, given.heat)

    def _mean(self, log_odds: list[float], heat: Array) -> TaughtOpinion:
        total = float(mean_of_known(np.array(log_odds))) + self.offset
        most = max(zip(log_odds, self.members, strict=True), key=lambda each: np.nan_to_num(each[0], nan=-np.inf))
        return TaughtOpinion(expit(total), total, heat, str(most[1].name), tuple(log_odds))

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
        lacks += [TEMPLATE] if self.reads_template and not part.template else []
        return lacks + ([VOTES] if self.reads_votes and part.votes is None else [])

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
