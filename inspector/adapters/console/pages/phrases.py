"""Codes and numbers in words. Pure."""

from __future__ import annotations

from typing import Final

from inspector.adapters.console.schemas import CameraAnswer
from inspector.domain.decision import Reason
from inspector.domain.pipeline import Thresholds
from inspector.domain.vote import StoppedBy
from inspector.messages.outgoing import VerdictMessage
from inspector.messages.topics import Topics

REASONS: Final = {
    Reason.NO_DEFECT: "No defect found",
    Reason.DEFECT: "Defect found",
    Reason.DISAGREEMENT: "Left open: a person should look",
    Reason.DEADLINE: "Time ran out before it was settled",
    Reason.BAD_IMAGE: "The picture could not be judged",
    Reason.MODEL_ERROR: "The model gave no usable answer",
    Reason.OVERLOAD: "All model replicas were busy",
    Reason.UNQUALIFIED: "The line is not qualified for this model and these settings",
    Reason.SAFE_MODE: "The line is in safe mode",
    Reason.PAUSED: "The line is paused",
}
STOPS: Final = {
    StoppedBy.SETTLED: "settled",
    StoppedBy.DECIDED: "outcome fixed",
    StoppedBy.LADDER_END: "ladder ended",
    StoppedBy.DEADLINE: "deadline near",
    StoppedBy.ERROR: "error",
}


def explanation(verdict: VerdictMessage, thresholds: Thresholds | None) -> str:
    """Return why the part got its disposition."""
    if verdict.p_ng is None or thresholds is None or verdict.reason not in _SIDES:
        return f"{REASONS[verdict.reason]}."
    side = _SIDES[verdict.reason].format(below=thresholds.pass_below, above=thresholds.reject_above)
    return f"{REASONS[verdict.reason]}. The votes put the probability of NG at {verdict.p_ng:.2f}, {side}."


_SIDES: Final = {
    Reason.NO_DEFECT: "below this line's PASS limit of {below:.2f}",
    Reason.DEFECT: "above this line's REJECT limit of {above:.2f}",
    Reason.DISAGREEMENT: "between this line's limits {below:.2f} and {above:.2f}",
}


def votes(verdict: VerdictMessage) -> str:
    """Return the number of votes and rungs, such as `3 votes × 2 rungs`."""
    return f"{counted(verdict.votes, 'vote')} × {counted(verdict.rungs, 'rung')}" if verdict.votes else "no votes"


def agreement(verdict: VerdictMessage) -> str:
    return "" if verdict.agreement is None else f"{verdict.agreement:.0%} agree"


def counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def duration(ms: float | None) -> str:
    """Return `412 ms`, `1.50 s`, or a dash."""
    if ms is None:
        return "–"
    return f"{ms:.0f} ms" if ms < 1000.0 else f"{ms / 1000.0:.2f} s"


def camera_state(camera: CameraAnswer) -> str:
    return (camera.status or "no status sent") if camera.known else "unknown, connect it?"


def publish_example(topics: Topics, line: str, camera: str) -> str:
    """Return a command that publishes one picture as this camera would."""
    topic = topics.camera(line, camera, "frame")
    return f"mosquitto_pub -V 5 -q 1 -t {topic} -f part.jpg -D publish user-property trigger_id first-1"
