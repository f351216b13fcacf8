"""Facts of this installation that pages show."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field

from inspector.adapters.console.api.models import ApiModel
from inspector.adapters.console.services import Services

router = APIRouter(prefix="/about", tags=["service"])


class AboutAnswer(ApiModel):
    """The broker's address as cameras use it, and the plant's time zone."""

    broker_host: str
    broker_port: int
    topic_root: str
    broker_tls: bool = Field(description="whether cameras connect with TLS")
    broker_private_ca: bool = Field(description="whether they need a file with the authorities of its certificate")
    broker_client_certificate: bool = Field(description="whether the service shows the broker a certificate of its own")
    broker_login: bool = Field(description="whether the service logs in at the broker by name and password")
    time_zone: str = Field(description="IANA name, such as Asia/Seoul")


@router.get("")
def read_about(services: Services) -> AboutAnswer:
    """Return the facts of this installation."""
    return AboutAnswer.model_validate(services.about)
