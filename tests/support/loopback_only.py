"""Commands in a network namespace of their own, which has the loopback interface and nothing else."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from functools import cache

UP_AND_RUN = 'ip link set lo up && exec "$@"'
AS_ROOT = ("unshare", "--net")
AS_USER = ("unshare", "--user", "--map-current-user", "--keep-caps", "--net")


def without_network(command: Sequence[str]) -> list[str]:
    """The command, so that it reaches this machine only."""
    namespace = _namespace()
    assert namespace is not None, missing_right()
    return [*namespace, "sh", "-c", UP_AND_RUN, "sh", *command]


@cache
def missing_right() -> str:
    """Why no namespace can be made here; empty where one can."""
    missing = [name for name in ("unshare", "ip") if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)} is not installed (util-linux, iproute2)"
    return "" if _namespace() else "this user may make no network namespace (unshare --net)"


@cache
def _namespace() -> tuple[str, ...] | None:
    return next((each for each in (AS_ROOT, AS_USER) if _works(each)), None)


def _works(namespace: Sequence[str]) -> bool:
    try:
        done = subprocess.run([*namespace, "sh", "-c", UP_AND_RUN, "sh", "true"], capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return done.returncode == 0
