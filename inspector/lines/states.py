"""Commission, pause and set lines live. A line without a right to pass goes live only by an override with an end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from inspector.domain.declared import Disposition
from inspector.domain.line_state import LineState, PassQuestion, PassRight, RightOrigin
from inspector.domain.pipeline import scoring_fingerprint
from inspector.errors import InspectorError, NotFoundError
from inspector.ports.ledger import PipelineVersion
from inspector.ports.lines import LineArchive, LineStore, SeenLine, StatusChange
from inspector.utc import utc_now

DEFAULT_OVERRIDE_DAYS: Final = 7.0
MAX_OVERRIDE_DAYS: Final = 90.0
MIN_REASON_CHARACTERS: Final = 3
MAX_REASON_CHARACTERS: Final = 400


class OverrideRequest(NamedTuple):
    """A request to set a line live without a qualification.

    `fingerprints` are those that judge the parts of each camera now; `*` stands for any camera.
    """

    fingerprints: Mapping[str, str]
    days: float = DEFAULT_OVERRIDE_DAYS


class CameraView(NamedTuple):
    """The state of a part of this camera that is judged now, and the right by which it may pass."""

    camera: str
    state: LineState
    objection: str
    right: PassRight | None


class LineView(NamedTuple):
    """A line and its status, for each camera under the newest known fingerprint.

    A line is LIVE where parts of at least one camera may pass. `objection` says why those of others may not.
    """

    version: PipelineVersion
    cameras: tuple[CameraView, ...]

    @property
    def state(self) -> LineState:
        states = [each.state for each in self.cameras]
        if LineState.LIVE in states:
            return LineState.LIVE
        return next((each for each in states if each is not LineState.PAUSED), LineState.PAUSED)

    @property
    def objection(self) -> str:
        return "; ".join(dict.fromkeys(_named(each, self) for each in self.cameras if each.objection))

    @property
    def right(self) -> PassRight | None:
        return next((each.right for each in self.cameras if each.right), None)

    @property
    def scrap_warning(self) -> str:
        """What to do where every part gets REJECT, because the line is not live and that is its fail-safe."""
        if self.state is LineState.LIVE or self.version.pipeline.fail_safe is not Disposition.REJECT:
            return ""
        return (
            f"{self.line}: fail_safe is REJECT: leave the gate in bypass until the line is LIVE, or every good part is "
            "scrapped"
        )

    @property
    def line(self) -> str:
        return self.version.pipeline.line


@dataclass(frozen=True, slots=True)
class LineStates:
    """The states of all lines. Every method raises LedgerError, and InspectorError for an unknown line."""

    archive: LineArchive
    store: LineStore
    now: Callable[[], datetime] = utc_now

    def views(self) -> list[LineView]:
        """List all lines by name."""
        return [self._view(version) for version in self.archive.list_pipelines()]

    def view(self, line: str) -> LineView:
        return self._view(self.version(line))

    def version(self, line: str) -> PipelineVersion:
        """Return the newest version of a line."""
        return live_version(self.archive, line)

    def pause(self, line: str, author: str, reason: str) -> LineView:
        """Pause the line: its parts get the fail-safe at once and are not judged. Nothing that happened refuses it."""
        self.version(line)
        return self._store(StatusChange(line, LineState.PAUSED, (), reason, author))

    def commission(self, line: str, author: str, reason: str, seen: SeenLine | None = None) -> LineView:
        """Put the line into commissioning: its parts are judged and stored, and the gate gets the fail-safe.

        `seen` is what the author knows of the line; None for what it is now. Raises StaleError where a person or the
        guard changed it since.
        """
        known = seen or SeenLine.of(self.version(line))
        return self._store(StatusChange(line, LineState.COMMISSIONING, (), reason, author, known))

    def go_live(
        self,
        line: str,
        author: str,
        reason: str,
        override: OverrideRequest | None = None,
        seen: SeenLine | None = None,
    ) -> LineView:
        """Set the line live.

        `seen` is what the author knows of the line; None for what it is now. Raises StaleError where a person or the
        guard changed it since, and InspectorError where it has no right to pass under its policy and no override is
        asked for.
        """
        version, now = self.version(line), self.now()
        rights = _override(version, override, reason, now) if override else ()
        policy = version.pipeline.policy_fingerprint()
        held = (each for each in version.status.rights if each.policy == policy and each.holds(now))
        if not rights and not any(_is_about(each, version) for each in held):
            raise InspectorError(
                f"{line} is not qualified under version {version.version}; run: inspector qualify {line}. To let it "
                f"pass parts without that: inspector line live {line} --override --reason WHY --days 7"
            )
        return self._store(StatusChange(line, LineState.LIVE, rights, reason, author, seen or SeenLine.of(version)))

    def _store(self, change: StatusChange) -> LineView:
        require_short(change.reason)
        self.store.change_status(change)
        return self.view(change.line)

    def _view(self, version: PipelineVersion) -> LineView:
        return LineView(version, tuple(self._camera_view(version, camera) for camera in version.pipeline.cameras))

    def _camera_view(self, version: PipelineVersion, camera: str) -> CameraView:
        status, policy = version.status, version.pipeline.policy_fingerprint()
        judged_by = self.archive.fingerprint(version.pipeline.line, camera)
        known = judged_by or _newest_fingerprint(version, policy, camera)
        asked = PassQuestion(known, policy, camera, self.now())
        return CameraView(camera, status.state_of(asked), status.objection(asked), status.right(asked))


def live_version(archive: LineArchive, line: str) -> PipelineVersion:
    """Return the newest version of a line. Raises InspectorError for an unknown line."""
    version = next((each for each in archive.list_pipelines() if each.pipeline.line == line), None)
    if version is None:
        raise unknown_line(line)
    return version


def unknown_line(line: str) -> NotFoundError:
    return NotFoundError(f"there is no line {line!r}; declare it in a pipeline and run: inspector apply")


def _named(view: CameraView, line: LineView) -> str:
    """Return the objection, with the camera's name where it is not that of all cameras."""
    same = all(each.objection == view.objection for each in line.cameras)
    return view.objection if same else f"{view.camera}: {view.objection}"


