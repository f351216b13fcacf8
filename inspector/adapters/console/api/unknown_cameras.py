"""Cameras that no line declares, with their kept pictures. They are never judged."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from inspector.adapters.console.api.camera_models import CameraDetails
from inspector.adapters.console.api.person import Viewer, shows_own_lines
from inspector.adapters.console.api.picture_responses import picture_response
from inspector.adapters.console.pictures import PictureBody, media_type
from inspector.adapters.console.services import Services
from inspector.domain.declared import Name
from inspector.domain.person import Role

router = APIRouter(prefix="/unknown-cameras", tags=["cameras"])


@router.get("")
@shows_own_lines
def list_unknown_cameras(services: Services, who: Viewer) -> tuple[CameraDetails, ...]:
    """List cameras that no line of one's lines declares, with their kept pictures. Connect them to have them judged.

    Their number is bounded: further ones count together as `*`.
    """
    found = (each for each in services.cameras.cameras() if not each.is_declared and who.may(Role.VIEWER, each.line))
    return tuple(map(CameraDetails.of, found))


@router.get("/{line}/{camera}/pictures/{sha256}", response_class=Response)
def read_kept_picture(
    services: Services,
    line: Annotated[Name, Path()],
    camera: Annotated[Name, Path()],
    sha256: Annotated[str, Path(pattern="^[0-9a-f]{64}$")],
) -> Response:
    """Return a kept picture. Newer pictures of the camera take its place."""
    data = services.camera_pictures.kept(line, camera, sha256)
    return picture_response(PictureBody(data, media_type(data)))
