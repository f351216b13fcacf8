"""Makes Ray Serve deployments out of plain classes; no other module does.

Three applications, so that each can be redeployed and drained alone: models (the replicas), stations (MQTT in and out)
and console. Stations stop first: a frame in flight still needs a model.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol, Self

from ray import serve
from ray.serve.schema import LoggingConfig

from inspector.adapters.serving.job_codec import EncodedJob, decode_job
from inspector.adapters.serving.ray_pool import RayPool
from inspector.adapters.serving.replica import VisionModel
from inspector.adapters.serving.signs_of_life import SIGN_SHARE, with_signs

VISION_MODEL: Final = "VisionModel"
LOGGING: Final = LoggingConfig(enable_access_log=False, log_level="WARNING")
DRAIN_TIMEOUT_S: Final = 15.0
RESOURCE_SHARE: Final = 0.001  # of a custom resource that one process takes: it names nodes, and limits nothing


class ApplicationNames(NamedTuple):
    """Names of a site's applications in the cluster, which other sites may use, too."""

    models: str
    stations: str
    console: str

    @classmethod
    def of_site(cls, site: str) -> Self:
        return cls(f"{site}-models", f"{site}-stations", f"{site}-console")


class RunningService(Protocol):
    """A service inside a deployment, until it is closed."""

    def check(self) -> None:
        """Raise if the service can't work any more; Serve then replaces the process."""

    async def close(self) -> None:
        """Finish the work in progress and stop."""


@dataclass(frozen=True, slots=True)
class ModelPlan:
    """How the model pool is built. `open_model` runs in each replica's process.

    `resource`, here and below: the custom resource of the nodes on which the processes run; empty: any node.
    """

    open_model: Callable[[], VisionModel]
    replicas: int
    max_replicas: int | None
    num_gpus: float
    num_cpus: float
    max_ongoing_requests: int
    resource: str = ""


@dataclass(frozen=True, slots=True)
class StationPlan:
    """How stations are built. `open_station` runs in each station's process and gets the pool and its number."""

    open_station: Callable[[RayPool, int], Awaitable[RunningService]]
    count: int
    resource: str = ""


@dataclass(frozen=True, slots=True)
class ConsolePlan:
    """How the console is built: a web server in a process of its own. It gets the pool for test shots."""

    open_console: Callable[[RayPool], Awaitable[RunningService]]
    resource: str = ""


class ModelReplica:
    """A VisionModel as a Serve deployment."""

    def __init__(self, open_model: Callable[[], VisionModel]) -> None:
        self._model = open_model()

    async def judge(self, encoded: EncodedJob) -> Any:
        job = decode_job(encoded)
        async for outcome in with_signs(self._model.judge(job), SIGN_SHARE * job.silence_s):
            yield outcome

    async def server_fault(self) -> str | None:
        return self._model.server_fault

    async def check_health(self) -> None:
        await self._model.check_health()

    async def answer(self) -> None:
        """Answer a caller that waits until a replica runs."""


class StationReplica:
    """A station as a Serve deployment. It takes no calls: its work arrives over MQTT.

    It opens when a model replica answers: before that it could only give its frames the fail-safe.
    """

    async def __init__(self, open_station: Callable[[RayPool, int], Awaitable[RunningService]], models: str) -> None:  # type: ignore[misc]  # Serve awaits it
        pool = RayPool(serve.get_deployment_handle(VISION_MODEL, models))
        await pool.wait_until_it_answers()
        self._station = await open_station(pool, _rank())

    def check_health(self) -> None:
        self._station.check()

    async def __del__(self) -> None:
        await self._station.close()


class ConsoleReplica:
    """The console as a Serve deployment. It serves HTTP on a port of its own."""

    async def __init__(self, open_console: Callable[[RayPool], Awaitable[RunningService]], models: str) -> None:  # type: ignore[misc]  # Serve awaits it
        self._console = await open_console(RayPool(serve.get_deployment_handle(VISION_MODEL, models)))

    def check_health(self) -> None:
        self._console.check()

    async def __del__(self) -> None:
        await self._console.close()


def models(plan: ModelPlan) -> serve.Application:
    """Build the application of the model pool.

    The frames of all callers must fit into replicas × max_ongoing_requests, else Serve's router backs off while
    replicas idle. Further calls fail at once instead of queueing.
    """
    scale: dict[str, Any] = {"num_replicas": plan.replicas}
    if plan.max_replicas and plan.max_replicas > plan.replicas:
        scale = {
            "autoscaling_config": {
                "min_replicas": plan.replicas,
                "max_replicas": plan.max_replicas,
                "target_ongoing_requests": max(2, plan.max_ongoing_requests // 4),
            }
        }
    deployment = serve.deployment(
        ModelReplica,
        name=VISION_MODEL,
        max_ongoing_requests=plan.max_ongoing_requests,
        max_queued_requests=plan.max_ongoing_requests * (plan.max_replicas or plan.replicas),
        ray_actor_options={"num_gpus": plan.num_gpus, "num_cpus": plan.num_cpus, **_placement(plan.resource)},
        health_check_period_s=5,
        health_check_timeout_s=30,
        graceful_shutdown_timeout_s=DRAIN_TIMEOUT_S,
        graceful_shutdown_wait_loop_s=0.2,
        logging_config=LOGGING,
        **scale,
    )
    return deployment.bind(plan.open_model)


def stations(plan: StationPlan, names: ApplicationNames) -> serve.Application:
    """Build the application of the stations. Their number is fixed: Serve does not know how many frames wait on the
    broker.
    """
    deployment = serve.deployment(
        StationReplica,
        name="Station",
        num_replicas=plan.count,
        ray_actor_options={"num_cpus": 0, **_placement(plan.resource)},
        health_check_period_s=2,
        health_check_timeout_s=10,
        graceful_shutdown_timeout_s=DRAIN_TIMEOUT_S,
        graceful_shutdown_wait_loop_s=0.1,
        logging_config=LOGGING,
    )
    return deployment.bind(plan.open_station, names.models)


def console(plan: ConsolePlan, names: ApplicationNames) -> serve.Application:
    """Build the application of the console."""
    deployment = serve.deployment(
        ConsoleReplica,
        name="Console",
        num_replicas=1,
        ray_actor_options={"num_cpus": 0, **_placement(plan.resource)},
        health_check_period_s=5,
        graceful_shutdown_timeout_s=5,
        graceful_shutdown_wait_loop_s=0.1,
        logging_config=LOGGING,
    )
    return deployment.bind(plan.open_console, names.models)


def _placement(resource: str) -> dict[str, Any]:
    """Return the option that places a process on nodes with this custom resource."""
    return {"resources": {resource: RESOURCE_SHARE}} if resource else {}


def _rank() -> int:
    rank: Any = serve.get_replica_context().rank
    return int(getattr(rank, "rank", rank) or 0)
