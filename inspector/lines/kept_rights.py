"""Whether cameras of a line have the right to pass after a change: qualifications are recomputed from stored votes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from inspector.config.diff import Declaration, VersionDiff, compare
from inspector.domain.cameras import CameraGroup
from inspector.domain.line_state import LineState, PassRight, RightOrigin
from inspector.lines.challenge_replay import ReplayBasis
from inspector.lines.qualification import Qualifications, RegionQualification
from inspector.ports.challenge import QualificationBasis, QualificationRecord
from inspector.ports.ledger import PipelineVersion

QUALIFIED: Final = RightOrigin.QUALIFICATION
NO_FINGERPRINTS: Final[Mapping[str, str]] = MappingProxyType({})


class KeptRight(NamedTuple):
    """Whether a line keeps its right to pass when it changes, and why. A line of several regions keeps all or not.

    `proofs` are the recomputed qualifications, to be recorded with the new version.
    """

    line: str
    keeps: bool
    text: str
    proofs: tuple[QualificationRecord, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {"keeps_right": self.keeps, "text": self.text}


class _Change(NamedTuple):
    """A change of a line that is about to be live. `holding` are the line's rights that hold."""

    live: PipelineVersion
    next: PipelineVersion
    difference: VersionDiff
    holding: Sequence[PassRight]

    @property
    def line(self) -> str:
        return self.live.pipeline.line

    @property
    def is_of_all(self) -> bool:
        """Whether it concerns the right of all cameras: scores or policy change."""
        before, after = self.live.pipeline.policy_fingerprint(), self.next.pipeline.policy_fingerprint()
        return before != after or self.difference.rescores

    @property
    def subjects(self) -> list[_Subject]:
        """The cameras whose right it concerns, by their regions."""
        moved = set(self.difference.rescored_cameras)
        found = [
            _Subject(self, group, tuple(name for name in group.cameras if self.is_of_all or name in moved))
            for group in self.next.pipeline.camera_groups
        ]
        return [each for each in found if each.cameras]


class _Subject(NamedTuple):
    """Cameras of one region whose right to pass a change concerns. `group` are all cameras of the region."""

    change: _Change
    group: CameraGroup
    cameras: tuple[str, ...]

    @property
    def is_rescored(self) -> bool:
        difference = self.change.difference
        return difference.rescores or bool(set(difference.rescored_cameras) & set(self.cameras))

    @property
    def held(self) -> list[PassRight]:
        """Their rights under the live policy."""
        policy = self.change.live.pipeline.policy_fingerprint()
        alike = (right for right in self.change.holding if right.policy == policy)
        return [right for right in alike if any(right.covers(name) for name in self.cameras)]

    def basis(self, fingerprint: str) -> ReplayBasis:
        return ReplayBasis(self.change.next, self.group, fingerprint)

    def proved(self) -> list[str]:
        """List the fingerprints under which they are qualified, and which the change leaves as they are."""
        if self.is_rescored:
            return []
        known = ("", self.basis("").scoring)
        return [each.fingerprint for each in self.held if each.origin is QUALIFIED and each.scoring in known]

    def covered(self, fingerprint: str) -> list[str]:
        """List the cameras that were qualified under a fingerprint and still are.

        A change qualifies no other camera: not a new one, not one that was replaced or comes back, and not one that
        passes parts by an override.
        """
        rights = [each for each in self.change.holding if (each.fingerprint, each.origin) == (fingerprint, QUALIFIED)]
        known = [name for name in self.group.cameras if self.change.live.pipeline.accepts_camera(name)]
        return [name for name in known if any(right.covers(name) for right in rights)]


def keep_right(
    service: Qualifications,
    live: PipelineVersion,
    content: Declaration,
    author: str,
    scored_under: Mapping[str, str] = NO_FINGERPRINTS,
) -> KeptRight | None:
    """Recompute the qualification of a line for a new content, before that is live.

    `scored_under` are fingerprints under which parts of cameras were scored as the content does, the price's: a line
    that goes back to a qualified version gets its right back. Returns None where nothing changes about the right: the
    policy stays, or the line has none to lose and none to get back.
    """
    next_version = live._replace(pipeline=content.pipeline, golden=tuple(content.golden), version=live.version + 1)
    holding = [right for right in live.status.rights if right.holds(service.sets.now())]
    told = []
    for subject in _Change(live, next_version, compare(live, content), holding).subjects:
        results = _assessed(service, subject, scored_under)
        right = _told(subject, results)
        told.append((subject, right and right._replace(proofs=_proofs(service, subject, results, author))))
    return _joined(live.pipeline.line, [(subject, right) for subject, right in told if right is not None])


