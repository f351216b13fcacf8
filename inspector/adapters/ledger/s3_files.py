"""Names and bytes in a bucket of an S3 server.

A name is written once: the server refuses a second write (`If-None-Match`). Only a file that is truncated or about to
become old enough for removal is written over. Each request is given up after a few seconds; nothing is repeated here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from inspector.adapters.ledger.picture_files import MIN_AGE_TO_REMOVE_S, StoredFile
from inspector.secret_texts import remember_secrets

if TYPE_CHECKING:
    from s3fs import S3FileSystem

S3_SCHEME: Final = "s3://"
CONNECT_TIMEOUT_S: Final = 2.0
READ_TIMEOUT_S: Final = 5.0  # without a byte from the server
REQUEST_TIMEOUT_S: Final = 10.0  # for one request: READ_TIMEOUT_S does not end the wait for a frozen server
CONNECTIONS: Final = 32
DEFAULT_REGION: Final = "us-east-1"  # what servers other than Amazon's expect
IS_THERE: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})  # codes of a refused second write
MISSING_LIBRARY: Final = "s3fs is not installed; run pip install 'inspector[s3]'"


@dataclass(frozen=True, slots=True)
class S3Access:
    """How a bucket is reached. Without keys: as AWS's own tools find theirs (environment, role of the machine)."""

    endpoint: str = ""
    region: str = ""
    access_key_file: Path | None = None
    secret_key_file: Path | None = None
    ca_file: Path | None = None


class S3Files:
    """PictureFiles in S3 buckets. Paths begin with the bucket. Connects with the first request."""

    def __init__(self, access: S3Access) -> None:
        self._files = _file_system(access)

    def store(self, path: str, data: bytes) -> None:
        if self._create(path, data):
            return
        with suppress(FileNotFoundError):  # it was removed just now
            if self._stored(path).is_whole_and_recent(len(data)):
                return
        self.write(path, data)

    def write(self, path: str, data: bytes) -> None:
        self._finished(self._files._pipe_file(path, data))

    def read(self, path: str) -> bytes:
        return bytes(self._finished(self._files._cat_file(path)))

    def remove_old(self, path: str) -> None:
        """Remove an old file. One that is stored again between the look at its age and its removal is lost: its bytes
        would have to come again after a day, in those milliseconds."""
        if self._stored(path).age_s >= MIN_AGE_TO_REMOVE_S:
            self._finished(self._files._rm_file(path))

    def _create(self, path: str, data: bytes) -> bool:
        """Write a file unless its name is taken; return whether it was free."""
        try:
            self._finished(self._files._pipe_file(path, data, mode="create"))
        except OSError as error:
            if _code(error) in IS_THERE:
                return False
            raise
        return True

    def _stored(self, path: str) -> StoredFile:
        found = self._finished(self._files._info(path, refresh=True))
        return StoredFile(int(found["size"]), time.time() - found["LastModified"].timestamp())

    def _finished(self, request: Coroutine[Any, Any, Any]) -> Any:
        """Return the result of a request on fsspec's event loop. A server that hangs is given up."""
        bounded = asyncio.wait_for(request, REQUEST_TIMEOUT_S)
        with _as_os_error():
            return asyncio.run_coroutine_threadsafe(bounded, self._files.loop).result()


def _file_system(access: S3Access) -> S3FileSystem:
    try:
        from s3fs import S3FileSystem
    except ImportError as error:
        raise ImportError(MISSING_LIBRARY) from error
    files = S3FileSystem(
        key=_secret(access.access_key_file),
        secret=_secret(access.secret_key_file),
        endpoint_url=access.endpoint or None,
        client_kwargs=_client(access),
        config_kwargs={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "read_timeout": READ_TIMEOUT_S,
            "max_pool_connections": CONNECTIONS,
            "retries": {"max_attempts": 0},
        },
        use_listings_cache=False,
        skip_instance_cache=True,
    )
    files.retries = 1  # the caller repeats, or keeps the picture elsewhere
    return files


def _client(access: S3Access) -> dict[str, Any]:
    region = access.region or (DEFAULT_REGION if access.endpoint else "")
    told = {"region_name": region, "verify": str(access.ca_file or "")}
    return {name: value for name, value in told.items() if value}


def _secret(file: Path | None) -> str | None:
    """Read one key. It is kept out of everything that this process writes."""
    if file is None:
        return None
    secret = file.read_text(encoding="utf-8").strip()
    if not secret:
        raise ValueError(f"{file} is empty; write the key into it")
    remember_secrets([secret])
    return secret


@contextmanager
def _as_os_error() -> Iterator[None]:
    """Turn the errors of the S3 client into OSError: those of connections are none."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except TimeoutError as error:
        raise OSError(f"the server did not answer within {REQUEST_TIMEOUT_S:g} s") from error
    except (BotoCoreError, ClientError) as error:
        raise OSError(str(error)) from error


def _code(error: OSError) -> str:
    """Return the server's code of an error; "" if it did not come from the server."""
    response = getattr(error.__cause__, "response", None)
    return str(response["Error"]["Code"]) if response else ""
