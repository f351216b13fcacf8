"""New lines: from a template, or like another line."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Response
from pydantic import Field

from inspector.adapters.console.api.models import ApiModel, ApiRequest
from inspector.adapters.console.api.person import Engineer, require_on_line
from inspector.adapters.console.api.problems import WRITE_RESPONSES
from inspector.adapters.console.schemas import LineAnswer
from inspector.adapters.console.services import ConsoleServices, Services
from inspector.config.line_template import TEMPLATES, template
from inspector.domain.declared import Name
from inspector.domain.person import Person, Role
from inspector.lines.line_pictures import NamedPicture
from inspector.lines.new_lines import NewLine
from inspector.lines.states import MAX_REASON_CHARACTERS
from inspector.messages.incoming import Sha256

MAX_GOLDEN: Final = 64

router = APIRouter(tags=["lines"])


class LineTemplate(ApiModel):
    """Settings to begin a line with."""

    name: str
    settings: dict[str, Any]


class KeptPictureName(ApiRequest):
    """A kept picture of a camera that no line declares."""

    line: Name
    camera: Name
    sha256: Sha256


class NewLineRequest(ApiRequest):
    """A line to create. `settings` replace those of the template or the other line, each as a whole."""

    line: str = Field(max_length=256)
    template: str | None = Field(default=None, max_length=64)
    like: Name | None = Field(
        default=None, description="the line to copy, golden samples included; it needs the role viewer there"
    )
    settings: dict[str, Any] = Field(default_factory=dict)
    golden: tuple[KeptPictureName, ...] = Field(
        default=(), max_length=MAX_GOLDEN, description="kept pictures of undeclared cameras, as the golden samples"
    )
    reason: Annotated[str, Field(max_length=MAX_REASON_CHARACTERS)] = ""


@router.get("/line-templates")
def list_templates(services: Services) -> tuple[LineTemplate, ...]:
    """List the templates of lines."""
    del services
    return tuple(LineTemplate(name=name, settings=template(name)) for name in TEMPLATES)


@router.post("/lines", status_code=201, responses=WRITE_RESPONSES)
def create_line(services: Services, asked: NewLineRequest, who: Engineer, response: Response) -> LineAnswer:
    """Create a line in COMMISSIONING: it judges and stores, and passes nothing. Every fault is named at its field."""
    require_on_line(who, Role.ENGINEER, asked.line)
    if asked.like is not None:
        require_on_line(who, Role.VIEWER, asked.like)
    golden = tuple(_kept(services, who, each) for each in asked.golden)
    new = NewLine(asked.line, asked.settings, who.name, asked.reason, asked.template, asked.like, golden)
    view = services.new_lines.create(new)
    response.headers["Location"] = f"/api/v1/lines/{view.line}"
    return LineAnswer.of(view)


def _kept(services: ConsoleServices, who: Person, named: KeptPictureName) -> NamedPicture:
    require_on_line(who, Role.VIEWER, named.line)
    data = services.camera_pictures.kept(named.line, named.camera, named.sha256)
    return NamedPicture(f"picture {named.sha256[:16]}", data)
