"""Nodes of a Ray cluster on one machine: each in a network and a PID namespace of its own, behind a bridge.

A cable can be cut, and a node can be killed with all of its processes. Needs root, `ip` and `unshare`.

Ray's start takes about ten seconds of two cores. On a machine of its own it takes them from nobody. A node that starts
here therefore works only while no other process wants a core, until its start is over.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import psutil
from support.serve_process import COMMAND

from inspector.adapters.serving.ray_environment import RAY_ENVIRONMENT

RAY: Final = str(Path(COMMAND[0]).parent / "ray")
GCS_PORT: Final = 6379
START_S: Final = 120.0
REST_SHARE: Final = 0.5  # of a core: a node that uses less has started, and may judge parts
REST_S: Final = 1.0  # so long
REPLICA: Final = "ray::ServeReplica"
MAX_START_S: Final = 60.0  # then its start counts as over
AT_IDLE_PRIORITY: Final = ("chrt", "--idle", "0")
OWN_PID_NAMESPACE: Final = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
HEALTH_CHECKS: Final = {  # shorter ones call nodes dead that are only busy
    "RAY_health_check_initial_delay_ms": "5000",
    "RAY_health_check_period_ms": "2000",
    "RAY_health_check_timeout_ms": "5000",
    "RAY_health_check_failure_threshold": "4",
}
NOT_INHERITED: Final = ("RAY_ADDRESS", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "RAY_AUTH_TOKEN_PATH", "RAY_TMPDIR")

ALIVE: Final = """
import sys
from ray._raylet import GcsClient
for node in GcsClient(address=sys.argv[1]).get_all_node_info().values():
    if node.state == 0:
        print(node.node_manager_address)
"""


def run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
    return done.stdout


@cache
def missing_right() -> str:
    """Return why no nodes can run here; empty if they can."""
    if missing := [each for each in ("ip", "unshare", "nsenter", "chrt") if shutil.which(each) is None]:
        return f"{', '.join(missing)} is not installed"
    name = f"probe{os.getpid()}"
    try:
        run("ip", "netns", "add", name)
        try:
            run("ip", "link", "add", name, "type", "bridge")
            run("ip", "link", "del", name)
            run("ip", "netns", "exec", name, *OWN_PID_NAMESPACE, "true")
        finally:
            run("ip", "netns", "del", name)
    except AssertionError as error:
        return f"namespaces are not permitted here: {error}"
    return ""


@dataclass(frozen=True, slots=True)
class Segment:
    """A bridge with the address of this machine on it: broker and test are reached there."""

    name: str
    prefix: str

    @property
    def host(self) -> str:
        return f"{self.prefix}.1"

    @contextmanager
    def connected(self, node: str, number: int) -> Iterator[str]:
        """Give a new network namespace the address `number`; yields the namespace's name."""
        space, outer = f"{self.name}-{node}", self.cable(number)
        run("ip", "netns", "add", space)
        try:
            run("ip", "link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", space)
            run("ip", "link", "set", outer, "master", self.name, "up")
            inside = ("ip", "-n", space)
            run(*inside, "address", "add", f"{self.prefix}.{number}/24", "dev", "eth0")
            run(*inside, "link", "set", "eth0", "up")
            run(*inside, "link", "set", "lo", "up")
            yield space
        finally:
            run("ip", "netns", "del", space)

    def cable(self, number: int) -> str:
        return f"{self.name}v{number}"


@contextmanager
def segment() -> Iterator[Segment]:
    number = secrets.randbelow(250)  # the cables of an earlier one may still be there
    made = Segment(f"ray{secrets.token_hex(2)}", f"10.213.{number}")
    run("ip", "link", "add", made.name, "type", "bridge")
    try:
        run("ip", "address", "add", f"{made.host}/24", "dev", made.name)
        run("ip", "link", "set", made.name, "up")
        yield made
    finally:
        run("ip", "link", "del", made.name)


