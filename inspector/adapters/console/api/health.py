"""Health of the service, for people, probes and load balancers."""

from __future__ import annotations

from fastapi import APIRouter

from inspector.adapters.console.api.person import shows_own_lines
from inspector.adapters.console.api.problems import ProblemType, problem_responses
from inspector.adapters.console.schemas import Health
from inspector.adapters.console.services import Services

AWAY_RESPONSES = problem_responses(ProblemType.LEDGER_AWAY, ProblemType.MODEL_AWAY)

router = APIRouter(tags=["service"])
probes = APIRouter(tags=["service"])
"""Served outside the API's prefix and open to everybody: they say nothing about parts."""


@router.get("/health", responses=AWAY_RESPONSES)
@shows_own_lines
async def read_health(services: Services) -> Health:
    """Return 200 while the database can be read, every station can store parts, and the model's server answers."""
    return await services.catalogue.health()


@probes.get("/health/live", status_code=204)
async def read_live() -> None:
    """Return 204 while this process answers requests."""


@probes.get("/health/ready", status_code=204, responses=AWAY_RESPONSES)
async def read_ready(services: Services) -> None:
    """Return 204 while parts can be judged and stored, 503 otherwise."""
    await services.catalogue.health()
