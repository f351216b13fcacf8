"""Starts and stops the applications on a Ray cluster: a private one, or one that runs already."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Final

import ray
from ray import serve
from ray.serve import RunTarget
from ray.serve.config import HTTPOptions, ProxyLocation
from ray.serve.schema import ApplicationStatus

from inspector.adapters.serving.deployments import (
    CONSOLE,
    LOGGING,
    MODELS,
    STATIONS,
    ConsolePlan,
    ModelPlan,
    StationPlan,
    console,
    models,
    stations,
)
from inspector.errors import PoolError

RAY_ENVIRONMENT: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",  # Ray's default, 15, gives every other process priority over the line
    "RAY_max_direct_call_object_size": "4194304",  # frames travel in the call, not through the object store
    "RAY_task_events_report_interval_ms": "0",  # Ray's record of every call is never read
}


@contextmanager
def ray_cluster(address: str | None, log: Path, *, num_cpus: float, num_gpus: float = 0.0) -> Iterator[None]:
    """Run Ray for the length of the block.

    `address` None starts a private cluster on this machine, reachable from here only and without usage reports; "auto"
    joins the running one. Ray's output goes to `log`, because standard output is for documents. Raises PoolError when
    Ray does not start.
    """
    with log.open("a") as said, redirect_stdout(said), _started(address, num_cpus, num_gpus):
        yield


@contextmanager
def _started(address: str | None, num_cpus: float, num_gpus: float) -> Iterator[None]:
    for name, value in RAY_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    try:
        if address is None:
            ray.init(
                _node_ip_address="127.0.0.1",
                num_cpus=max(1, round(num_cpus)),
                num_gpus=round(num_gpus) or None,
                include_dashboard=False,
                logging_level=logging.ERROR,
                log_to_driver=False,
                configure_logging=True,
            )
        else:
            ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False)
        # Serve's HTTP is off: frames arrive over MQTT, and the console has a port of its own
        serve.start(
            proxy_location=ProxyLocation.Disabled, http_options=HTTPOptions(host="127.0.0.1"), logging_config=LOGGING
        )
    except Exception as error:
        ray.shutdown()
        raise PoolError(f"Ray did not start: {error}") from error
    try:
        yield
    finally:
        _stop_in_order()
        ray.shutdown()


def deploy(model: ModelPlan, station: StationPlan, web: ConsolePlan) -> None:
    """Deploy the applications; return when they run. Raises PoolError with the reason when one does not start.

    Models come first: a station that starts while models load would answer its first frames with the fail-safe.
    """
    _check_gpus(model)
    _run([RunTarget(models(model), MODELS, None)])
    _run([RunTarget(stations(station), STATIONS, None), RunTarget(console(web), CONSOLE, None)])


def _run(targets: list[RunTarget]) -> None:
    try:
        serve.run_many(targets)
    except Exception as error:
        reasons = [f"{target.name}: {reason}" for target in targets if (reason := _message(target.name))]
        raise PoolError(f"did not start: {'; '.join(reasons) or error}") from error


def _check_gpus(model: ModelPlan) -> None:
    """Raise PoolError if there are too few GPUs: Serve would wait for them forever without a message."""
    wanted, there = model.num_gpus * model.replicas, ray.cluster_resources().get("GPU", 0.0)
    if wanted > there:
        raise PoolError(
            f"the model card asks for {wanted:g} GPU(s), Ray sees {there:g}; use a smaller card such as "
            "models/demo.yaml, fewer replicas, or a machine with GPUs"
        )


def _message(name: str) -> str:
    try:
        application = serve.status().applications.get(name)
    except Exception:
        return ""
    if application is None or application.status == ApplicationStatus.RUNNING:
        return ""
    return " ".join([application.message, *(each.message for each in application.deployments.values())]).strip()


def _stop_in_order() -> None:
    """Stop the stations first: they finish and acknowledge their frames while models still answer."""
    try:
        serve.delete(STATIONS)
    except Exception as error:
        logging.getLogger(__name__).warning("stations did not stop cleanly: %s", error)
    serve.shutdown()