@dataclass(slots=True)
class RayNode:
    """A running node. `outer` is the process outside of its PID namespace, with which all of it ends."""

    name: str
    address: str
    cable: str
    outer: subprocess.Popen[bytes]

    @property
    def enter(self) -> Sequence[str]:
        """The words before a command that runs on this node."""
        [first] = psutil.Process(self.outer.pid).children()
        return "nsenter", "-t", str(first.pid), "-n", "-p", "-m"

    @property
    def processes(self) -> list[psutil.Process]:
        return [each for each in psutil.Process(self.outer.pid).children(recursive=True) if each.is_running()]

    def await_rest(self) -> None:
        """Wait until the start is over: its processes compute little. Then they get their usual priority."""
        end = time.monotonic() + MAX_START_S
        while self._cpu_share() > REST_SHARE and time.monotonic() < end:
            self._set_usual_priority(REPLICA)  # it gets parts from now on
        self._set_usual_priority()

    def _set_usual_priority(self, title: str = "") -> None:
        for _ in range(2):  # threads that began meanwhile inherited the old one
            for process in self.processes:
                with suppress(psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
                    if title in " ".join(process.cmdline()):
                        _set_usual_priority(process.pid)

    def _cpu_share(self) -> float:
        before = self._cpu_s()
        time.sleep(REST_S)
        after = self._cpu_s()
        return sum(spent - before.get(pid, 0.0) for pid, spent in after.items()) / REST_S

    def _cpu_s(self) -> dict[int, float]:
        spent = {}
        for each in self.processes:
            with suppress(psutil.NoSuchProcess):
                spent[each.pid] = sum(each.cpu_times()[:2])
        return spent

    def cut(self) -> None:
        """Pull the cable: nothing is refused, everything is silent."""
        run("ip", "link", "set", self.cable, "down")

    def kill(self) -> None:
        """Kill every process of the node at once."""
        self.outer.kill()
        self.outer.wait()


def _set_usual_priority(pid: int) -> None:
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setscheduler(int(thread.name), os.SCHED_OTHER, os.sched_param(0))


class RayNodes:
    """A cluster with token authentication, whose head keeps its tables in a folder and may come back."""

    def __init__(self, net: Segment, folder: Path, stack: ExitStack) -> None:
        self.net = net
        self._folder = folder
        self._stack = stack
        inherited = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
        self.environment = inherited | {
            **HEALTH_CHECKS, **RAY_ENVIRONMENT,
            "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "a" * 64,
            "RAY_gcs_storage": "rocksdb", "RAY_gcs_storage_path": str(folder / "gcs"),
        }  # fmt: skip
        (folder / "gcs").mkdir()
        self._spaces: dict[str, tuple[str, int]] = {}
        self._starts = 0

    @property
    def gcs(self) -> str:
        """Address of the head, which keeps it over its restarts."""
        return f"{self.net.prefix}.{self._spaces['head'][1]}:{GCS_PORT}"

    def start_head(self) -> RayNode:
        """Start the head, or start it again with the address and tables that it had."""
        options = ("--head", f"--port={GCS_PORT}", "--num-cpus=0", "--num-gpus=0", "--include-dashboard=false")
        node = self._start("head", *options)
        node.await_rest()
        return node

    def add(self, name: str, *, gpus: int = 0, **resources: int) -> RayNode:
        """Start a worker; return when the head knows it and its start is over."""
        node = self._start(
            name, f"--address={self.gcs}", "--num-cpus=2", f"--num-gpus={gpus}", f"--resources={json.dumps(resources)}"
        )
        end = time.monotonic() + START_S
        while node.address not in self.alive():
            assert time.monotonic() < end, (self._folder / f"{name}.log").read_text()
            time.sleep(0.5)
        node.await_rest()
        return node

    def alive(self) -> set[str]:
        """Return the addresses of the nodes that the head takes for alive; none while there is no head."""
        done = subprocess.run(
            [*AT_IDLE_PRIORITY, COMMAND[0], "-c", ALIVE, self.gcs],
            capture_output=True,
            text=True,
            check=False,
            env=self.environment,
        )
        return set(done.stdout.split()) if done.returncode == 0 else set()

    def _start(self, name: str, *options: str) -> RayNode:
        if name not in self._spaces:
            number = len(self._spaces) + 2
            self._spaces[name] = (self._stack.enter_context(self.net.connected(name, number)), number)
        space, number = self._spaces[name]
        address = f"{self.net.prefix}.{number}"
        temporary = Path(tempfile.mkdtemp(prefix="r", dir=self._folder))
        words = (RAY, "start", "--block", f"--node-ip-address={address}", f"--temp-dir={temporary}", *options)
        with (self._folder / f"{name}.log").open("ab") as log:
            outer = subprocess.Popen(
                [*AT_IDLE_PRIORITY, "ip", "netns", "exec", space, *OWN_PID_NAMESPACE, *words],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.environment,
            )  # fmt: skip
        node = RayNode(name, address, self.net.cable(number), outer)
        self._stack.callback(node.kill)
        self._await_start(node)
        return node

    def _await_start(self, node: RayNode) -> None:
        end, log = time.monotonic() + START_S, self._folder / f"{node.name}.log"
        self._starts += node.name == "head"
        wanted = self._starts if node.name == "head" else 1
        while log.read_text(errors="replace").count("runtime started") < wanted:
            assert node.outer.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.2)


@contextmanager
def ray_nodes() -> Iterator[RayNodes]:
    """Yield a cluster without nodes. What was started ends with the block."""
    folder = Path(tempfile.mkdtemp(prefix="rn"))  # short: it holds sockets
    try:
        with segment() as net, ExitStack() as stack:
            yield RayNodes(net, folder, stack)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
