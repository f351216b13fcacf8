"""How many frames a second the service carries, with a stub engine in place of the model: what MQTT, Ray Serve, the
ledger and our own code cost. Reports rates beside the pool's ceiling, since absolute times are the machine's.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any, Final

from inspector.adapters.mqtt.line_client import Exposure, Journey
from inspector.bootstrap.wiring import broker_of
from inspector.lab.synthetic import draw, encode
from inspector.messages.topics import Topics
from inspector.operations.demo import Say, demo_service
from inspector.operations.replay import run_lines
from inspector.operations.run_statistics import run_statistics
from inspector.settings import Settings

LINE: Final = "bench"
ENGINE_MS: Final = 20.0  # what the stub engine takes for a part
MAX_P99_ENGINE_TIMES: Final = 10.0  # a rate is sustained while p99 stays below this many engine times
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
product: part
question: Is there any defect on this part?
defects: {scratch: minor}
ladder:
  - {views: [direct]}
deadline_ms: 600000
"""


def bench_service(settings: Settings, *, replicas: int, rates: list[float], seconds: float, say: Say) -> dict[str, Any]:
    """Steady rates one after another, then a burst. Every figure is of this machine and this run."""
    folder = settings.data.absolute()
    pipelines = folder / "pipelines"
    pipelines.mkdir(parents=True, exist_ok=True)
    (folder / "stub.yaml").write_text(CARD)
    (pipelines / f"{LINE}.yaml").write_text(PIPELINE)
    settings = settings.model_copy(update={"model": folder / "stub.yaml", "replicas": replicas})
    say(f"drawing {DISTINCT_PICTURES} pictures")
    pictures = _pictures()
    with demo_service(settings, pipelines, say) as running:
        _run(running, pictures, 20.0, 40)  # a warm-up, not counted
        steps = [_step(running, pictures, rate, round(rate * seconds), say) for rate in rates]
        burst = _burst(running, pictures, round(max(rates) * seconds), say)
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


def _step(settings: Settings, pictures: list[bytes], rate: float, frames: int, say: Say) -> dict[str, Any]:
    journeys = _run(settings, pictures, rate, frames)
    result = run_statistics(journeys)
    p99 = result["latency_ms"]["p99"]
    achieved = _per_s(journeys)
    sustained = (
        result["lost"] == 0 and achieved >= 0.97 * rate and p99 is not None and p99 <= MAX_P99_ENGINE_TIMES * ENGINE_MS
    )
    say(f"{rate:g}/s offered: {achieved}/s, p50 {result['latency_ms']['p50']} ms, p99 {p99} ms")
    return {
        "offered_per_s": rate,
        "per_s": achieved,
        "latency_ms": result["latency_ms"],
        "sustained": sustained,
        "lost": result["lost"],
        "duplicates": result["duplicates"],
    }


def _burst(settings: Settings, pictures: list[bytes], frames: int, say: Say) -> dict[str, Any]:
    """All frames at once: they wait on the broker, and the service works at its own pace."""
    journeys = _run(settings, pictures, 1e6, frames)
    result = run_statistics(journeys)
    say(f"burst of {frames}: {_per_s(journeys)}/s")
    return {"frames": frames, "per_s": _per_s(journeys), "lost": result["lost"], "duplicates": result["duplicates"]}


def _run(settings: Settings, pictures: list[bytes], rate: float, frames: int) -> list[Journey]:
    run = f"bench-{secrets.token_hex(3)}"
    source = _exposures(pictures, frames, run)
    return run_lines(broker_of(settings), Topics(settings.topic_root), [(LINE, "cam1", source)], rate, run)


def _exposures(pictures: list[bytes], frames: int, run: str) -> Iterator[Exposure]:
    for number, payload in enumerate(islice(cycle(pictures), frames)):
        yield Exposure(f"{run}-{number}", _unique(payload, number))


def _unique(jpeg: bytes, number: int) -> bytes:
    """The same picture with a comment of its own: no line takes the same bytes twice, and storing them costs."""
    comment = str(number).encode()
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2) + comment + jpeg[2:]


def _per_s(journeys: list[Journey]) -> float:
    """Verdicts a second, from the first verdict to the last."""
    times = sorted(at for journey in journeys for at, _ in journey.verdicts[:1])
    return round((len(times) - 1) / (times[-1] - times[0]), 1) if len(times) > 1 and times[-1] > times[0] else 0.0


def _pictures() -> list[bytes]:
    """640x640 JPEGs of about 100 KB."""
    return [_near(draw("board", seed), 100_000) for seed in range(DISTINCT_PICTURES)]


def _near(sample: Any, size_bytes: int) -> bytes:
    tries = [encode(sample, quality=quality) for quality in (70, 80, 86, 90, 93, 95)]
    return min(tries, key=lambda data: abs(len(data) - size_bytes))
