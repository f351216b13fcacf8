"""The cameras of lines: connect, rename, replace, retire, pause. Each change has an author and a reason.

A line's right to pass covers cameras by name. A new or replaced camera is proved for nothing; a renamed one is the same
camera and keeps what it was proved for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import ValidationError

from inspector.domain.cameras import ANY_CAMERA, CameraSettings, Region
from inspector.domain.frame import NAME_PATTERN
from inspector.domain.line_version import VersionOrigin
from inspector.domain.pipeline import Pipeline
from inspector.errors import ConflictError, DeclarationError, Fault, InspectorError, NotFoundError
from inspector.lines.states import MIN_REASON_CHARACTERS, LineStates, require_short
from inspector.ports.cameras import (
    CameraAction,
    CameraArchive,
    CameraChange,
    CameraChangeStore,
    UnknownPictureArchive,
)
from inspector.ports.ledger import CameraRow, PipelineVersion
from inspector.ports.lines import DeclaredVersion
from inspector.ports.unknown_cameras import StoredUnknownPicture
from inspector.utc import utc_now


class CameraEntry(NamedTuple):
    """A camera of a line, or one that no line declares. `row` holds its figures; None before it sent anything.

    `pictures` are those that are kept of an undeclared camera.
    """

    line: str
    camera: str
    is_declared: bool
    is_paused: bool = False
    region: Region | None = None
    row: CameraRow | None = None
    pictures: Sequence[StoredUnknownPicture] = ()


class CameraRequest(NamedTuple):
    """Which camera is to be changed, by whom, and why. `base` is the line's version that the change was made from."""

    line: str
    camera: str
    author: str
    reason: str = ""
    base: int | None = None


@dataclass(frozen=True, slots=True)
class Cameras:
    """The cameras of all lines. Every method raises LedgerError, and NotFoundError for an unknown line or camera.

    Changes raise ConflictError where somebody else changed the line meanwhile.
    """

    states: LineStates
    archive: CameraArchive
    unknown: UnknownPictureArchive
    store: CameraChangeStore
    now: Callable[[], datetime] = utc_now

    def cameras(self) -> list[CameraEntry]:
        """List the cameras that lines declare and those that were ever seen, by line and name."""
        versions = {each.pipeline.line: each for each in self.states.archive.list_pipelines()}
        rows = {(row.line, row.camera): row for row in self.archive.list_cameras()}
        pictures: dict[tuple[str, str], list[StoredUnknownPicture]] = {}
        for each in self.unknown.pictures():
            pictures.setdefault((each.line, each.camera), []).append(each)
        declared = {(line, name) for line, each in versions.items() for name in _named_by(each)}
        known = sorted(declared | rows.keys() | pictures.keys())
        return [_state(key, versions.get(key[0]), rows.get(key), pictures.get(key, ())) for key in known]

    def base(self, line: str) -> int | None:
        """Return the live version of a line, from which changes of its cameras are made; None for an unknown line."""
        versions = self.states.archive.list_pipelines()
        return next((each.version for each in versions if each.pipeline.line == line), None)

    def camera(self, line: str, camera: str) -> CameraEntry:
        """Return one camera."""
        found = self._find(line, camera)
        if found is None:
            raise NotFoundError(f"{line} has no camera {camera!r}, and none of that name sent anything")
        return found

    def connect(self, request: CameraRequest, region: Region | None = None) -> CameraEntry:
        """Declare a camera on the line. Its parts are UNQUALIFIED until the line is qualified for it."""
        version = self._based(request)
        _require_name(request.line, request.camera)
        if request.camera in version.pipeline.cameras:
            raise InspectorError(f"camera: {request.line} already declares {request.camera}; replace it, or rename it")
        cameras = {**version.pipeline.cameras, request.camera: {"region": region}}
        return self._change(CameraAction.CONNECT, request, version, cameras, unproved=[request.camera])

    def rename(self, request: CameraRequest, name: str) -> CameraEntry:
        """Give the camera another name. It keeps its region and its right to pass."""
        cameras, version = self._renamed(request, name)
        renamed = {request.camera: name}
        return self._change(
            CameraAction.RENAME, request, version, cameras, shown=name, renamed=renamed, successors=renamed
        )

    def replace(self, request: CameraRequest, name: str | None = None) -> CameraEntry:
        """Put another camera in the place of this one, under its name or another.

        Its parts are UNQUALIFIED until the line is qualified for it.
        """
        _require_reason(request.reason, "replacing a camera")
        if name is None or name == request.camera:
            version = self._declaring(request)
            return self._change(CameraAction.REPLACE, request, version, None, unproved=[request.camera])
        cameras, version = self._renamed(request, name)
        unproved, successors = [request.camera, name], {request.camera: name}
        return self._change(
            CameraAction.REPLACE, request, version, cameras, shown=name, unproved=unproved, successors=successors
        )

    def retire(self, request: CameraRequest) -> CameraEntry:
        """Remove the camera from the line. Frames that it still sends are those of an unknown camera."""
        _require_reason(request.reason, "retiring a camera")
        version = self._declaring(request)
        cameras = {name: each for name, each in version.pipeline.cameras.items() if name != request.camera}
        if not cameras:
            raise InspectorError(
                f"camera: {request.camera} is the only camera of {request.line}; pause the line instead, or connect "
                "another camera first"
            )
        unproved = [request.camera]
        return self._change(CameraAction.RETIRE, request, version, cameras, unproved=unproved, paused=False)

    def pause(self, request: CameraRequest) -> CameraEntry:
        """Pause this camera alone: its parts get the fail-safe at once and are not judged."""
        return self._set_paused(request, CameraAction.PAUSE, paused=True)

    def resume(self, request: CameraRequest) -> CameraEntry:
        """End the pause."""
        return self._set_paused(request, CameraAction.RESUME, paused=False)

    def _set_paused(self, request: CameraRequest, action: CameraAction, *, paused: bool) -> CameraEntry:
        version = self.states.version(request.line)
        if not version.pipeline.accepts_camera(request.camera):
            raise _unknown(request)
        return self._change(action, request, version, None, paused=paused)

    def _change(
        self,
        action: CameraAction,
        request: CameraRequest,
        version: PipelineVersion,
        cameras: Mapping[str, Any] | None,
        *,
        shown: str = "",
        renamed: Mapping[str, str] | None = None,
        unproved: Sequence[str] = (),
        paused: bool | None = None,
        successors: Mapping[str, str] | None = None,
    ) -> CameraEntry:
        require_short(request.reason)
        declared = None if cameras is None else _declared(action, request, version, cameras)
        others = [name for name in version.pipeline.named_cameras if name != request.camera]
        change = CameraChange(
            action, *request[:4], self.now(), declared, renamed or {}, unproved, paused, others, successors or {}
        )
        self.store.change_camera(change)
        return self._shown(request.line, shown or request.camera)

    def _find(self, line: str, camera: str) -> CameraEntry | None:
        return next((each for each in self.cameras() if (each.line, each.camera) == (line, camera)), None)

    def _shown(self, line: str, camera: str) -> CameraEntry:
        """Return a camera after its change; a retired one may have sent nothing."""
        return self._find(line, camera) or _state((line, camera), self.states.version(line), None, ())

    def _renamed(self, request: CameraRequest, name: str) -> tuple[dict[str, CameraSettings], PipelineVersion]:
        version = self._declaring(request)
        _require_name(request.line, name)
        if name in version.pipeline.cameras:
            raise InspectorError(f"name: {request.line} already declares {name}; choose another name")
        declared = version.pipeline.cameras
        return {name if each == request.camera else each: kept for each, kept in declared.items()}, version

    def _declaring(self, request: CameraRequest) -> PipelineVersion:
        """Return the live version, which names this camera."""
        version = self._based(request)
        if request.camera not in version.pipeline.cameras:
            raise _unknown(request)
        return version

    def _based(self, request: CameraRequest) -> PipelineVersion:
        """Return the live version, from which the change was made."""
        version = self._named(request.line)
        if request.base not in (None, version.version):
            raise ConflictError(
                f"{request.line}: version {version.version} is live, not {request.base}; look at it and repeat"
            )
        return version

    def _named(self, line: str) -> PipelineVersion:
        """Return the live version of a line that names its cameras."""
        version = self.states.version(line)
        if ANY_CAMERA in version.pipeline.cameras:
            raise InspectorError(
                f'{line} accepts any camera (cameras: ["*"]), so none is connected by name; name its cameras in the '
                "pipeline first"
            )
        return version