def _newest_fingerprint(version: PipelineVersion, policy: str, camera: str) -> str:
    """Return the fingerprint of the camera's newest right under this version's scores: no part was judged yet."""
    rights, scoring = reversed(version.status.rights), _scoring(version, camera)
    under = (each for each in rights if each.policy == policy and each.covers(camera))
    return next((each.fingerprint for each in under if each.scoring in ("", scoring)), "")


def _is_about(right: PassRight, version: PipelineVersion) -> bool:
    """Return whether a camera is judged under this version as it was when the right was given."""
    covered = [name for name in version.pipeline.cameras if right.covers(name)]
    return any(right.scoring in ("", _scoring(version, name)) for name in covered)


def _scoring(version: PipelineVersion, camera: str) -> str:
    return scoring_fingerprint(version.pipeline, version.golden, camera)


def _override(version: PipelineVersion, request: OverrideRequest, reason: str, now: datetime) -> tuple[PassRight, ...]:
    if len(reason) < MIN_REASON_CHARACTERS:
        need = f"one of at least {MIN_REASON_CHARACTERS} characters"
        raise InspectorError(f"reason: an override needs {need}, which people see until it ends; add --reason WHY")
    if not 0.0 < request.days <= MAX_OVERRIDE_DAYS:
        raise InspectorError(f"days: {request.days:g} is not between 0 and {MAX_OVERRIDE_DAYS:g}; qualify the line")
    until, policy = now + timedelta(days=request.days), version.pipeline.policy_fingerprint()
    given = (policy, RightOrigin.OVERRIDE)
    cameras: dict[str, list[str]] = {}
    for camera, fingerprint in request.fingerprints.items():
        cameras.setdefault(fingerprint, []).append(camera)
    return tuple(
        PassRight(each, *given, tuple(names), until, reason, _scoring(version, names[0]))
        for each, names in cameras.items()
    )


def require_short(reason: str) -> None:
    """Raise InspectorError for a reason that is too long to be stored."""
    if len(reason) > MAX_REASON_CHARACTERS:
        raise InspectorError(
            f"reason: {len(reason)} characters, at most {MAX_REASON_CHARACTERS} are stored; shorten it"
        )
