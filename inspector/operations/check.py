"""Check everything that the service needs, and name a remedy for each fault."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

import httpx

from inspector.adapters.ledger import SqlArchive, check_integrity, database_exists, schema_state
from inspector.adapters.mqtt.check.in_flight import measure_in_flight
from inspector.adapters.mqtt.check.large_messages import carry_messages
from inspector.adapters.vlm.checkpoint_config import read_checkpoint_config
from inspector.bootstrap.evidence import open_evidence
from inspector.bootstrap.from_settings import broker_of, card_of
from inspector.bootstrap.model import open_model
from inspector.config.engine_limits import unserved_settings
from inspector.domain.model_card import ModelCard
from inspector.errors import InspectorError, LedgerError
from inspector.messages.topics import Topics
from inspector.operations.service import probe_broker, probe_client_id
from inspector.ports.archive import PartFilter, PartRow
from inspector.ports.ledger import PipelineVersion
from inspector.settings import Settings

MAX_INTEGRITY_CHECK_S: Final = 10.0  # a large database is then checked in part
DAMAGE_REMEDY: Final = "stop the service, keep a copy of the file, and restore the last backup: inspector restore"
MIN_FREE_GB: Final = 5.0
MIN_OUTAGE_S: Final = 60.0  # a shorter outage of the ledger must leave no frame without an answer
MAX_CARRIED_SHARE: Final = 0.8  # of what a broker carries, so that a backlog ends
LARGE_FRAMES_S: Final = 3.0
MIN_MEASURED_FRAMES: Final = 8
RATE_PARTS: Final = 200  # newest parts of a line from which its rate is taken


class CheckResult(NamedTuple):
    """The result of one check. `remedy` is empty if the check passed."""

    check: str
    ok: bool
    found: str
    remedy: str = ""


class FrameLoad(NamedTuple):
    """Frames that cameras send in messages: their size and their rate."""

    size_mb: float
    per_s: float


def run_checks(settings: Settings, *, ask: bool = False, frames: FrameLoad | None = None) -> list[CheckResult]:
    """Run all checks, in the order in which a new installation is set up; with `ask` also question the model.

    With `frames` also measure whether the broker carries them.

    Never raises: a check that fails unexpectedly becomes a failed result.
    """
    checks: list[tuple[str, Callable[[Settings], CheckResult]]] = [
        ("disk", _disk),
        ("evidence", _evidence),
        ("database", _database),
        ("ledger file", _damage),
        ("broker", _broker),
        ("frames in flight", _in_flight),
        ("model", _model),
        ("lines", _lines),
        ("gpu", _gpu),
        ("console port", _console_port),
    ]
    if ask:
        checks.append(("answer", _answer))
    if frames is not None:
        checks.append(("large frames", partial(_large_frames, frames)))
    return [_guarded(name, check, settings) for name, check in checks]


def as_json(results: list[CheckResult]) -> dict[str, Any]:
    return {"ok": all(result.ok for result in results), "checks": [result._asdict() for result in results]}


def _guarded(name: str, check: Callable[[Settings], CheckResult], settings: Settings) -> CheckResult:
    try:
        return check(settings)
    except (InspectorError, OSError, ValueError) as error:
        return CheckResult(name, False, str(error), "correct the named problem, then check again")


def _disk(settings: Settings) -> CheckResult:
    folder = next(path for path in (settings.data.absolute(), *settings.data.absolute().parents) if path.exists())
    if not os.access(folder, os.W_OK):
        return CheckResult("disk", False, f"{folder} is not writable", "set INSPECTOR_DATA to a writable folder")
    free_gb = shutil.disk_usage(folder).free / 1e9
    remedy = "" if free_gb >= MIN_FREE_GB else "free some space, or set INSPECTOR_DATA to another disk"
    found = f"{free_gb:.1f} GB free in {settings.data}, {MIN_FREE_GB:g} GB needed"
    return CheckResult("disk", free_gb >= MIN_FREE_GB, found, remedy)


def _evidence(settings: Settings) -> CheckResult:
    written = open_evidence(settings).put(b"inspector check", "text/plain")
    return CheckResult("evidence", True, f"writable: {settings.evidence} ({written.size_bytes} bytes written)")


def _database(settings: Settings) -> CheckResult:
    current, head = schema_state(settings.database)
    if current == head:
        return CheckResult("database", True, f"{settings.database} is up to date ({head})")
    remedy = "run `inspector db upgrade` (the service also does so when it starts)"
    found = f"{settings.database} has schema {current or 'none'}, {head} is needed"
    return CheckResult("database", False, found, remedy)


def _damage(settings: Settings) -> CheckResult:
    """Look for damage in the database's file, as after a full disk or a lost power supply."""
    if not database_exists(settings.database):
        return CheckResult("ledger file", True, "there is no database yet")
    try:
        damage, is_complete = check_integrity(settings.database, MAX_INTEGRITY_CHECK_S)
    except LedgerError as error:
        return CheckResult("ledger file", False, str(error), DAMAGE_REMEDY)
    if damage:
        return CheckResult("ledger file", False, f"damaged: {'; '.join(damage)}", DAMAGE_REMEDY)
    extent = "no damage" if is_complete else f"no damage in the {MAX_INTEGRITY_CHECK_S:g} s that the check may take"
    return CheckResult("ledger file", True, extent)


