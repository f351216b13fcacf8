"""A Ray head of a test's own, as `ray start` runs it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil
from support.serve_process import free_port


@contextmanager
def ray_head(*options: str, environment: Mapping[str, str] | None = None) -> Iterator[int]:
    """Run a head with two cores for the length of the block; yields the port of its GCS."""
    ray, port = str(Path(sys.executable).parent / "ray"), free_port()
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        head = subprocess.Popen(
            [ray, "start", "--head", "--block", f"--port={port}", "--num-cpus=2", f"--temp-dir={folder}",
             "--disable-usage-stats", f"--ray-client-server-port={free_port()}", *options],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment,
        )  # fmt: skip
        try:
            assert head.stdout is not None
            assert any("runtime started" in line for line in head.stdout)
            yield port
        finally:
            family = [psutil.Process(head.pid), *psutil.Process(head.pid).children(recursive=True)]
            for each in family:
                each.kill()
            psutil.wait_procs(family, timeout=10)
