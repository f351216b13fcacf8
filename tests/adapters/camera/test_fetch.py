"""Claim checks: pictures are fetched from below an allowed root and from nowhere else, whatever a claim says."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inspector.adapters.camera import CameraPictureReader
from inspector.adapters.camera.fetch import fetch, root_of
from inspector.adapters.pictures import PictureLimits
from inspector.domain.frame import Claim
from inspector.errors import PictureError

PICTURE = b"the picture's bytes"
SHA256 = hashlib.sha256(PICTURE).hexdigest()
SECRET = b"nobody's business"
MOST = 1000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An allowed folder with a picture, beside a secret."""
    allowed = tmp_path / "allowed"
    (allowed / "cam 1").mkdir(parents=True)
    (allowed / "cam 1" / "a.jpg").write_bytes(PICTURE)
    (tmp_path / "secret.jpg").write_bytes(SECRET)
    (tmp_path / "allowed-not").mkdir()
    (tmp_path / "allowed-not" / "a.jpg").write_bytes(SECRET)
    return allowed


def refusal(url: str, roots: list[str], sha256: str = SHA256) -> str:
    with pytest.raises(PictureError) as caught:
        fetch(Claim(url, sha256), roots, MOST)
    return str(caught.value)


def test_a_picture_below_an_allowed_folder_is_fetched(folder: Path) -> None:
    path = folder / "cam 1" / "a.jpg"
    for url in (str(path), path.as_uri(), f"file://localhost{path}", f"{folder}/./cam 1//a.jpg"):
        for root in (str(folder), f"{folder}/", folder.as_uri(), "/"):
            assert fetch(Claim(url, SHA256), ["memory://none", root], MOST) == PICTURE


def test_the_eye_fetches_within_its_roots_and_limits(folder: Path) -> None:
    claim = Claim(str(folder / "cam 1" / "a.jpg"), SHA256)
    assert CameraPictureReader([str(folder)]).fetch(claim) == PICTURE
    with pytest.raises(PictureError, match="are off"):
        CameraPictureReader().fetch(claim)
    with pytest.raises(PictureError, match="more than 10 bytes"):
        CameraPictureReader([str(folder)], PictureLimits(max_bytes=10)).fetch(claim)


@pytest.mark.parametrize(
    ("claimed", "words"),
    [
        ("{folder}/../secret.jpg", "without '..'"),
        ("file://{folder}/%2e%2e/secret.jpg", "without '..'"),
        ("http://plant/frames/..#x", "without '..'"),
        ("{folder}/cam 1/../../secret.jpg", "without '..'"),
        ("{folder}\\..\\secret.jpg", "not plain"),
        ("{folder}/cam 1/a.jpg\0.png", "not plain"),
        ("simplecache::file://{folder}/cam 1/a.jpg", "not plain"),
        ("{folder}-not/a.jpg", "not below an allowed folder"),
        ("/etc/passwd", "not below an allowed folder"),
        ("file:///etc/passwd", "not below an allowed folder"),
        ("file://otherhost{folder}/cam 1/a.jpg", "not below an allowed folder"),
        ("allowed/cam 1/a.jpg", "not below an allowed folder"),
        ("file://{folder}/.\n./secret.jpg", "not plain"),
        ("http://[{folder}/cam 1/a.jpg", "neither a path nor a URL"),
        ("~/a.jpg", "not below an allowed folder"),
        ("http://127.0.0.1:9/a.jpg", "not below an allowed folder"),
        ("local://{folder}/cam 1/a.jpg", "not below an allowed folder"),
        ("data:,the picture's bytes", "not below an allowed folder"),
        ("{folder}", "not below an allowed folder"),
        ("{folder}/cam 1", "no file"),
        ("{folder}/cam 1/missing.jpg", "no file"),
        ("{folder}/" + "x" * 300, "no file"),
    ],
)
def test_a_claim_can_not_lead_elsewhere(folder: Path, claimed: str, words: str) -> None:
    assert words in refusal(claimed.format(folder=folder), [str(folder)])


def test_a_link_out_of_the_folder_is_not_followed(folder: Path) -> None:
    (folder / "link.jpg").symlink_to(folder.parent / "secret.jpg")
    (folder / "up").symlink_to(folder.parent)
    sha256 = hashlib.sha256(SECRET).hexdigest()
    for name in ("link.jpg", "up/secret.jpg"):
        assert "not below" in refusal(str(folder / name), [str(folder)], sha256)


def test_a_link_inside_the_folder_is_followed(folder: Path) -> None:
    (folder / "latest.jpg").symlink_to(folder / "cam 1" / "a.jpg")
    assert fetch(Claim(str(folder / "latest.jpg"), SHA256), [str(folder)], MOST) == PICTURE


def test_a_root_may_itself_be_a_link(folder: Path) -> None:
    root = folder.parent / "mounted"
    root.symlink_to(folder)
    assert fetch(Claim(f"{root}/cam 1/a.jpg", SHA256), [str(root)], MOST) == PICTURE


def test_a_pipe_is_no_picture_and_nobody_waits_for_it(folder: Path) -> None:
    os.mkfifo(folder / "pipe.jpg")
    assert "no file" in refusal(str(folder / "pipe.jpg"), [str(folder)])


