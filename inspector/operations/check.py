"""The doctor: looks at everything the service needs, and says for each what is wrong and what to do."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from inspector.adapters.ledger import FileEvidence, schema_state
from inspector.bootstrap.wiring import broker_of, card_of, open_model
from inspector.domain.model_card import ModelCard
from inspector.errors import InspectorError
from inspector.operations.service import is_console_up, probe_broker
from inspector.settings import Settings

MIN_FREE_GB: Final = 5.0
EXPECTED_ARCHITECTURE: Final = "Qwen3VLForConditionalGeneration"


class CheckResult(NamedTuple):
    """One thing looked at. `remedy` is empty when it is in order."""

    check: str
    ok: bool
    found: str
    remedy: str = ""


def check(settings: Settings, *, ask: bool = False) -> list[CheckResult]:
    """Everything, in the order in which a newcomer would mend it; with `ask` also whether the model answers. Never
    raises: a check that fails is a finding."""
    checks: list[tuple[str, Callable[[Settings], CheckResult]]] = [
        ("disk", _disk),
        ("evidence", _evidence),
        ("database", _database),
        ("broker", _broker),
        ("model", _model),
        ("gpu", _gpu),
        ("console port", _port),
    ]
    if ask:
        checks.append(("answer", _answer))
    return [_guarded(name, look, settings) for name, look in checks]


def as_json(findings: list[CheckResult]) -> dict[str, Any]:
    return {"ok": all(finding.ok for finding in findings), "checks": [finding._asdict() for finding in findings]}


def _guarded(name: str, look: Callable[[Settings], CheckResult], settings: Settings) -> CheckResult:
    try:
        return look(settings)
    except (InspectorError, OSError, ValueError) as error:
        return CheckResult(name, False, str(error), "mend what is named here, then check again")


def _disk(settings: Settings) -> CheckResult:
    folder = next(path for path in (settings.data.absolute(), *settings.data.absolute().parents) if path.exists())
    if not os.access(folder, os.W_OK):
        return CheckResult("disk", False, f"{folder} can't be written", "set INSPECTOR_DATA to a folder you may write")
    free = shutil.disk_usage(folder).free / 1e9
    remedy = "" if free >= MIN_FREE_GB else "free some space, or set INSPECTOR_DATA to another disk"
    return CheckResult(
        "disk", free >= MIN_FREE_GB, f"{free:.1f} GB free in {settings.data}, {MIN_FREE_GB:g} GB wanted", remedy
    )


def _evidence(settings: Settings) -> CheckResult:
    kept = FileEvidence(settings.evidence).put(b"inspector check", "text/plain")
    return CheckResult("evidence", True, f"writable: {settings.evidence} ({kept.size_bytes} bytes written)")


def _database(settings: Settings) -> CheckResult:
    current, head = schema_state(settings.database)
    if current == head:
        return CheckResult("database", True, f"{settings.database} is up to date ({head})")
    remedy = "run `inspector db upgrade` (the service also does so when it starts)"
    return CheckResult("database", False, f"{settings.database} is at {current or 'nothing'}, {head} is needed", remedy)


def _broker(settings: Settings) -> CheckResult:
    broker, found = broker_of(settings), probe_broker(settings)
    if found.problems:
        problems, remedies = zip(*found.problems, strict=True)
        return CheckResult("broker", False, f"{broker.address}: " + "; ".join(problems), "; ".join(remedies))
    return CheckResult("broker", True, f"{broker.address} answers, QoS 1 round trip {found.round_trip_ms:.1f} ms")


def _model(settings: Settings) -> CheckResult:
    card = card_of(settings)
    folder = settings.model.parent / card.checkpoint
    if card.server is not None:
        return CheckResult("model", True, f"{card.name} is served by {card.server.base_url}; --ask asks it a question")
    if card.engine != "transformers":
        return CheckResult("model", True, f"{card.name}: engine {card.engine} needs no checkpoint")
    if not folder.is_dir():
        return _hub(card)
    config = folder / "config.json"
    named = json.loads(config.read_text()).get("architectures", []) if config.is_file() else []
    weights = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    if EXPECTED_ARCHITECTURE not in named or not weights:
        remedy = f"{folder} needs config.json of {EXPECTED_ARCHITECTURE} and *.safetensors"
        return CheckResult("model", False, f"{folder} is no checkpoint of this architecture", remedy)
    return CheckResult("model", True, f"{card.name}: {folder}, {weights / 1e6:.0f} MB of weights")


def _hub(card: ModelCard) -> CheckResult:
    """A checkpoint from a hub must be in the local cache where the hub can't be reached."""
    cache = Path(os.environ.get("HF_HUB_CACHE") or Path(os.environ.get("HF_HOME", "~/.cache/huggingface")) / "hub")
    cached = (cache.expanduser() / f"models--{card.checkpoint.replace('/', '--')}").is_dir()
    if cached or not os.environ.get("HF_HUB_OFFLINE"):
        return CheckResult(
            "model", True, f"{card.checkpoint} " + ("is in the cache" if cached else "will be downloaded")
        )
    return CheckResult(
        "model",
        False,
        f"{card.checkpoint} is not in {cache} and HF_HUB_OFFLINE is set",
        "copy the checkpoint to a folder and name it in the card, or unset HF_HUB_OFFLINE",
    )


def _answer(settings: Settings) -> CheckResult:
    """A question about a golden picture, as every replica asks one before it serves."""
    model = open_model(settings, settings.threads or os.cpu_count() or 1)
    started = time.monotonic()
    asyncio.run(model.check_health())
    ms = (time.monotonic() - started) * 1000.0
    return CheckResult("answer", True, f"{card_of(settings).name} answered a question about a picture in {ms:.0f} ms")


def _gpu(settings: Settings) -> CheckResult:
    card = card_of(settings)
    wanted = card.num_gpus * (settings.replicas or card.replicas)
    there = len(list(Path("/dev").glob("nvidia[0-9]*")))
    remedy = "" if there >= wanted else "use models/demo.yaml, fewer replicas, or a machine with GPUs"
    return CheckResult("gpu", there >= wanted, f"{there} found, {wanted:g} wanted by {card.name}", remedy)


def _port(settings: Settings) -> CheckResult:
    host, port = settings.console_host, settings.console_port
    with socket.socket() as visitor:
        visitor.settimeout(1.0)
        taken = visitor.connect_ex((host, port)) == 0
    if not taken:
        return CheckResult("console port", True, f"{host}:{port} is free")
    if is_console_up(settings):
        return CheckResult("console port", True, f"the console answers on {settings.console_url}")
    return CheckResult(
        "console port", False, f"{host}:{port} is taken by something else", "set INSPECTOR_CONSOLE_PORT to a free port"
    )
