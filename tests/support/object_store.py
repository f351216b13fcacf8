"""A real S3 server on this machine, which can be killed and started again (SeaweedFS)."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import httpx
from support.serve_process import free_port

from inspector.adapters.ledger import S3Access

ACCESS_KEY: Final = "test-access-key"
SECRET_KEY: Final = "test-secret-of-the-bucket"
START_TIMEOUT_S: Final = 60.0


def weed() -> Path | None:
    """Return the server's program; None where it is not installed."""
    beside = Path(sys.executable).parent / "weed"
    found = beside if beside.exists() else shutil.which("weed")
    return None if found is None else Path(found)


class ObjectStore:
    """One server with a folder of its own. The test starts and closes it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True)
        self._ports = {name: free_port() for name in ("master.port", "volume.port", "filer.port", "s3.port")}
        self._process: subprocess.Popen[bytes] | None = None
        self.access = S3Access(
            f"http://127.0.0.1:{self._ports['s3.port']}",
            access_key_file=self._written("access-key", ACCESS_KEY),
            secret_key_file=self._written("secret-key", SECRET_KEY + "\n"),
        )
        actions = {"credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}], "actions": ["Admin"]}
        self._config = self._written("s3.json", json.dumps({"identities": [{"name": "inspector", **actions}]}))

    def start(self) -> None:
        program = weed()
        assert program is not None
        ports = [f"-{name}={port}" for name, port in self._ports.items()]
        grpc = [f"-{name}.grpc={free_port()}" for name in self._ports]
        data = self._folder / "data"
        data.mkdir(exist_ok=True)
        sizes = ["-volume.max=16", "-master.volumeSizeLimitMB=64", "-master.volumePreallocate=false"]
        local = [
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            f"-dir={data}",
            "-s3",
            f"-s3.config={self._config}",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
        ]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [program, "server", *local, *ports, *grpc, *sizes], stdout=log, stderr=log, start_new_session=True
            )
        self._wait()

    def kill(self) -> None:
        """End the server as a power cut would: kill -9."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Freeze the server: it accepts connections and answers nothing."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGCONT)

    def _written(self, name: str, text: str) -> Path:
        file = self._folder / name
        file.write_text(text)
        return file

    def _wait(self) -> None:
        """Wait until the server takes an object: it answers before its volumes are there."""
        until_s = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < until_s:
            with suppress(httpx.HTTPError):
                if httpx.get(f"{self.access.endpoint}/", timeout=2.0).status_code < 500 and self._takes_objects():
                    return
            time.sleep(0.1)
        raise TimeoutError((self._folder / "log").read_text()[-2000:])

    def _takes_objects(self) -> bool:
        from inspector.adapters.ledger import FileEvidence
        from inspector.errors import LedgerError

        try:
            FileEvidence("s3://evidence/ready", self.access).put(b"ready", "")
        except LedgerError:
            return False
        return True