def test_another_picture_than_announced_is_refused(folder: Path) -> None:
    assert "sha256 differs" in refusal(str(folder / "cam 1" / "a.jpg"), [str(folder)], "0" * 64)


def test_a_picture_over_the_limit_is_refused(folder: Path) -> None:
    (folder / "large.jpg").write_bytes(bytes(MOST + 1))
    assert "more than 1,000 bytes" in refusal(str(folder / "large.jpg"), [str(folder)])


def test_a_file_that_may_not_be_read_is_refused_with_the_reason() -> None:
    assert "can't be read" in refusal("/proc/self/mem", ["/proc/self"])


def test_a_picture_in_an_object_store_is_fetched() -> None:
    store = fsspec.filesystem("memory")
    store.pipe_file("/frames/a.jpg", PICTURE)
    store.pipe_file("/frames-not/a.jpg", PICTURE)
    assert fetch(Claim("memory://frames/a.jpg", SHA256), ["memory://frames"], MOST) == PICTURE
    assert "not below" in refusal("memory://frames-not/a.jpg", ["memory://frames"])
    assert "can't be read" in refusal("memory://frames/b.jpg", ["memory://frames"])


class Server(SimpleHTTPRequestHandler):
    """Serves files, and sends whoever asks for /moved to the secret."""

    def do_GET(self) -> None:
        if self.path.startswith("/allowed/moved"):
            self.send_response(302)
            self.send_header("Location", "/secret.jpg")
            self.end_headers()
        else:
            super().do_GET()

    do_HEAD = do_GET

    def log_message(self, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def server(folder: Path) -> Iterator[str]:
    web = ThreadingHTTPServer(("127.0.0.1", 0), partial(Server, directory=str(folder.parent)))
    thread = threading.Thread(target=web.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{web.server_port}"
    web.shutdown()
    thread.join()
    web.server_close()


def test_a_picture_on_a_web_server_is_fetched(server: str) -> None:
    claim = Claim(f"{server}/allowed/cam%201/a.jpg", SHA256)
    assert fetch(claim, [f"{server}/allowed"], MOST) == PICTURE


def test_a_web_server_can_not_send_us_elsewhere(server: str) -> None:
    secret = hashlib.sha256(SECRET).hexdigest()
    reason = refusal(f"{server}/allowed/moved.jpg", [f"{server}/allowed"], secret)
    assert "can't be read" in reason or "sha256 differs" in reason


@pytest.mark.parametrize(
    "path", ["/secret.jpg", "/allowed/../secret.jpg", "/allowed/%2e%2e/secret.jpg", "/allowed/..?x", "/allowedx"]
)
def test_other_places_on_the_server_are_refused(server: str, path: str) -> None:
    refusal(server + path, [f"{server}/allowed"], hashlib.sha256(SECRET).hexdigest())


def test_a_server_that_is_away_or_has_no_such_picture_is_told(server: str) -> None:
    assert "can't be read" in refusal("http://127.0.0.1:9/a.jpg", ["http://127.0.0.1:9"])
    assert "can't be read" in refusal(f"{server}/allowed/b.jpg", [f"{server}/allowed"])


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.text(st.characters(exclude_categories=["Cs"])) | st.text("./%2e\\:~a l", max_size=40))
def test_any_claim_is_refused_with_a_reason_and_nothing_else(folder: Path, rest: str) -> None:
    for url in (rest, f"{folder}/{rest}", f"file://{folder}/{rest}", f"http://{rest}"):
        assert "\n" not in refusal(url, [str(folder)])


class DrippingServer(SimpleHTTPRequestHandler):
    """Sends a byte now and then for as long as somebody reads."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(1000):
                self.wfile.write(b"x")
                time.sleep(0.05)

    def do_HEAD(self) -> None:
        self.send_error(405)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


def test_a_server_that_sends_byte_after_byte_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.adapters.camera.fetch.TOTAL_TIMEOUT_S", 0.3)
    with ThreadingHTTPServer(("127.0.0.1", 0), DrippingServer) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        root = f"http://127.0.0.1:{server.server_port}/"
        began_s = time.monotonic()
        assert "can't be read" in refusal(f"{root}a.jpg", [root])
        assert time.monotonic() - began_s < 25.0  # all bytes take 50 s
        server.shutdown()


def test_a_pipe_in_place_of_a_picture_is_refused_without_opening_it(folder: Path) -> None:
    os.mkfifo(folder / "pipe.jpg")
    assert "there is no file" in refusal(str(folder / "pipe.jpg"), [str(folder)])


@pytest.mark.parametrize(
    ("url", "root"),
    [
        ("/a/b/x.jpg", "/a/b"),
        ("file:///a/b/x.jpg", "/a/b"),
        ("http://cam/x.jpg", "http://cam"),
        ("/elsewhere/x.jpg", ""),
        ("/a/bc/x.jpg", ""),
        ("http://[", ""),
    ],
)
def test_root_of_a_claim_is_read_from_its_text(url: str, root: str) -> None:
    assert root_of(Claim(url, ""), ["http://cam", "/a/b"]) == root