def _broker(settings: Settings) -> CheckResult:
    broker, probe = broker_of(settings), probe_broker(settings)
    if probe.problems:
        problems, remedies = zip(*probe.problems, strict=True)
        return CheckResult("broker", False, f"{broker.address}: " + "; ".join(problems), "; ".join(remedies))
    return CheckResult("broker", True, f"{broker.address} answers, QoS 1 round trip {probe.round_trip_ms:.1f} ms")


def _in_flight(settings: Settings) -> CheckResult:
    """How long every frame is answered while the ledger is away: the broker delivers no more than its limit."""
    wanted = settings.receive_maximum
    limit = measure_in_flight(broker_of(settings), Topics(settings.topic_root), probe_client_id(settings), wanted)
    found = f"the broker delivers {limit} of {wanted} frames before the first is acknowledged"
    rate = _frames_per_s(settings)
    if rate is None:
        return CheckResult("frames in flight", True, f"{found}; without the ledger that is {limit} s at 1 frame/s")
    lasts_s = limit / rate
    found += f"; without the ledger every frame is answered for {lasts_s:.0f} s at {rate:.1f} frames/s"
    if lasts_s >= MIN_OUTAGE_S:
        return CheckResult("frames in flight", True, found)
    raised = "INSPECTOR_RECEIVE_MAXIMUM" if limit == wanted else "max_inflight_messages of the broker (mosquitto)"
    return CheckResult("frames in flight", False, found, f"raise {raised}, or use more stations")


def _large_frames(load: FrameLoad, settings: Settings) -> CheckResult:
    """Whether frames of this size and rate can be sent in messages: the broker is asked for more than that."""
    frame = os.urandom(int(load.size_mb * 1_000_000))
    carried = carry_messages(
        broker_of(settings),
        Topics(settings.topic_root),
        probe_client_id(settings),
        lambda _number: frame,
        len,
        count=max(MIN_MEASURED_FRAMES, round(load.per_s * LARGE_FRAMES_S)),
        rate_per_s=load.per_s / MAX_CARRIED_SHARE,
    )
    per_s = len(carried.latencies_ms) / carried.seconds if carried.seconds > 0 else 0.0
    lost = carried.sent - len(carried.latencies_ms)
    found = f"the broker carries {per_s:.1f} frames/s of {load.size_mb:g} MB, {load.per_s:g} are wanted; {lost} lost"
    if lost == 0 and per_s >= load.per_s:
        return CheckResult("large frames", True, found)
    remedy = "send frame-ref with the picture in a folder or bucket of INSPECTOR_CLAIMS, or smaller frames"
    return CheckResult("large frames", False, found, remedy)


def _frames_per_s(settings: Settings) -> float | None:
    """Return the rate of all lines together, each by the usual interval of its newest parts; None without parts."""
    try:
        with closing(SqlArchive(settings.database)) as archive:
            lines = [version.pipeline.line for version in archive.list_pipelines()]
            return sum(_line_rate(archive.parts(PartFilter(line=line), RATE_PARTS)) for line in lines) or None
    except LedgerError:
        return None


def _line_rate(newest: list[PartRow]) -> float:
    received = sorted(row.part.received_at for row in newest)
    intervals = [(later - earlier).total_seconds() for earlier, later in pairwise(received)]
    usual_s = median(intervals) if intervals else 0.0
    return 1.0 / usual_s if usual_s > 0.0 else 0.0


