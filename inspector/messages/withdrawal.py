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

REPORT_ID_SUFFIX: Final = "-report"


def withdraw_if_late(payload: bytes, now: datetime) -> VerdictMessage | None:
    """Return the verdict that replaces a late PASS; None where the message may be published unchanged."""
    try:
        verdict = VerdictMessage.model_validate_json(payload)
    except ValidationError:  # another kind of message
        return None
    if verdict.disposition is not Disposition.PASS or verdict.gate_by is None or now <= verdict.gate_by:
        return None
    safe = verdict.fail_safe or Disposition.REVIEW
    instead = {"verdict": Verdict.INCONCLUSIVE, "disposition": safe, "reason": Reason.DEADLINE, "late": True}
    return verdict.model_copy(update=instead)


def report_id(result_id: str) -> str:
    """Return the message id of a part's report."""
    return result_id + REPORT_ID_SUFFIX


def reported_result(message_id: str) -> str | None:
    """Return the result id of a report's message id; None for any other message."""
    return message_id.removesuffix(REPORT_ID_SUFFIX) if message_id.endswith(REPORT_ID_SUFFIX) else None


def correct_report(report: bytes, verdict: bytes, detail: str) -> bytes:
    """Rewrite a report for the verdict that replaced its own. An unreadable report is returned unchanged."""
    try:
        replacement, written = VerdictMessage.model_validate_json(verdict), ReportMessage.model_validate_json(report)
    except ValidationError:
        return report
    replacement = replacement.model_copy(update={"gate_by": None, "fail_safe": None})
    return to_json(written.model_copy(update={"verdict": replacement, "detail": detail}))
