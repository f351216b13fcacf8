"""Start a child process that ends with its parent.

`python -m inspector.adapters.mqtt.local.child_process PARENT COMMAND...` becomes COMMAND and receives SIGTERM when
PARENT dies, however it dies. Knows Linux's parent-death signal, and nothing of MQTT. The command is tied here, after
the interpreter has started, because code that runs between fork and exec (`preexec_fn`) can deadlock in a process that
has threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final

PR_SET_PDEATHSIG: Final = 1


def tied_command(command: Sequence[str]) -> list[str]:
    """Return a command that runs `command` tied to this process.

    Linux ties it to the thread that starts it: start it from a thread that lives as long as the command should.
    """
    return [sys.executable, "-m", "inspector.adapters.mqtt.local.child_process", str(os.getpid()), *command]


def tie_to(parent: int) -> None:
    """Send SIGTERM to this process, and to what it becomes, when `parent` dies."""
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    if os.getppid() != parent:
        # The parent died before this call: no signal will come.
        os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    parent, *command = sys.argv[1:]
    tie_to(int(parent))
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
