"""Commands that need the model ask the running service for it, through its REST API."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn
from urllib.parse import quote

import httpx

from inspector.access.addresses import is_confidential
from inspector.bootstrap.access import read_secret
from inspector.errors import InspectorError
from inspector.operations.progress import ReportProgress
from inspector.settings import Settings

PREFIX: Final = "/api/v1"
TOKEN_FILE: Final = "api.token"  # in the data folder
REQUEST_TIMEOUT_S: Final = 60.0  # a test shot waits for live frames
POLL_S: Final = 0.5
OPEN_STATES: Final = ("QUEUED", "RUNNING")


class ServiceAddress(NamedTuple):
    """Where the service answers, and the file with the token that the command sends; None: that of the data folder."""

    url: str
    token_file: Path | None = None


@dataclass(frozen=True, slots=True)
class ServiceClient:
    """Sends requests to one service. Every method raises InspectorError with the service's own words."""

    http: httpx.Client
    pause: Callable[[float], None] = time.sleep

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send a body and return the answer."""
        return self._answer("POST", path, body)

    def finished_job(self, path: str, body: Mapping[str, Any], progress: ReportProgress) -> dict[str, Any]:
        """Start a job, follow it to its end, and return its result. Raises InspectorError where it has none."""
        job = self._answer("POST", path, body)
        while job["state"] in OPEN_STATES:
            progress(str(job["kind"]), job["done"], job["total"])
            self.pause(POLL_S)
            job = self._answer("GET", f"/jobs/{job['number']}")
        if job["state"] != "DONE":
            raise InspectorError(f"job {job['number']} of the service is {job['state']}: {job['error'] or 'no reason'}")
        result: dict[str, Any] = job["result"]
        return result

    def _answer(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        try:
            answer = self.http.request(method, f"{PREFIX}{path}", json=body)
            document = answer.json()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            where = self.http.base_url
            raise InspectorError(
                f"no service answers at {where} ({type(error).__name__}); start inspector serve, correct --url, or "
                "leave it out to load the model here"
            ) from error
        except ValueError as error:
            raise InspectorError(f"{self.http.base_url} is not the API of inspector; correct --url") from error
        if not isinstance(document, dict) or not answer.is_success:
            _refuse(answer.status_code, document)
        return document


@contextmanager
def service_client(settings: Settings, address: ServiceAddress) -> Iterator[ServiceClient]:
    """Yield a client of this service. Raises InspectorError for an address that must not see the token."""
    token = _token(settings, address)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        is_safe = not token or is_confidential(address.url)
        http = httpx.Client(base_url=address.url.rstrip("/"), headers=headers, timeout=REQUEST_TIMEOUT_S)
    except (httpx.InvalidURL, ValueError) as error:
        raise InspectorError(f"--url: {address.url} is no web address ({error}); use http://127.0.0.1:8080") from error
    with http:
        if not is_safe:
            raise InspectorError(
                f"--url: {address.url} would carry the token in the clear; use https, or a loopback address"
            )
        yield ServiceClient(http)


def line_path(line: str, *rest: str) -> str:
    """Return a path below a line; names are quoted."""
    return "/".join(("/lines", *(quote(each, safe="") for each in (line, *rest))))


def camera_path(line: str, camera: str, *rest: str) -> str:
    """Return a path below a camera; names are quoted."""
    return "/".join(("/cameras", *(quote(each, safe="") for each in (line, camera, *rest))))


def _token(settings: Settings, address: ServiceAddress) -> str:
    """Return the token; nothing where no file is named and the data folder has none: the service may ask for none."""
    if address.token_file is not None:
        return read_secret(address.token_file, "--token-file")
    file = settings.data / TOKEN_FILE
    return read_secret(file, str(file)) if file.exists() else ""


def _refuse(status: int, document: Any) -> NoReturn:
    """Raise InspectorError with the problem's own words, field by field."""
    problem = document if isinstance(document, dict) else {}
    if status == httpx.codes.UNAUTHORIZED:
        raise InspectorError(
            f"the service asks for a token: inspector token create NAME --role engineer, and write it into "
            f"{TOKEN_FILE} of INSPECTOR_DATA or name it in --token-file"
        )
    faults = [f"{each['field']}: {each['problem']}; {each['remedy']}" for each in problem.get("errors", [])]
    raise InspectorError("; ".join(faults) or str(problem.get("detail") or f"the service answered {status}"))