def _model(settings: Settings) -> CheckResult:
    card = card_of(settings)
    folder = settings.model.parent / card.checkpoint
    if card.server is not None:
        return CheckResult("model", True, f"{card.name} is served by {card.server.base_url}; --ask asks it a question")
    if card.engine != "transformers":
        return CheckResult("model", True, f"{card.name}: engine {card.engine} needs no checkpoint")
    if not folder.is_dir():
        return _hub_checkpoint(card)
    kind = read_checkpoint_config(card, folder)
    weights = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    if not weights:
        return CheckResult("model", False, f"{folder} has no weights", f"put *.safetensors of {kind.network} into it")
    size = f"{weights / 1e6:.0f} MB of {kind.quantisation or card.dtype} weights"
    return CheckResult("model", True, f"{card.name}: {folder}, {kind.network}, {size}")


def _lines(settings: Settings) -> CheckResult:
    """Every line of the ledger must be one that the card's engine can serve."""
    card = card_of(settings)
    lines = [version.pipeline for version in _versions(settings)]
    unserved = [(line.line, each) for line in lines for each in unserved_settings(line, card)]
    if unserved:
        found = "; ".join(f"{name}: {each}" for name, each in unserved)
        return CheckResult("lines", False, found, "; ".join(dict.fromkeys(each.remedy for _, each in unserved)))
    return CheckResult("lines", True, f"{card.name} can serve all {len(lines)} line(s) of the ledger")


def _versions(settings: Settings) -> list[PipelineVersion]:
    """Return the newest version of every line; none where the ledger has no tables yet, which its own check names."""
    try:
        with closing(SqlArchive(settings.database)) as archive:
            return archive.list_pipelines()
    except LedgerError:
        return []


def _hub_checkpoint(card: ModelCard) -> CheckResult:
    """A checkpoint from a hub must be in the local cache if HF_HUB_OFFLINE is set."""
    cache = Path(os.environ.get("HF_HUB_CACHE") or Path(os.environ.get("HF_HOME", "~/.cache/huggingface")) / "hub")
    cached = (cache.expanduser() / f"models--{card.checkpoint.replace('/', '--')}").is_dir()
    if cached or not os.environ.get("HF_HUB_OFFLINE"):
        state = "is in the cache" if cached else "will be downloaded"
        return CheckResult("model", True, f"{card.checkpoint} {state}")
    return CheckResult(
        "model",
        False,
        f"{card.checkpoint} is not in {cache} and HF_HUB_OFFLINE is set",
        "copy the checkpoint to a folder and name it in the card, or unset HF_HUB_OFFLINE",
    )


def _answer(settings: Settings) -> CheckResult:
    """Ask the health-check question that every replica asks before it serves."""
    model = open_model(settings, settings.threads or os.cpu_count() or 1)
    started = time.monotonic()
    asyncio.run(model.test())
    ms = (time.monotonic() - started) * 1000.0
    return CheckResult("answer", True, f"{card_of(settings).name} answered a question about a picture in {ms:.0f} ms")


def _gpu(settings: Settings) -> CheckResult:
    card = card_of(settings)
    needed = card.num_gpus * (settings.replicas or card.replicas)
    gpus = len(list(Path("/dev").glob("nvidia[0-9]*")))
    remedy = "" if gpus >= needed else "use models/demo.yaml, fewer replicas, or a machine with GPUs"
    return CheckResult("gpu", gpus >= needed, f"{gpus} found, {needed:g} needed by {card.name}", remedy)


def _is_console_up(settings: Settings) -> bool:
    """Whether the console answers, and parts can be judged and stored."""
    try:
        return httpx.get(f"{settings.console_url}health/ready", timeout=2.0).status_code == httpx.codes.NO_CONTENT
    except httpx.HTTPError:
        return False


def _console_port(settings: Settings) -> CheckResult:
    host, port = settings.console_host, settings.console_port
    with socket.socket() as client:
        client.settimeout(1.0)
        is_taken = client.connect_ex((host, port)) == 0
    if not is_taken:
        return CheckResult("console port", True, f"{host}:{port} is free")
    if _is_console_up(settings):
        return CheckResult("console port", True, f"the console answers on {settings.console_url}")
    return CheckResult(
        "console port",
        False,
        f"{host}:{port} is in use by another program",
        "set INSPECTOR_CONSOLE_PORT to a free port",
    )
