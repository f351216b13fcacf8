"""Withdraw a PASS that was not published in time: the verdict and report that replace it."""

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
    """What a gate is told in place of a PASS that it did not get in time; None where the message may go as it is."""
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
    """The message id of a part's report."""
    return result_id + REPORT_ID_SUFFIX


def reported_result(message_id: str) -> str | None:
    """Whose report that message is; None for another kind of message."""
    return message_id.removesuffix(REPORT_ID_SUFFIX) if message_id.endswith(REPORT_ID_SUFFIX) else None


def correct_report(report: bytes, verdict: bytes, detail: str) -> bytes:
    """A report that was written before its verdict became another one; an unreadable one stays as it is."""
    try:
        told, written = VerdictMessage.model_validate_json(verdict), ReportMessage.model_validate_json(report)
    except ValidationError:
        return report
    told = told.model_copy(update={"gate_by": None, "fail_safe": None})
    return to_json(written.model_copy(update={"verdict": told, "detail": detail}))
