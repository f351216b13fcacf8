"""Measure how many frames a second the service handles with a stub engine in place of the model.

The result is the cost of MQTT, Ray Serve, the ledger and the service's own code. Rates are reported next to the pool's
ceiling, because absolute times depend on the machine.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

from inspector.adapters.mqtt.line_client import Exposure, Journey
from inspector.bootstrap.from_settings import broker_of
from inspector.errors import PoolError
from inspector.lab.synthetic import draw, encode
from inspector.messages.topics import Topics
from inspector.operations.demo import demo_service
from inspector.operations.progress import Notify
from inspector.operations.replay import PublishedLine, run_lines
from inspector.operations.run_statistics import run_statistics
from inspector.operations.send_rate import FixedRate
from inspector.settings import Settings

LINE: Final = "bench"
ENGINE_MS: Final = 20.0  # time of the stub engine for one part
MAX_P99_ENGINE_TIMES: Final = 10.0  # a rate is sustained while p99 is at most this many times ENGINE_MS
MIN_ACHIEVED_SHARE: Final = 0.97  # of the offered rate, for a rate to be sustained
WARM_UP_FPS, WARM_UP_FRAMES = 20.0, 40  # not measured
FRAME_BYTES: Final = 100_000
DISTINCT_PICTURES: Final = 24
CARD: Final = """\
name: stub
engine: stub
checkpoint: none
pixels: {min: 102400, max: 102400}
max_ongoing_requests: 16
"""
PIPELINE: Final = """\
line: bench
cameras: [cam1]
product: part
question: Is there any defect on this part?
defects: {scratch: minor}
ladder:
  - {views: [direct]}
deadline_ms: 600000
"""


def stub_card(folder: Path) -> Path:
    """Write the model card of the stub engine into the folder, and return its file."""
    card = folder / "stub.yaml"
    card.write_text(CARD)
    return card


def measure_service(
    settings: Settings, *, replicas: int, rates: list[float], seconds: float, notify: Notify
) -> dict[str, Any]:
    """Measure steady rates one after another, then a burst. All figures are of this machine and this run."""
    folder = settings.data.absolute()
    pipelines = folder / "pipelines"
    pipelines.mkdir(parents=True, exist_ok=True)
    (pipelines / f"{LINE}.yaml").write_text(PIPELINE)
    settings = settings.model_copy(update={"model": stub_card(folder), "replicas": replicas})
    notify(f"drawing {DISTINCT_PICTURES} pictures")
    pictures = _pictures()
    with demo_service(settings, pipelines, [LINE], notify) as running:
        _warm_up(running, pictures)
        steps = [_step(running, pictures, rate, round(rate * seconds), notify) for rate in rates]
        burst = _burst(running, pictures, round(max(rates) * seconds), notify)
    ceiling = replicas * 1000.0 / ENGINE_MS
    sustained = max((step["offered_per_s"] for step in steps if step["sustained"]), default=None)
    return {
        "replicas": replicas,
        "engine_ms": ENGINE_MS,
        "pool_ceiling_per_s": ceiling,
        "frame_kb": round(sum(map(len, pictures)) / len(pictures) / 1000.0),
        "steps": steps,
        "sustained_per_s": sustained,
        "sustained_of_ceiling": sustained and round(sustained / ceiling, 3),
        "burst": burst | {"of_ceiling": round(burst["per_s"] / ceiling, 3)},
    }


def _warm_up(settings: Settings, pictures: list[bytes]) -> None:
    """Send the first frames. Raises PoolError where the service answers none: figures of it would say nothing."""
    if not any(journey.verdicts for journey in _run(settings, pictures, WARM_UP_FPS, WARM_UP_FRAMES)):
        raise PoolError(f"the service answered none of {WARM_UP_FRAMES} frames; its logs are in {settings.data}/logs")


def _step(settings: Settings, pictures: list[bytes], rate: float, frames: int, notify: Notify) -> dict[str, Any]:
    journeys = _run(settings, pictures, rate, frames)
    result = run_statistics(journeys)
    p99 = result["latency_ms"]["p99"]
    achieved = _per_s(journeys)
    sustained = (
        result["lost"] == 0
        and achieved >= MIN_ACHIEVED_SHARE * rate
        and p99 is not None
        and p99 <= MAX_P99_ENGINE_TIMES * ENGINE_MS
    )
    notify(f"{rate:g}/s offered: {achieved}/s, p50 {result['latency_ms']['p50']} ms, p99 {p99} ms")
    return {
        "offered_per_s": rate,
        "per_s": achieved,
        "latency_ms": result["latency_ms"],
        "sustained": sustained,
        "lost": result["lost"],
        "duplicates": result["duplicates"],
    }


def _burst(settings: Settings, pictures: list[bytes], frames: int, notify: Notify) -> dict[str, Any]:
    """Publish all frames at once: they queue at the broker, and the service sets the pace."""
    journeys = _run(settings, pictures, 1e6, frames)
    result = run_statistics(journeys)
    notify(f"burst of {frames}: {_per_s(journeys)}/s")
    return {"frames": frames, "per_s": _per_s(journeys), "lost": result["lost"], "duplicates": result["duplicates"]}


def _run(settings: Settings, pictures: list[bytes], rate: float, frames: int) -> list[Journey]:
    run = f"bench-{secrets.token_hex(3)}"
    source = _exposures(pictures, frames, run)
    return run_lines(
        broker_of(settings), Topics(settings.topic_root), [PublishedLine(LINE, "cam1", source)], FixedRate(rate), run
    )


def _exposures(pictures: list[bytes], frames: int, run: str) -> Iterator[Exposure]:
    for number, payload in enumerate(islice(cycle(pictures), frames)):
        yield Exposure(f"{run}-{number}", _unique(payload, number))


def _unique(jpeg: bytes, number: int) -> bytes:
    """The same picture with a unique comment: a line never sends equal bytes twice, and new ones cost storage."""
    comment = str(number).encode()
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2) + comment + jpeg[2:]


def _per_s(journeys: list[Journey]) -> float:
    """Verdicts a second, from the first verdict to the last."""
    times = sorted(received_s for journey in journeys for received_s, _ in journey.verdicts[:1])
    return round((len(times) - 1) / (times[-1] - times[0]), 1) if len(times) > 1 and times[-1] > times[0] else 0.0


def _pictures() -> list[bytes]:
    """640x640 JPEGs of about FRAME_BYTES."""
    return [_near(draw("board", seed), FRAME_BYTES) for seed in range(DISTINCT_PICTURES)]


def _near(sample: Any, size_bytes: int) -> bytes:
    candidates = [encode(sample, quality=quality) for quality in (70, 80, 86, 90, 93, 95)]
    return min(candidates, key=lambda data: abs(len(data) - size_bytes))
