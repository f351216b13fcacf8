"""Converts scraped data to metric families of prometheus_client."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    SummaryMetricFamily,
)
from prometheus_client.core import (
    Metric as Family,
)

from inspector.adapters.telemetry import metrics
from inspector.adapters.telemetry.ledger_reader import LedgerSums, ScrapeData
from inspector.adapters.telemetry.metrics import Metric
from inspector.ports.metrics import (
    ALWAYS_SHOWN_EVENTS,
    DEADLINE_SHARE_EDGES,
    NO_PARTS,
    EventKind,
    PartSums,
    StationStatus,
)

Samples = Iterable[tuple[Sequence[str], float]]


def families(reading: ScrapeData) -> Iterator[Family]:
    """Yield every metric with known values."""
    yield _gauge(metrics.LEDGER_UP, [((), float(reading.ledger is not None))])
    if reading.ledger is not None:
        yield from _of_parts(reading.ledger)
        yield from _of_cameras(reading.ledger)
        yield from _of_messages(reading.ledger, reading.at.timestamp())
        yield from _of_books(reading.ledger)
    yield from _of_stations(reading.stations)


def _of_parts(ledger: LedgerSums) -> Iterator[Family]:
    yield _counter(metrics.PARTS, ((outcome, each.parts) for outcome, each in ledger.parts.items()))
    by_line = _by_line(ledger)
    yield _counter(metrics.DEADLINE_MISSES, (((line,), each.late) for line, each in by_line.items()))
    yield _counter(metrics.VOTES, (((line,), each.votes) for line, each in by_line.items()))
    yield _counter(metrics.TOKENS, (((line,), each.tokens) for line, each in by_line.items()))
    deadlines = {each.pipeline.line: each.pipeline.deadline_ms / 1000.0 for each in ledger.pipelines}
    yield _gauge(metrics.DEADLINE, (((line,), deadline_s) for line, deadline_s in deadlines.items()))
    yield from _latencies(by_line)


def _by_line(ledger: LedgerSums) -> dict[str, PartSums]:
    """Return the sums by line. A line without parts counts 0: a counter that begins at 0 shows its first step."""
    by_line = defaultdict(lambda: NO_PARTS, {each.pipeline.line: NO_PARTS for each in ledger.pipelines})
    for outcome, counted in ledger.parts.items():
        by_line[outcome.line] += counted
    return by_line


def _latencies(by_line: dict[str, PartSums]) -> Iterator[Family]:
    shares = HistogramMetricFamily(metrics.LATENCY_SHARE.name, metrics.LATENCY_SHARE.help, labels=["line"])
    seconds = SummaryMetricFamily(metrics.LATENCY.name, metrics.LATENCY.help, labels=["line"])
    for line, each in by_line.items():
        edges = [str(edge) for edge in DEADLINE_SHARE_EDGES]
        buckets = [*zip(edges, map(float, each.within), strict=True), ("+Inf", float(each.parts))]
        shares.add_metric([line], buckets, each.spent)
        seconds.add_metric([line], each.parts, each.latency_ms / 1000.0)
    yield from (shares, seconds)


def _of_cameras(ledger: LedgerSums) -> Iterator[Family]:
    """Yield metrics of cameras. Unknown cameras are only counted: their names come from outside, without limit."""
    known = [camera for camera in ledger.cameras if camera.known]
    yield _counter(metrics.FRAMES, (((each.line, each.camera), each.frames) for each in known))
    yield _counter(metrics.LOST, (((each.line, each.camera), each.lost) for each in known))
    yield _gauge(metrics.CAMERA_SEEN, (((each.line, each.camera), each.last_seen.timestamp()) for each in known))
    frames: Counter[str] = Counter()
    for camera in ledger.cameras:
        frames[camera.line] += 0 if camera.known else camera.frames
    yield _counter(metrics.UNKNOWN_FRAMES, (((line,), count) for line, count in frames.items()))
    yield _gauge(metrics.UNKNOWN_CAMERAS, [((), len(ledger.cameras) - len(known))])


def _of_messages(ledger: LedgerSums, now: float) -> Iterator[Family]:
    empty = {each.pipeline.line: 0.0 for each in ledger.pipelines}
    messages = empty | {each.line: each.messages for each in ledger.waiting}
    ages = empty | {each.line: max(0.0, now - each.oldest_at.timestamp()) for each in ledger.waiting}
    yield _gauge(metrics.OUTBOX, (((line,), count) for line, count in messages.items()))
    yield _gauge(metrics.OUTBOX_AGE, (((line,), age_s) for line, age_s in ages.items()))
    alarms = {EventKind(line, kind, "ALARM"): 0 for line in empty for kind in ALWAYS_SHOWN_EVENTS}
    yield _counter(metrics.EVENTS, (alarms | ledger.events).items())


def _of_books(ledger: LedgerSums) -> Iterator[Family]:
    if not ledger.balances:
        return
    yield _gauge(metrics.UNACCOUNTED, (((each.line,), each.unaccounted) for each in ledger.balances))
    yield _gauge(metrics.BALANCED, (((each.line,), float(not each.problems())) for each in ledger.balances))
    yield _gauge(metrics.BALANCE_CHECKED, [((), ledger.balances[0].at.timestamp())])


def _of_stations(stations: Sequence[StationStatus]) -> Iterator[Family]:
    yield _gauge(metrics.HEARTBEAT, (((str(each.station),), each.heard_at.timestamp()) for each in stations))
    yield _gauge(metrics.IN_FLIGHT, (((str(each.station),), each.in_hand) for each in stations))
    yield _gauge(metrics.REPLICA_QUEUE, (((str(each.station),), each.queued) for each in stations))
    yield _gauge(metrics.JUDGING, (((str(each.station),), each.judging) for each in stations))
    yield _gauge(metrics.LEDGER_AWAY, (((str(each.station),), float(each.ledger_away)) for each in stations))
    away = (((str(each.station),), float(each.model_away is not None)) for each in stations)
    yield _gauge(metrics.MODEL_AWAY, away)
    yield _gauge(metrics.UNCONFIRMED, (((str(each.station),), each.unconfirmed) for each in stations))


def _counter(metric: Metric, samples: Samples) -> Family:
    return _filled(CounterMetricFamily(metric.name, metric.help, labels=metric.labels), samples)


def _gauge(metric: Metric, samples: Samples) -> Family:
    return _filled(GaugeMetricFamily(metric.name, metric.help, labels=metric.labels), samples)


def _filled(family: CounterMetricFamily | GaugeMetricFamily, samples: Samples) -> Family:
    for labels, value in samples:
        family.add_metric(labels, value)
    return family