def _named_by(version: PipelineVersion) -> set[str]:
    return {*version.pipeline.named_cameras, *version.status.paused_cameras}


def _state(
    key: tuple[str, str],
    version: PipelineVersion | None,
    row: CameraRow | None,
    pictures: Sequence[StoredUnknownPicture],
) -> CameraEntry:
    line, camera = key
    if version is None or not version.pipeline.accepts_camera(camera):
        return CameraEntry(line, camera, False, row=row, pictures=pictures)
    return CameraEntry(
        line, camera, True, camera in version.status.paused_cameras, version.pipeline.region(camera), row
    )


def _declared(
    action: CameraAction, request: CameraRequest, version: PipelineVersion, cameras: Mapping[str, Any]
) -> DeclaredVersion:
    content: dict[str, Any] = version.pipeline.model_dump() | {"cameras": {**cameras}}
    try:
        pipeline = Pipeline.model_validate(content)
    except ValidationError as error:
        problem, _, remedy = error.errors()[0]["msg"].removeprefix("Value error, ").partition("; ")
        raise DeclarationError([Fault(request.line, f"cameras.{request.camera}", problem, remedy)]) from error
    reason = f"{action} {request.camera}" + (f": {request.reason}" if request.reason else "")
    origin = VersionOrigin.CONSOLE
    base = version.version if request.base is None else request.base
    return DeclaredVersion(pipeline, version.golden, request.author, "", base, reason, origin)


def _require_name(line: str, camera: str) -> None:
    if not NAME_PATTERN.fullmatch(camera):
        remedy = "use 1 to 64 of A-Z a-z 0-9 _ . - and begin with a letter or digit"
        raise DeclarationError([Fault(line, "camera", f"{camera!r} is not a name", remedy)])


def _require_reason(reason: str, what: str) -> None:
    if len(reason) < MIN_REASON_CHARACTERS:
        raise InspectorError(f"reason: {what} needs one of at least {MIN_REASON_CHARACTERS} characters; give a reason")


def _unknown(request: CameraRequest) -> NotFoundError:
    return NotFoundError(f"{request.line} declares no camera {request.camera!r}; see: inspector camera list")
