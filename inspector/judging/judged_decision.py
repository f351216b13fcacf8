"""What a judgement means for the gate: the line's decision, or its fail-safe with the reason why nothing was proved."""

from __future__ import annotations

from dataclasses import replace

from inspector.domain.decision import MISSING_OPINION, Decision, Reason, decide, fail_safe
from inspector.domain.pipeline import Pipeline
from inspector.ports.pool import Judgement, ServerFault


def decision_of(pipeline: Pipeline, judgement: Judgement) -> Decision:
    """Return what a LIVE line decides on this judgement."""
    if judgement.is_bad_image:
        return fail_safe(pipeline.fail_safe, Reason.BAD_IMAGE, judgement.detail)
    decision = decide(pipeline, judgement.tally, judgement.stopped_by)
    if judgement.detail and decision.reason is Reason.MODEL_ERROR:
        is_busy = judgement.server_fault is ServerFault.BUSY
        reason = Reason.OVERLOAD if is_busy else Reason.MODEL_ERROR
        return replace(decision, reason=reason, detail=judgement.detail)
    if judgement.detail and decision.detail == MISSING_OPINION:
        decision = replace(decision, detail=judgement.detail)
    return _of_first_rung(decision) if judgement.is_short else decision


def _of_first_rung(decision: Decision) -> Decision:
    """Attribute to the overload what the rest of the ladder might have settled."""
    reason = Reason.OVERLOAD if decision.reason is Reason.DEADLINE else decision.reason
    detail = "; ".join(filter(None, ("overload: only the first rung was asked", decision.detail)))
    return replace(decision, reason=reason, detail=detail)