def _assessed(service: Qualifications, subject: _Subject, scored_under: Mapping[str, str]) -> list[RegionQualification]:
    """Assess the cameras under each proved fingerprint, and under others where the ledger has challenge votes."""
    proved = subject.proved()
    scored = [each for camera, each in scored_under.items() if subject.group.includes(camera)]
    replays = [service.replay(subject.basis(each)) for each in dict.fromkeys([*proved, *scored])]
    known = [each for each in replays if each.outcomes or each.basis.fingerprint in proved]
    return [service.assess(each, QualificationBasis.STORED_VOTES) for each in known]


def _proofs(
    service: Qualifications, subject: _Subject, results: Sequence[RegionQualification], author: str
) -> tuple[QualificationRecord, ...]:
    """Return the results that all challenge parts have votes for, as they are recorded."""
    why = f"recomputed for version {subject.change.next.version}"
    whole = [(each, subject.covered(each.replay.basis.fingerprint)) for each in results if not each.replay.unknown]
    return tuple(service.entry(each, author, why, cameras) for each, cameras in whole if cameras)


def _told(subject: _Subject, results: Sequence[RegionQualification]) -> KeptRight | None:
    """Say what becomes of the right of these cameras; None where they have none to lose and none to get back."""
    covering = [each for each in results if set(subject.cameras) & set(subject.covered(each.replay.basis.fingerprint))]
    return _shown(subject, covering[-1]) if covering else _lost(subject)


def _joined(line: str, told: Sequence[tuple[_Subject, KeptRight]]) -> KeptRight | None:
    """Join what is said about the cameras of a line; they are named where it has several regions."""
    if not told:
        return None
    several = len(told[0][0].change.next.pipeline.camera_groups) > 1
    texts = [f"{', '.join(subject.cameras)}: {right.text}" if several else right.text for subject, right in told]
    proofs = tuple(proof for _, right in told for proof in right.proofs)
    return KeptRight(line, all(right.keeps for _, right in told), "; ".join(texts), proofs)


def _lost(subject: _Subject) -> KeptRight | None:
    line, remedy = subject.change.line, f"run: inspector qualify {subject.change.line}"
    if subject.held and subject.is_rescored:
        what = "scores change" if subject.change.difference.rescores else "another region changes scores"
        return KeptRight(line, False, f"{what}, so its right to pass ends; {remedy}")
    if subject.held and subject.change.live.status.state is LineState.LIVE:
        return KeptRight(line, False, f"its override ends with this version; {remedy}")
    return None


def _shown(subject: _Subject, newest: RegionQualification) -> KeptRight | None:
    line, has_right = subject.change.line, bool(subject.held)
    if newest.passed:
        escape = newest.figures.escape
        figures = f"{escape.found} of {escape.parts} NG parts pass, at most {100 * escape.upper:.3g} %"
        kept = "keeps its right to pass" if has_right else "has the right to pass"
        return KeptRight(line, True, f"{kept}, recomputed from stored votes: {figures}")
    if newest.replay.unknown and _has_qualified(subject.change.holding, newest.replay.basis):
        text = f"has the right to pass from its qualification; {len(newest.replay.unknown)} challenge part(s) are newer"
        return KeptRight(line, True, f"{text}; to count them too, run: inspector qualify {line}")
    lost = "loses its right to pass" if has_right else "has no right to pass"
    return KeptRight(line, False, f"{lost}: {'; '.join(newest.missing)}; run: inspector qualify {line}")


def _has_qualified(holding: Sequence[PassRight], basis: ReplayBasis) -> bool:
    asked = (basis.fingerprint, basis.version.pipeline.policy_fingerprint(), QUALIFIED)
    return any((each.fingerprint, each.policy, each.origin) == asked for each in holding)
