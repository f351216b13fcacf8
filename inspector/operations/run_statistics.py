"""What a run on a line comes to: losses, latency, votes and how often the verdicts were right. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from inspector.adapters.mqtt.line_client import Journey
from inspector.domain.declared import Disposition
from inspector.messages.outgoing import VerdictMessage


def run_statistics(journeys: Sequence[Journey]) -> dict[str, Any]:
    """Plain figures, ready for JSON; those that need labels are None without any.

    Latency runs from sending the frame to hearing the verdict. Balanced accuracy takes p_ng > 0.5 for NG, whatever
    the thresholds; a labelled part without p_ng counts as wrong. escapes: NG parts passed; overkill: OK parts
    rejected.
    """
    heard = [(journey, *journey.verdicts[0]) for journey in journeys if journey.verdicts]
    latencies = [(at - journey.sent_s) * 1000.0 for journey, at, _ in heard]
    verdicts = [verdict for _, _, verdict in heard]
    return {
        "frames_sent": len(journeys),
        "verdicts": len(heard),
        "lost": len(journeys) - len(heard),
        "duplicates": sum(max(0, len(journey.verdicts) - 1) for journey in journeys),
        "late": sum(verdict.late for verdict in verdicts),
        "latency_ms": {"p50": quantile(latencies, 0.5), "p99": quantile(latencies, 0.99)},
        "votes_mean": _mean(verdict.votes for verdict in verdicts),
        "rungs_mean": _mean(verdict.rungs for verdict in verdicts),
        "dispositions": _counts(verdict.disposition for verdict in verdicts),
        "reasons": _counts(verdict.reason for verdict in verdicts),
        **_rightness([(journey.exposure.is_ng, verdict) for journey, _, verdict in heard]),
    }


def quantile(values: Iterable[float], share: float) -> float | None:
    """The value below which `share` of all values lie (nearest rank), rounded to 0.1; None of nothing."""
    ordered = sorted(values)
    return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)], 1) if ordered else None


def _rightness(labelled: list[tuple[bool | None, VerdictMessage]]) -> dict[str, Any]:
    ng = [verdict for is_ng, verdict in labelled if is_ng is True]
    ok = [verdict for is_ng, verdict in labelled if is_ng is False]
    right_ng = [verdict.p_ng is not None and verdict.p_ng > 0.5 for verdict in ng]
    right_ok = [verdict.p_ng is not None and verdict.p_ng <= 0.5 for verdict in ok]
    balanced = (sum(right_ng) / len(ng) + sum(right_ok) / len(ok)) / 2 if ng and ok else None
    return {
        "balanced_accuracy": None if balanced is None else round(balanced, 4),
        "escapes": sum(verdict.disposition is Disposition.PASS for verdict in ng) if ng or ok else None,
        "overkill": sum(verdict.disposition is Disposition.REJECT for verdict in ok) if ng or ok else None,
        "labelled": {"ok": len(ok), "ng": len(ng)},
    }


def _mean(values: Iterable[float]) -> float | None:
    listed = list(values)
    return round(sum(listed) / len(listed), 3) if listed else None


def _counts(values: Iterable[str]) -> dict[str, int]:
    return {str(value): count for value, count in sorted(Counter(values).items())}
