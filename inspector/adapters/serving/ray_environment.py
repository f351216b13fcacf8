"""Environment variables that Ray reads when it is imported or started. Imports no Ray, so that it can run before it."""

from __future__ import annotations

import os
import secrets
from functools import cache
from pathlib import Path
from typing import Final

RAY_ENVIRONMENT: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",  # Ray's default, 15, gives every other process priority over the line
    "RAY_max_direct_call_object_size": "4194304",  # frames travel in the call, not through the object store
    "RAY_task_events_report_interval_ms": "0",  # Ray's record of every call is never read
}
# Ray's switch against clusters of several machines, for any platform: all of its sockets then bind to 127.0.0.1 only.
# Ray reads it while it is imported.
LOOPBACK_ONLY: Final = ("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
TOKEN_FILE: Final = "token"
# what would lead a private Ray elsewhere: to another cluster, to another token, or to none
FOREIGN: Final = ("RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_REDIS_ADDRESS", "RAY_TMPDIR")


def prepare_import(address: str | None) -> None:
    """Set what Ray reads while it is imported: a private Ray listens on the loopback interface only."""
    if address is None:
        os.environ.setdefault(*LOOPBACK_ONLY)


def set_common_variables() -> None:
    """Set what holds for a private Ray and for a driver in a shared cluster, unless the operator has set it."""
    for name, value in RAY_ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def pin_private_variables(folder: Path) -> None:
    """Let a private Ray ask for a token of its own, whatever this process inherited. Only this user can read it.

    RAY_AUTH_MODE is unset, because Ray then switches token authentication on for itself and all that it starts.
    """
    for name in FOREIGN:
        os.environ.pop(name, None)
    file = folder / TOKEN_FILE
    file.touch(mode=0o600)
    file.write_text(_token())
    os.environ["RAY_AUTH_TOKEN_PATH"] = str(file)


@cache
def _token() -> str:
    """Return the token of this process: Ray reads its token once, so that a second start must use the same."""
    return secrets.token_hex(32)
