"""Serves the built front end: its files, and its one page for every address that is not the API's.

Nothing of a page may come from elsewhere or be written into it: the Content-Security-Policy allows this origin only.
"""

from __future__ import annotations

import gzip
import mimetypes
from functools import lru_cache
from pathlib import Path
from typing import Final

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException

DIST: Final = Path(__file__).parent / "web" / "dist"
NOT_BUILT_TEXT: Final = (
    "inspector runs. Its pages are not built here: run `make web` in the project's folder, then restart the service.\n"
    "An installed wheel has them built in. The REST API is at /api/v1, its description at /api/v1/openapi.json.\n"
)
POLICY: Final = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
PAGE_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
ASSET_HEADERS: Final = PAGE_HEADERS | {"Cache-Control": "public, max-age=31536000, immutable"}
PAGE_TYPES: Final = ("text/html", "*/*")  # that a sender of a page's address accepts
COMPRESSED_SUFFIXES: Final = frozenset({".js", ".css", ".svg", ".txt"})
MAX_COMPRESSED_FILES: Final = 128  # kept in memory; the front end has some 50
SERVICE_PATHS: Final = ("api", "health", "metrics")


def serve_web_pages(app: FastAPI, dist: Path = DIST) -> None:
    """Serve the front end in `dist`; where it is not built, the root says how to build it."""

    @app.get("/{path:path}", include_in_schema=False)
    async def read_page(path: str, request: Request) -> Response:
        if path.split("/")[0] in SERVICE_PATHS:
            raise HTTPException(404, f"/{path} is not served here")
        if not (dist / "index.html").is_file():
            return PlainTextResponse(NOT_BUILT_TEXT, headers=PAGE_HEADERS)
        if file := _file(dist, path):
            return _asset(file, request)
        if not any(kind in request.headers.get("accept", "") for kind in PAGE_TYPES):
            raise HTTPException(404, f"/{path} is no page of the console")
        return FileResponse(dist / "index.html", headers=PAGE_HEADERS, media_type="text/html; charset=utf-8")


def _asset(file: Path, request: Request) -> Response:
    """Return a built file; texts compressed, for those that read that."""
    kind = mimetypes.guess_type(file.name)[0]
    if file.suffix not in COMPRESSED_SUFFIXES:
        return FileResponse(file, headers=ASSET_HEADERS, media_type=kind)
    headers = ASSET_HEADERS | {"Vary": "Accept-Encoding"}
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return FileResponse(file, headers=headers, media_type=kind)
    data = _compressed(file, file.stat().st_mtime_ns)
    return Response(data, headers=headers | {"Content-Encoding": "gzip"}, media_type=kind)


@lru_cache(MAX_COMPRESSED_FILES)
def _compressed(file: Path, changed_at_ns: int) -> bytes:
    """Return a file's gzip bytes; a file that changed is compressed again."""
    del changed_at_ns
    return gzip.compress(file.read_bytes(), mtime=0)


def _file(dist: Path, path: str) -> Path | None:
    """Return the built file of this address; None for one that is none, or lies outside."""
    if not path or path == "index.html" or "\0" in path:
        return None
    file = (dist / path).resolve()
    return file if file.is_relative_to(dist.resolve()) and file.is_file() else None
