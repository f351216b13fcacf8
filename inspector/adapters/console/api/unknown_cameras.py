"""Cameras that no line declares, with their kept pictures. They are never judged."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Path, Response
from pydantic import Field

from inspector.adapters.console.api.camera_models import CameraDetails, KeptPicture
from inspector.adapters.console.api.models import ApiRequest
from inspector.adapters.console.api.person import Engineer, Viewer, shows_own_lines
from inspector.adapters.console.api.picture_responses import picture_response
from inspector.adapters.console.api.problems import WRITE_RESPONSES
from inspector.adapters.console.pictures import PictureBody, media_type
from inspector.adapters.console.services import Services
from inspector.domain.declared import Name
from inspector.domain.person import Role
from inspector.messages.incoming import Sha256

MAX_PINNED: Final = 8  # in one request

router = APIRouter(prefix="/unknown-cameras", tags=["cameras"])


class PinRequest(ApiRequest):
    """Which kept pictures somebody works with."""

    sha256: tuple[Sha256, ...] = Field(min_length=1, max_length=MAX_PINNED)


@router.get("")
@shows_own_lines
def list_unknown_cameras(services: Services, who: Viewer) -> tuple[CameraDetails, ...]:
    """List cameras that no line of one's lines declares, with their kept pictures. Connect them to have them judged.

    Their number is bounded: further ones count together as `*`.
    """
    found = (each for each in services.cameras.cameras() if not each.is_declared and who.may(Role.VIEWER, each.line))
    return tuple(map(CameraDetails.of, found))


@router.put("/{line}/{camera}/pins", responses=WRITE_RESPONSES)
def pin_pictures(
    services: Services,
    line: Annotated[Name, Path()],
    camera: Annotated[Name, Path()],
    asked: PinRequest,
    who: Engineer,
) -> tuple[KeptPicture, ...]:
    """Keep these pictures for an hour, whatever the camera sends meanwhile. Repeat it to keep them for longer."""
    del who
    return tuple(KeptPicture.of(each) for each in services.camera_pictures.pin(line, camera, asked.sha256))


@router.get("/{line}/{camera}/pictures/{sha256}", response_class=Response)
def read_kept_picture(
    services: Services,
    line: Annotated[Name, Path()],
    camera: Annotated[Name, Path()],
    sha256: Annotated[Sha256, Path()],
) -> Response:
    """Return a kept picture. Newer pictures of the camera take its place."""
    data = services.camera_pictures.kept(line, camera, sha256)
    return picture_response(PictureBody(data, media_type(data)))
