"""Rows of the tables, built from the API's answers: text, numbers, addresses, icons. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from inspector.adapters.console.api.parts import part_address
from inspector.adapters.console.pages import phrases
from inspector.adapters.console.pages.addresses import page_address
from inspector.adapters.console.pages.looks import DISPOSITIONS, SEVERITIES, camera_look
from inspector.adapters.console.schemas import CameraAnswer, EventAnswer, PartSummary
from inspector.domain.pipeline import Thresholds
from inspector.domain.prompts import word
from inspector.messages.outgoing import VoteLine

THUMBNAIL_PX: Final = 136  # twice the displayed width, for high-density screens


def part_row(part: PartSummary) -> dict[str, Any]:
    """Build the row of one part in the list."""
    verdict = part.verdict
    look = DISPOSITIONS[verdict.disposition]
    name = verdict.part_id or verdict.trigger_id
    return {
        "number": part.number,
        "href": page_address(verdict.result_id),
        "thumbnail": f"{part_address(verdict.result_id)}/thumbnail?side={THUMBNAIL_PX}",
        "aloud": f"{verdict.disposition}, part {name}, line {verdict.line}: open the report",
        "look": look.css,
        "icon": look.icon,
        "disposition": verdict.disposition,
        "verdict": verdict.verdict,
        "p_ng": verdict.p_ng,
        "defect": verdict.defect and word(verdict.defect).capitalize(),
        "reason": phrases.REASONS[verdict.reason],
        "detail": part.detail[:300],
        "votes": phrases.votes(verdict),
        "stopped": " · ".join(filter(None, (phrases.agreement(verdict), phrases.STOPS[verdict.stopped_by]))),
        "name": name,
        "line": verdict.line,
        "camera": verdict.camera,
        "at": verdict.decided_at.isoformat(),
        "simulated": verdict.is_simulated,
        **_timing(part),
    }


def vote_rows(votes: Iterable[VoteLine], thresholds: Thresholds | None) -> list[dict[str, Any]]:
    """Build the rows of one part's votes, each with the thresholds it is drawn against."""
    limits = {
        "known": thresholds is not None,
        "below": f"{thresholds.pass_below:.1%}" if thresholds else None,
        "above": f"{thresholds.reject_above:.1%}" if thresholds else None,
    }
    return [_vote_row(vote) | limits for vote in votes]


def _vote_row(vote: VoteLine) -> dict[str, Any]:
    shown = {"rung": vote.rung + 1, "ms": phrases.duration(vote.ms)}
    return {**vote.model_dump(include={"view", "p_ng", "p_true", "readable", "tokens", "text"}), **shown}


def _timing(part: PartSummary) -> dict[str, Any]:
    verdict = part.verdict
    used = 100.0 * verdict.latency_ms / verdict.deadline_ms if verdict.deadline_ms else 0.0
    return {
        "latency": phrases.duration(verdict.latency_ms),
        "deadline": phrases.duration(verdict.deadline_ms),
        "time_used": min(100.0, round(used, 1)),
        "late": verdict.late,
    }


def camera_row(camera: CameraAnswer) -> dict[str, Any]:
    look = camera_look(camera)
    return camera.model_dump(mode="json") | {
        "state": phrases.camera_state(camera),
        "look": look.css,
        "icon": look.icon,
    }


def event_row(event: EventAnswer) -> dict[str, Any]:
    look = SEVERITIES.get(event.severity, SEVERITIES["INFO"])
    return event.model_dump(mode="json") | {"look": look.css, "icon": look.icon}
