"""Statistics of a run: losses, latency, votes and how often the verdicts were right. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from inspector.adapters.mqtt.line_client import Journey
from inspector.domain.declared import Disposition
from inspector.messages.outgoing import VerdictMessage
from inspector.numerics.classification_metrics import balanced_accuracy


def run_statistics(journeys: Sequence[Journey]) -> dict[str, Any]:
    """Compute the figures of a run, ready for JSON; those that need labels are None without any.

    Latency runs from publishing the frame to receiving the verdict. Balanced accuracy calls a part NG if p_ng > 0.5,
    whatever the line's thresholds; a labelled part without p_ng counts as wrong. escapes: NG parts that passed.
    overkill: OK parts that were rejected.
    """
    answered = [(journey, *journey.verdicts[0]) for journey in journeys if journey.verdicts]
    latencies = [(received_s - journey.sent_s) * 1000.0 for journey, received_s, _ in answered]
    verdicts = [verdict for _, _, verdict in answered]
    return {
        "frames_sent": len(journeys),
        "verdicts": len(answered),
        "lost": len(journeys) - len(answered),
        "duplicates": sum(max(0, len(journey.verdicts) - 1) for journey in journeys),
        "late": sum(verdict.late for verdict in verdicts),
        "latency_ms": {"p50": quantile(latencies, 0.5), "p99": quantile(latencies, 0.99)},
        "votes_mean": _mean(verdict.votes for verdict in verdicts),
        "rungs_mean": _mean(verdict.rungs for verdict in verdicts),
        "dispositions": _counts(verdict.disposition for verdict in verdicts),
        "reasons": _counts(verdict.reason for verdict in verdicts),
        **_label_figures([(journey.exposure.is_ng, verdict) for journey, _, verdict in answered]),
    }


def quantile(values: Iterable[float], share: float) -> float | None:
    """The value below which `share` of all values lie (nearest rank), rounded to 0.1; None of nothing."""
    ordered = sorted(values)
    return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)], 1) if ordered else None


def _label_figures(labelled: list[tuple[bool | None, VerdictMessage]]) -> dict[str, Any]:
    ng = [verdict for is_ng, verdict in labelled if is_ng is True]
    ok = [verdict for is_ng, verdict in labelled if is_ng is False]
    return {
        "balanced_accuracy": round(_balanced_accuracy(ng, ok), 4) if ng and ok else None,
        "escapes": sum(verdict.disposition is Disposition.PASS for verdict in ng) if ng or ok else None,
        "overkill": sum(verdict.disposition is Disposition.REJECT for verdict in ok) if ng or ok else None,
        "labelled": {"ok": len(ok), "ng": len(ng)},
    }


def _balanced_accuracy(ng: Sequence[VerdictMessage], ok: Sequence[VerdictMessage]) -> float:
    right = [verdict.p_ng is not None and verdict.p_ng > 0.5 for verdict in ng]
    right += [verdict.p_ng is not None and verdict.p_ng <= 0.5 for verdict in ok]
    return balanced_accuracy(np.array(right), np.repeat([True, False], [len(ng), len(ok)]))


def _mean(values: Iterable[float]) -> float | None:
    listed = list(values)
    return round(sum(listed) / len(listed), 3) if listed else None


def _counts(values: Iterable[str]) -> dict[str, int]:
    return {str(value): count for value, count in sorted(Counter(values).items())}
