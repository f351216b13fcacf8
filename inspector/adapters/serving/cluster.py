"""Starts and stops the applications on a Ray cluster: a private one, or one that others use, too."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import Final

import psutil
import ray
from ray import serve
from ray.serve import RunTarget
from ray.serve.config import HTTPOptions, ProxyLocation
from ray.serve.schema import ApplicationStatus, ApplicationStatusOverview

from inspector.adapters.serving.cluster_watch import ClusterWatch, core_processes, end_processes
from inspector.adapters.serving.deployments import (
    LOGGING,
    ApplicationNames,
    ConsolePlan,
    ModelPlan,
    StationPlan,
    console,
    models,
    stations,
)
from inspector.adapters.serving.ray_environment import pin_private_variables, set_common_variables
from inspector.adapters.serving.ray_folder import ray_folder
from inspector.errors import ClusterLostError, PoolError

log = logging.getLogger(__name__)

NAMESPACE: Final = "inspector"
STATUS_POLL_S: Final = 0.1


class Cluster:
    """A running Ray cluster with Ray Serve, as far as the applications of one site concern it.

    `claim` holds the site's name in a cluster that others use, too; None in a private one.
    """

    def __init__(self, site: str, claim: object | None) -> None:
        self._names = ApplicationNames.of_site(site)
        self._claim = claim
        self._expected: set[str] = set()

    def deploy(self, model: ModelPlan, station: StationPlan, web: ConsolePlan) -> dict[str, float]:
        """Deploy the applications; return when they run, with the seconds that each of them took.

        All start at the same time: a station takes its first frame when a model replica answers. Raises PoolError with
        the reason if one does not start.
        """
        _check_gpus(model)
        names = self._names
        targets = [
            RunTarget(models(model), names.models, None),
            RunTarget(stations(station, names), names.stations, None),
            RunTarget(console(web, names), names.console, None),
        ]
        serve.run_many(targets, wait_for_applications_running=False)
        took = _await_applications(names)
        self._expected = set(names)
        return {field: took[name] for field, name in names._asdict().items()}

    @property
    def nodes(self) -> int:
        """The number of nodes that are alive."""
        return sum(bool(node["Alive"]) for node in ray.nodes())

    def check(self) -> None:
        """Ask Serve how it is. Raises ClusterLostError if somebody deleted an application of this site."""
        missing = self._expected - set(serve.status().applications)
        if missing:
            raise ClusterLostError(f"somebody deleted {', '.join(sorted(missing))} from the Ray cluster")

    def stop(self) -> None:
        """Stop the stations first: they finish and acknowledge their frames while models still answer.

        Nothing of others stops: Serve itself ends only with a private cluster.
        """
        names, is_private = self._names, self._claim is None
        for name in (names.stations,) if is_private else (names.stations, names.console, names.models):
            try:
                serve.delete(name)
            except Exception as error:
                log.warning("%s did not stop cleanly: %s", name, error)
        if is_private:
            serve.shutdown()


@contextmanager
def ray_cluster(
    address: str | None, log_file: Path, *, site: str, num_cpus: float, num_gpus: float = 0.0
) -> Iterator[Cluster]:
    """Run Ray for the length of the block.

    `address` None starts a private cluster on this machine, reachable from here only and without usage reports; "auto"
    joins the running one. Ray's output goes to `log_file`, because standard output is for documents. Raises PoolError
    if Ray does not start, ClusterLostError if it ends before the block does.
    """
    folder: AbstractContextManager[Path | None] = ray_folder() if address is None else nullcontext()
    set_common_variables()
    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    with log_file.open("a") as output, redirect_stdout(output), folder as path:
        cluster = _start(address, path, site, num_cpus, num_gpus)
        family = psutil.Process().children(recursive=True)
        watch = ClusterWatch(core_processes() if path else {}, cluster.check)
        try:
            with watch.running():
                yield cluster
        finally:
            if watch.loss:
                end_processes(family)  # nobody is left who could stop them one after the other
            else:
                cluster.stop()
            ray.shutdown()


def _start(address: str | None, folder: Path | None, site: str, num_cpus: float, num_gpus: float) -> Cluster:
    try:
        if folder is None:
            return Cluster(site, _join(address, site))
        _start_private(folder, num_cpus, num_gpus)
        return Cluster(site, None)
    except PoolError:
        ray.shutdown()
        raise
    except Exception as error:
        ray.shutdown()
        raise PoolError(f"Ray did not start: {error}") from error


def _start_private(folder: Path, num_cpus: float, num_gpus: float) -> None:
    pin_private_variables(folder)
    ray.init(
        address="local",
        namespace=NAMESPACE,
        num_cpus=max(1, round(num_cpus)),
        num_gpus=round(num_gpus) or None,
        include_dashboard=False,
        logging_level=logging.ERROR,
        log_to_driver=False,
        configure_logging=True,
        _node_ip_address="127.0.0.1",
        _temp_dir=str(folder / "ray"),  # Ray opens this one to every user, but not the folder around it
    )
    if os.environ.get("RAY_AUTH_MODE") != "token":
        raise PoolError("this version of Ray runs without token authentication; install the one in constraints.txt")
    # Serve's HTTP is off: frames arrive over MQTT, and the console has a port of its own
    serve.start(
        proxy_location=ProxyLocation.Disabled, http_options=HTTPOptions(host="127.0.0.1"), logging_config=LOGGING
    )


def _join(address: str | None, site: str) -> object:
    """Join a cluster that others use, too; Serve starts there as anybody would start it. Returns the site's claim."""
    ray.init(address=address, namespace=NAMESPACE, logging_level=logging.ERROR, log_to_driver=False)
    claim = _claim(site)
    serve.start()
    return claim


class SiteClaim:
    """Lives as long as the service that made it; its name keeps a second service of this site away."""


def _claim(site: str) -> object:
    try:
        claim: object = ray.remote(num_cpus=0)(SiteClaim).options(name=f"site-{site}").remote()
        return claim
    except ValueError as error:
        raise PoolError(
            f"a service of site {site!r} runs in this cluster already; stop it, or set INSPECTOR_SITE to another name"
        ) from error


def _check_gpus(model: ModelPlan) -> None:
    """Raise PoolError if there are too few GPUs: Serve would wait for them forever without a message."""
    wanted, there = model.num_gpus * model.replicas, ray.cluster_resources().get("GPU", 0.0)
    if wanted > there:
        raise PoolError(
            f"the model card asks for {wanted:g} GPU(s), Ray sees {there:g}; use a smaller card such as "
            "models/demo.yaml, fewer replicas, or a machine with GPUs"
        )


def _await_applications(names: ApplicationNames) -> dict[str, float]:
    """Return how long each took to run. Raises PoolError when one failed."""
    began_s, took = time.monotonic(), dict[str, float]()
    while len(took) < len(names):
        time.sleep(STATUS_POLL_S)
        applications = serve.status().applications
        running = [name for name in names if _status(applications, name) == ApplicationStatus.RUNNING]
        took |= {name: time.monotonic() - began_s for name in running if name not in took}
        failed = [name for name in names if _status(applications, name) == ApplicationStatus.DEPLOY_FAILED]
        if failed:
            raise PoolError("; ".join(f"{name} did not start: {_reasons(applications[name])}" for name in failed))
    return took


def _status(applications: Mapping[str, ApplicationStatusOverview], name: str) -> ApplicationStatus:
    return applications[name].status if name in applications else ApplicationStatus.NOT_STARTED


def _reasons(application: ApplicationStatusOverview) -> str:
    return " ".join([application.message, *(each.message for each in application.deployments.values())]).strip()
