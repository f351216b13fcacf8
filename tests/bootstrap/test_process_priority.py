"""A station's process ahead of the others of its machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from inspector.bootstrap import process_priority
from inspector.bootstrap.process_priority import take_priority

LOWERED = """
import os, threading
from inspector.bootstrap.process_priority import take_priority
release = threading.Event()
before = threading.Thread(target=release.wait)
before.start()
assert take_priority(7)
after = threading.Thread(target=release.wait)
after.start()
print([os.getpriority(os.PRIO_PROCESS, each.native_id) for each in (threading.main_thread(), before, after)])
release.set()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads have no priority of their own here")
def test_every_thread_of_the_process_gets_it() -> None:
    done = subprocess.run([sys.executable, "-c", LOWERED], capture_output=True, text=True, check=False)
    assert done.stdout == "[7, 7, 7]\n", done.stderr


def test_a_process_without_the_right_works_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "setpriority", refuse)
    assert not take_priority(-10)


def test_a_system_without_threads_of_linux_is_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(process_priority, "THREADS", tmp_path / "none")
    assert not take_priority(-10)
