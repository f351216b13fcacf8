"""Withdrawal of a PASS that was not published in time: the verdict and report that replace it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pydantic import (
    ValidationError,
)

from inspector.domain.decision import Reason, Verdict
from inspector.domain.declared import Disposition
from inspector.messages.outgoing import ReportMessage, VerdictMessage, to_json

REPORT_ID_SUFFIX, REPLY_ID_SUFFIX = "-report", "-reply"
LATE_DETAIL: Final = "found good in time, but not published before the gate acted without it"
AMBIGUOUS_DETAIL: Final = "its trigger_id came for another picture or part while it was at the gate"


def withdraw_if_late(payload: bytes, now: datetime) -> VerdictMessage | None:
    """Return the verdict that replaces a late PASS; None where the message may be published unchanged."""
    gate_by = gate_deadline(payload)
    return withdraw_as_late(payload) if gate_by is not None and now > gate_by else None


def withdraw_as_late(payload: bytes) -> VerdictMessage | None:
    """Return the verdict that replaces a PASS whose gate waits no longer; None for any other message."""
    verdict = _verdict(payload)
    return verdict and _without_pass(verdict, Reason.DEADLINE, late=True)


def withdraw_if_ambiguous(payload: bytes) -> VerdictMessage | None:
    """Return the verdict that replaces a PASS whose trigger_id names another part too; None for any other message."""
    verdict = _verdict(payload)
    return verdict and _without_pass(verdict, Reason.SAFE_MODE, late=verdict.late)


def is_pass(payload: bytes) -> bool:
    """Return whether the message is a verdict that passes its part."""
    return withdraw_if_ambiguous(payload) is not None


def gate_deadline(payload: bytes) -> datetime | None:
    """Return the time until which the gate waits for this verdict; None where the message has none."""
    verdict = _verdict(payload)
    return None if verdict is None else verdict.gate_by


def _verdict(payload: bytes) -> VerdictMessage | None:
    """Read a verdict; None for any other message."""
    try:
        return VerdictMessage.model_validate_json(payload)
    except ValidationError:
        return None


def _without_pass(verdict: VerdictMessage, reason: Reason, *, late: bool) -> VerdictMessage | None:
    if verdict.disposition is not Disposition.PASS:
        return None
    safe = verdict.fail_safe or Disposition.REVIEW
    instead = {"verdict": Verdict.INCONCLUSIVE, "disposition": safe, "reason": reason, "late": late}
    return verdict.model_copy(update=instead)


def report_id(result_id: str) -> str:
    """Return the message id of a part's report."""
    return result_id + REPORT_ID_SUFFIX


def reported_result(message_id: str) -> str | None:
    """Return the result id of a report's message id; None for any other message."""
    return message_id.removesuffix(REPORT_ID_SUFFIX) if message_id.endswith(REPORT_ID_SUFFIX) else None


def reply_id(result_id: str) -> str:
    """Return the message id of a verdict's copy for the response topic."""
    return result_id + REPLY_ID_SUFFIX


def answered_result(message_id: str) -> str:
    """Return the result id of a verdict's or a reply's message id."""
    return message_id.removesuffix(REPLY_ID_SUFFIX)


def correct_report(report: bytes, verdict: bytes, detail: str) -> bytes:
    """Rewrite a report for the verdict that replaced its own. An unreadable report is returned unchanged."""
    try:
        replacement, written = VerdictMessage.model_validate_json(verdict), ReportMessage.model_validate_json(report)
    except ValidationError:
        return report
    replacement = replacement.model_copy(update={"gate_by": None, "fail_safe": None})
    return to_json(written.model_copy(update={"verdict": replacement, "detail": detail}))
